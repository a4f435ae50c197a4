# The page for a folder of sounds:
#   docker build -t soundkin .
#   docker run -p 127.0.0.1:8765:8765 -e SOUNDKIN_TOKEN=secret -v library:/library -v ~/Samples:/sounds:ro soundkin
ARG PYTHON=python:3.13-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
RUN python3 -m venv /opt/soundkin \
 && /opt/soundkin/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt . \
 && /opt/soundkin/bin/pip uninstall --yes --quiet pip

FROM ${PYTHON}
COPY --from=build /opt/soundkin /opt/soundkin
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /library soundkin \
 && install -d -o soundkin -g soundkin /library && install -d /sounds
ENV PATH=/opt/soundkin/bin:$PATH \
    SOUNDKIN_LIBRARY=/library/library.sqlite \
    XDG_DATA_HOME=/library \
    PYTHONDONTWRITEBYTECODE=1
USER soundkin
WORKDIR /sounds
VOLUME ["/library"]
EXPOSE 8765
# Without the token it answers too: that it wants one.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", \
  "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8765, timeout=4); c.request('GET', '/'); raise SystemExit(c.getresponse().status not in (200, 401))"]
ENTRYPOINT ["soundkin"]
CMD ["serve", "--host", "0.0.0.0", "--no-open", "--watch"]
