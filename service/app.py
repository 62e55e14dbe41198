"""Puts everything together, and judges nothing."""

from importlib.metadata import version
from time import perf_counter

import structlog
from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from service import api, console, openapi, probes, problems, store, try_page
from service.compat import akismet, coral, perspective
from service.lexicon import Lexicon, load_lexicon
from service.logs import log, request_id
from service.metrics import Metrics
from service.model import Model, load_model
from service.moderation import Moderation
from service.policy import load_policy
from service.rates import Rates
from service.schemas import body_schemas, comment_schema
from service.settings import Settings
from service.shadow import LATER
from service.sites import load_sites
from service.state import Fresh, State, state
from service.store import keys

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def create_app(settings: Settings) -> Flask:
    """Return the application: model, sites, policies and database are opened and checked here, once.

    Raises SettingsError, ModelError, PolicyError, LexiconError or StoreError: such an app must not start.
    """
    metrics = Metrics()
    model = load_model(settings.models)
    sites = load_sites(settings)
    policies = {site.name: load_policy(model.folder / "policy.toml", site.policy) for site in sites.values()}
    policy = policies.pop(settings.site)
    lexicon = load_lexicon()
    shadow = _shadow(settings, model, lexicon)
    engine = store.open_engine(settings.database)
    store.check(engine)
    known = keys.known(engine)
    engine.dispose()  # no connection may cross the fork into gunicorn's workers
    metrics.versions.labels(model.version, policy.version).set(1)

    app = Flask(__name__)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}
    schema = comment_schema(settings.max_name_bytes, settings.max_comment_bytes)
    app.extensions["vigie"] = State(
        settings=settings,
        engine=engine,
        sites=sites,
        policies=policies,
        rates=Rates(),
        keys=Fresh(known),
        moderation=Moderation(lexicon, model, policy, metrics.step),
        shadow=shadow,
        metrics=metrics,
        comment_schema=schema,
    )
    if n := settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)  # type: ignore[method-assign]
    app.before_request(_begin)
    app.after_request(_end)
    problems.init_app(app)
    for room in (api, probes, openapi, try_page, console, perspective, akismet, coral):
        app.register_blueprint(room.blueprint)
    app.extensions["vigie.openapi"] = openapi.document(app, version("vigie"), body_schemas(schema))
    return app


def _shadow(settings: Settings, served: Model, lexicon: Lexicon) -> Moderation | None:
    """Return what judges beside, without effect; None when the settings name nothing."""
    if settings.shadow_model is None and settings.shadow_policy is None:
        return None
    model = served if settings.shadow_model is None else load_model(settings.models, settings.shadow_model)
    policy = load_policy(model.folder / "policy.toml", settings.shadow_policy or settings.policy)
    return Moderation(lexicon, model, policy)


def _begin() -> None:
    g.begun = perf_counter()
    g.request_id = request_id(request.headers.get("X-Request-ID"))
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    seconds = perf_counter() - g.begun
    endpoint = request.endpoint or "unmatched"
    metrics = state().metrics
    method = request.method if request.method in {"GET", "POST", "HEAD", "OPTIONS"} else "other"
    metrics.requests.labels(endpoint, method, str(response.status_code)).inc()
    metrics.seconds.labels(endpoint).observe(seconds)
    log.info("request", endpoint=endpoint, method=method, status=response.status_code, ms=round(1000 * seconds, 2))
    for later in request.environ.get(LATER, ()):
        response.call_on_close(later)
    response.headers["X-Request-ID"] = g.request_id
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
