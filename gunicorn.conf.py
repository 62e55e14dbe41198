"""How gunicorn runs Vigie: the model is loaded once, then shared by the workers it forks."""

import os
import shutil
import signal
from itertools import count
from pathlib import Path

from service import logs, metrics, webhooks
from service.app import create_app
from service.cli import FAULTS
from service.settings import Settings

settings = Settings.from_env()

bind = f"{settings.host}:{settings.port}"
workers = settings.workers
worker_class = "sync"
preload_app = True
timeout = settings.request_timeout
graceful_timeout = settings.request_timeout
max_requests = 20_000  # a worker is renewed before a slow leak matters …
max_requests_jitter = 2_000  # … and not all at once
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
control_socket_disable = True  # it would need a writable home
logconfig_dict = logs.config(settings)
accesslog = None  # each request is logged by the app, without its query


def pre_fork(server, worker):  # type: ignore[no-untyped-def]
    """Give the worker the first free place among the living."""
    taken = {other.place for other in server.WORKERS.values()}
    worker.place = next(place for place in count(1) if place not in taken)


def post_fork(server, worker):  # type: ignore[no-untyped-def]
    """Let the worker count where the one before it in its place stopped."""
    metrics.place["name"] = f"{server.pid}-{worker.place}"


def post_worker_init(worker):  # type: ignore[no-untyped-def]
    """Let each worker tell the site of verdicts: who takes a letter first has it, and the end of one stops nothing."""
    state = getattr(worker.app.wsgi(), "extensions", {}).get("vigie")  # the bench serves an empty app with this file
    if state is not None:
        webhooks.start(state.sites, state.engine)
        worker.app.wsgi().extensions["vigie.reload"] = lambda: os.kill(os.getppid(), signal.SIGHUP)


def on_reload(server):  # type: ignore[no-untyped-def]
    """Take up the release and the policy that are named now (SIGHUP); keep the former ones when those are wrong."""
    former = server.app.wsgi().extensions["vigie"]
    try:
        app = create_app(settings)
    except FAULTS as error:
        server.log.error(f"The former model and policy stay in service: {error}")  # noqa: G004, TRY400
        return
    new = app.extensions["vigie"]
    was, now = ((each.moderation.model.version, each.moderation.policy.version) for each in (former, new))
    former.metrics.versions.labels(*was).set(0)
    new.metrics.versions.labels(*now).set(1)
    server.app.callable = app
    server.log.info("In service from now on: model %s, policy %s", *now)


def on_exit(server):  # type: ignore[no-untyped-def]
    """Remove the folder of figures that `vigie serve` made, unless another master goes on with it (SIGUSR2)."""
    folder = Path(os.environ[metrics.DIRECTORY])
    if folder.name.startswith("vigie-metrics-") and not server.reexec_pid:
        shutil.rmtree(folder, ignore_errors=True)
