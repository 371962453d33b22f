# The plain server. No image holds a setting: give them as variables, see docs/settings.md.
FROM python:3.12-slim AS build
WORKDIR /app
COPY requirements.txt pyproject.toml README.md ./
COPY chat2api_core chat2api_core
COPY api api
RUN python3 -m venv venv && venv/bin/pip install --no-cache-dir --quiet '.[server,tokens]'

FROM python:3.12-slim
WORKDIR /app
COPY --from=build /app/venv venv
# What a server remembers without Redis is one file in here.
RUN mkdir -m 1777 .data
ENV PYTHONUNBUFFERED=1 ENV=container
# A number, so that a cluster can see that it is not root.
USER 10001:10001
EXPOSE 3040
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/app/venv/bin/python", "-c", "import os, urllib.request as r; at = ['http://127.0.0.1:' + os.environ.get('PORT', '3040'), os.environ.get('API_PREFIX', '').strip('/'), 'health']; r.urlopen('/'.join(filter(None, at)), timeout=4)"]
CMD ["/app/venv/bin/python", "-m", "chat2api_core", "--host", "0.0.0.0"]
