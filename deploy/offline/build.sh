#!/usr/bin/env bash
# Everything that a machine without a network needs to run Suda, in one archive:
#   deploy/offline/build.sh [-o DIRECTORY] [-b BUNDLE]
# for this machine's processor, C library and version of Python. BUNDLE: a model of your own to go
# along; the shipped one is in the wheel.
set -euo pipefail

python=${PYTHON:-python3}
output=dist
bundle=
while getopts o:b: option; do
  case $option in
    o) output=$OPTARG ;;
    b) bundle=$(realpath "$OPTARG") ;;
    *) exit 2 ;;
  esac
done
mkdir -p "$output"
output=$(realpath "$output")
cd "$(dirname "$0")/../.."

version=$("$python" -c 'import tomllib; print(tomllib.load(open("pyproject.toml", "rb"))["project"]["version"])')
tag=$("$python" -c 'import platform, sys; print(f"cp{sys.version_info[0]}{sys.version_info[1]}-{sys.platform}-{platform.machine()}")')
name=suda-$version-$tag
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/$name
mkdir -p "$root"/{wheels,clients,deploy,docs}

# From copies: setuptools leaves its work in the directory it builds in, and takes it up again.
mkdir -p "$stage"/{source,client}
tar --create --exclude=__pycache__ --exclude='*.egg-info' \
  pyproject.toml README.md LICENSE data model serving eval training | tar --extract --directory="$stage/source"
tar --create --exclude=__pycache__ --exclude='*.egg-info' --exclude=build --directory=clients/python . \
  | tar --extract --directory="$stage/client"
"$python" -m pip wheel --quiet --constraint deploy/constraints.txt --wheel-dir "$root/wheels" \
  "$stage/source[postgres,otel]"
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$root/clients" "$stage/client"
cp -r deploy/suda.service deploy/systemd deploy/prometheus deploy/grafana "$root/deploy/"
cp docs/*.md docs/openapi.json "$root/docs/"
cp deploy/offline/install.sh deploy/offline/README.md LICENSE CHANGELOG.md "$root/"
if [ -n "$bundle" ]; then
  cp -r "$bundle" "$root/bundle"
fi
printf '%s\n' "$version" > "$root/VERSION"
printf '%s\n' "$tag" > "$root/PLATFORM"
(cd "$root" && find . -type f -print0 | sort -z | xargs -0 sha256sum) > "$stage/sums"
mv "$stage/sums" "$root/SHA256SUMS"

# The same content gives the same archive.
tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --directory="$stage" "$name" \
  | gzip --no-name > "$output/$name.tar.gz.partial"
mv "$output/$name.tar.gz.partial" "$output/$name.tar.gz"
(cd "$output" && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256")
echo "$output/$name.tar.gz"
