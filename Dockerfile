# Two images from one file, both without a compiler and without root:
#   docker build -t suda .                       serves; free of torch
#   docker build -t suda-train --target train .  retrains (deploy/retrain)
# Behind a mirror: --build-arg PIP_INDEX_URL=…  For `train` on machines without a GPU, name the index
# of torch's CPU wheels with --build-arg PIP_EXTRA_INDEX_URL=…; else pip takes the CUDA build.

FROM python:3.11-slim-bookworm AS source
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY deploy/constraints.txt deploy/constraints.txt
COPY data data
COPY model model
COPY serving serving
COPY eval eval
COPY training training

FROM source AS wheels
RUN ["python", "-m", "pip", "wheel", "--wheel-dir=/wheels", "--constraint=deploy/constraints.txt", ".[postgres,otel]"]

FROM source AS train-wheels
RUN ["python", "-m", "pip", "wheel", "--wheel-dir=/wheels", "--constraint=deploy/constraints.txt", ".[postgres,otel,train]"]

FROM python:3.11-slim-bookworm AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="suda" \
      org.opencontainers.image.description="Complaint triage for Chinese banks, offline" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# A number, so that Kubernetes can see that it is not root.
RUN groupadd --gid 10001 suda \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/suda --shell /usr/sbin/nologin suda \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/suda
# The root may be read-only. Two places are written to: /var/lib/suda (database where it is SQLite,
# registry of models, files of jobs on their way in) and /tmp (jieba keeps its dictionary there).
ENV HOME=/var/lib/suda \
    TMPDIR=/tmp \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    SUDA_AUTH=on \
    SUDA_DATABASE_URL=sqlite:////var/lib/suda/suda.sqlite3 \
    SUDA_HOST=0.0.0.0 \
    SUDA_JOB_SPOOL=/var/lib/suda \
    SUDA_LOG_FORMAT=json \
    SUDA_PORT=8000

FROM runtime AS train
# The only versions in /wheels are those of deploy/constraints.txt.
# hadolint ignore=DL3013
RUN --mount=type=bind,from=train-wheels,source=/wheels,target=/wheels \
    ["python", "-m", "pip", "install", "--no-cache-dir", "--no-index", "--find-links=/wheels", "suda[postgres,otel,train]"]
ENV PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/suda
VOLUME ["/var/lib/suda"]
ENTRYPOINT ["suda"]
CMD ["monitor", "--act"]

FROM runtime AS serve
# The only versions in /wheels are those of deploy/constraints.txt.
# hadolint ignore=DL3013
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    ["python", "-m", "pip", "install", "--no-cache-dir", "--no-index", "--find-links=/wheels", "suda[postgres,otel]"]
ENV PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/suda
VOLUME ["/var/lib/suda"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['SUDA_PORT']}/livez\", timeout=4)"]
ENTRYPOINT ["suda"]
CMD ["serve"]
