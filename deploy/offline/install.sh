#!/bin/sh
# Install Suda from this directory, without a network:
#   ./install.sh [--prefix DIRECTORY] [--python PROGRAM] [--service]
# The version goes to DIRECTORY-VERSION (default /opt/suda-VERSION), and DIRECTORY is a link to it, so
# that the version before is one link away. --service, as root: also user, directories, systemd units.
set -eu

prefix=/opt/suda
python=python3
service=no
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) prefix=$2; shift 2 ;;
    --python) python=$2; shift 2 ;;
    --service) service=yes; shift ;;
    *) echo "usage: install.sh [--prefix DIRECTORY] [--python PROGRAM] [--service]" >&2; exit 2 ;;
  esac
done
cd "$(dirname "$0")"
version=$(cat VERSION)
wanted=$(cat PLATFORM)

fail() { echo "install.sh: $1" >&2; exit 1; }

sha256sum --check --quiet SHA256SUMS || fail "a file is not what was packed; copy the archive again"
command -v "$python" > /dev/null || fail "there is no $python; name one with --python"
found=$("$python" -c 'import platform, sys; print(f"cp{sys.version_info[0]}{sys.version_info[1]}-{sys.platform}-{platform.machine()}")')
[ "$found" = "$wanted" ] || fail "this archive is for $wanted, and $python is $found; build one there"
"$python" -c 'import ensurepip, venv' 2> /dev/null || fail "$python has no venv (Debian: python3-venv)"
if [ -e "$prefix" ] && [ ! -L "$prefix" ]; then
  fail "$prefix is there and not a link; move it away or choose another --prefix"
fi

target=$prefix-$version
# The scripts in a virtual environment name its path: it is made where it stays.
[ ! -e "$target" ] || fail "$target is there already; remove it to install it again"
trap 'rm -rf "$target"' EXIT
"$python" -m venv "$target"
"$target/bin/python" -m pip install --quiet --no-index --disable-pip-version-check \
  --find-links wheels "suda[postgres,otel]==$version"
cp -r docs deploy clients "$target/"
if [ -d bundle ]; then cp -r bundle "$target/bundle"; fi
"$target/bin/suda" --help > /dev/null || fail "the installed program does not start"
trap - EXIT
ln -sfn "$target" "$prefix.link"
mv -T "$prefix.link" "$prefix"

if [ "$service" = yes ]; then
  [ "$(id -u)" = 0 ] || fail "--service needs root; Suda itself is in $target"
  id suda > /dev/null 2>&1 || useradd --system --home-dir /var/lib/suda --shell /usr/sbin/nologin suda
  install -d -o suda -g suda -m 0750 /var/lib/suda /var/lib/suda-anchors /var/backups/suda
  install -d -m 0755 /etc/suda
  [ -e /etc/suda/suda.env ] || install -m 0600 /dev/null /etc/suda/suda.env
  sed "s|/opt/suda/|$prefix/|g" deploy/suda.service > /etc/systemd/system/suda.service
  for unit in deploy/systemd/*; do
    sed "s|/opt/suda/|$prefix/|g" "$unit" > "/etc/systemd/system/$(basename "$unit")"
  done
  systemctl daemon-reload
fi
echo "Suda $version is in $target, and $prefix points there. README.md says what is next."
