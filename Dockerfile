# Vigie with its model, served by gunicorn as an ordinary user. `make image` builds it, `make image-test` proves it.
# A read-only root is enough: what is kept lies in /data, what may be forgotten in /tmp. See docs/operations.md.

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /app
RUN python -m venv --without-pip /venv
COPY requirements.lock ./
# The libraries' own tests are a tenth of their size, and nobody runs them here.
RUN pip --python /venv/bin/python install --require-hashes -r requirements.lock \
 && find /venv/lib -type d -name tests -path '*/site-packages/*' -prune -exec rm -rf {} +
COPY pyproject.toml README.md LICENSE gunicorn.conf.py ./
COPY service service
# The `vigie` command refers to /app, as `make serve` refers to the checkout: both find the models beside the package.
RUN pip --python /venv/bin/python install --no-deps --no-build-isolation --editable . \
 && pip --python /venv/bin/python uninstall --yes setuptools \
 && rm -rf ./*.egg-info build \
 && /venv/bin/python -m compileall -q service

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    VIGIE_HOST=0.0.0.0 \
    VIGIE_PORT=8000 \
    VIGIE_DATABASE=sqlite:////data/vigie.db \
    VIGIE_TRY_PAGE=off
WORKDIR /app
RUN install -d -o 10001 -g 10001 /data
COPY --from=build /venv /venv
COPY --from=build /app /app
COPY integrations/python integrations/python
COPY models models
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['VIGIE_PORT'] + '/healthz', timeout=4)"]
# `exec`: gunicorn is process 1, so that `docker stop` reaches it and waits for the requests in flight.
CMD ["sh", "-c", "vigie db upgrade && exec vigie serve"]
