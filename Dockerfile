# Outrider as a small image: one virtual environment on a slim Python, no pip, no compiler, nobody's user.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
# What is downloaded is fixed by the hashes of the lock files; a wheel for everything, so nothing is compiled.
COPY requirements.txt requirements-build.txt ./
RUN python3 -m venv --without-pip /build \
 && python3 -m venv --without-pip /outrider \
 && pip --python /build/bin/python install --no-cache-dir --no-compile --only-binary :all: \
      --require-hashes --requirement requirements-build.txt \
 && pip --python /outrider/bin/python install --no-cache-dir --no-compile --only-binary :all: \
      --require-hashes --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY proxy ./proxy
# Installed by name: where a wheel is named by its file, its hash is recorded, and that depends on the checkout's times.
# There is one version to choose from, the one just made:
# hadolint ignore=DL3013
RUN pip --python /build/bin/python wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && pip --python /outrider/bin/python install --no-cache-dir --no-compile --no-deps --no-index \
      --find-links /wheels outrider
# Compiled once, by hash and not by time: a read-only root starts as fast, and two builds are alike. Forced, because pip
# runs in the same environment and leaves there, by time, what it imports itself.
RUN /outrider/bin/python -m compileall -q -f --invalidation-mode unchecked-hash /outrider/lib \
 && find /outrider -newermt '@0' -exec touch --no-dereference --date '@0' {} +

FROM ${BASE}
LABEL org.opencontainers.image.title="Outrider" \
      org.opencontainers.image.description="A local reverse proxy that authenticates, retries and paces API calls" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN find / -xdev \( -path '*-packages/pip' -o -path '*-packages/pip-*' -o -path '*/python3*/ensurepip' \
      -o -path '*/bin/pip*' \) -prune -exec rm -rf {} + \
 && mkdir -p /etc/outrider /var/lib/outrider \
 && chown 10001:10001 /var/lib/outrider && chmod 0700 /var/lib/outrider
COPY --from=build /outrider /outrider
ENV PATH=/outrider/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /
EXPOSE 8080 9901
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/outrider/bin/outrider", "healthcheck"]
ENTRYPOINT ["/outrider/bin/outrider"]
CMD ["run"]
