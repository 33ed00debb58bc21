# The image of the sidecar: an interpreter, the libraries it loads, surehup, and nothing else.
# docs/image.md says what is in it; docker/build builds it with what the machine has.
#
# The tag says what is meant, the digest what is taken. Both are arguments, so that another base can
# be tried: --build-arg PYTHON=... --build-arg PYTHON_DIGEST=
ARG PYTHON=python:3.11-slim-bookworm
ARG PYTHON_DIGEST=@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${PYTHON}${PYTHON_DIGEST} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# Dependencies first: their layer stays while only surehup changes. The two secrets are optional:
# where packages come from, and whom to trust for it, are no part of an image.
COPY .ci/lock-runtime.txt docker/lock-build.txt ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    python3 -m pip install --quiet --no-compile --no-deps --require-hashes --only-binary :all: \
        --target packages --requirement lock-runtime.txt \
 && python3 -m pip install --quiet --no-deps --require-hashes --only-binary :all: \
        --target tools --requirement lock-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY sidecar sidecar
RUN PYTHONPATH=tools python3 -m pip install --quiet --no-compile --no-index --no-deps \
        --no-build-isolation --target surehup .
COPY docker docker
ARG SOURCE_DATE_EPOCH=0
RUN python3 docker/prune.py docker/keep-packages.txt packages surehup \
 && python3 docker/collect.py --packages packages --own surehup /out/runtime /out/surehup \
 && python3 docker/sbom.py /out/surehup/usr/share/sbom/surehup.cdx.json \
        /out/runtime /out/surehup \
 && python3 docker/finish.py "$SOURCE_DATE_EPOCH" /out/runtime /out/surehup

# For `--target sbom --output .`: the bill of materials alone.
FROM scratch AS sbom
COPY --from=builder /out/surehup/usr/share/sbom/surehup.cdx.json /

FROM scratch
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG BASE=python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="surehup" \
      org.opencontainers.image.description="Turns an edited ConfigMap into a proven reload" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
COPY --from=builder /out/runtime /
COPY --from=builder /out/surehup /
# SSL_CERT_FILE: the system's roots, for webhooks and daemons; the API server's CA comes with the pod.
ENV PATH=/usr/local/bin:/usr/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# A number, so that `runAsNonRoot` can be checked before the start. In a pod the daemon's UID replaces
# it: nothing in the image belongs to this one.
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["surehup"]
CMD ["run"]
