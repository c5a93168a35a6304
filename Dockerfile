# The service, with the model that comes with the package. It runs as an unprivileged user, and writes nothing:
#
#     docker build -t showtell .
#     docker run --rm -p 8000:8000 --read-only --cap-drop ALL --security-opt no-new-privileges showtell
#     docker run --rm -p 8000:8000 --read-only -v "$PWD/mine.showtell:/model.showtell:ro" showtell --model /model.showtell
#
# Set a token with -e SHOWTELL_TOKEN=...; arguments after the image's name are options of `showtell serve`.

FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
RUN python -m venv /showtell && /showtell/bin/pip install --no-cache-dir --no-compile '.[serve]'

FROM python:3.11-slim
COPY --from=build /showtell /showtell
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65534:65534
WORKDIR /
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
    CMD ["/showtell/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["/showtell/bin/showtell", "serve", "--host", "0.0.0.0"]
