"""The moderators' console: blueprint /moderation, in French, server-rendered; everything works without JavaScript."""

import dataclasses
import hmac
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from service import accounts, bodies, intake, problems, rollout
from service.accounts import ThrottledError
from service.domain import ATTRIBUTES, REJECTIONS, Decision, Verdict, labels_of
from service.logs import log
from service.marks import marked
from service.model import ModelError
from service.policy import MEANINGS, SIGNALS, PolicyError
from service.problems import Problem
from service.sitelists import LONGEST, reading_of
from service.state import state
from service.store import StoreError, figures, members, outbox, queue, words
from service.store.members import NameTakenError
from service.store.queue import PAGE, AlreadyJudgedError, Entry, Given, GoneError, Who

blueprint = Blueprint("console", __name__, url_prefix="/moderation")
COOKIE = "vigie_session"
LEASE = timedelta(minutes=5)
UNDO = timedelta(minutes=1)
BIG = 2**31
"""No row has such a number."""
ATTRIBUTE_NAMES = {
    "toxicity": "Toxicité",
    "severe_toxicity": "Toxicité grave",
    "insult": "Insulte",
    "identity_attack": "Attaque identitaire",
    "threat": "Menace",
    "profanity": "Grossièreté",
    "sexually_explicit": "Propos sexuels",
    "spam": "Indésirable",
}
DECISIONS = {"accept": "Accepté", "hold": "Retenu", "reject": "Refusé"}
ACTS = {
    "accept": "a accepté",
    "reject": "a refusé",
    "withdraw": "a annulé son verdict",
    "sign_in": "s'est connecté",
    "sign_out": "s'est déconnecté",
}
MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
          "décembre")  # fmt: skip
FILTERS = ("ordre", "motif", "article")
"""What a moderator may choose of the queue; kept from one comment to the next."""
View = Callable[..., ResponseReturnValue]


@blueprint.before_request
def begin() -> ResponseReturnValue | None:
    """Know who asks: everything but signing in needs a session, everything that changes something its form token."""
    g.session = None
    request.max_content_length = state().settings.max_body_bytes
    if any("\0" in value for value in (request.full_path, unquote(request.full_path), *_form_values())):
        raise Problem(422, "Un texte contient un caractère interdit.")
    g.session = accounts.session_of(state().engine, request.cookies.get(COOKIE), _now())
    if request.method == "POST":
        _refuse_other_sites()
    if request.endpoint == "console.sign_in":
        return None
    if g.session is None:
        return redirect(url_for("console.sign_in", suite=request.full_path if request.method == "GET" else None))
    if request.method == "POST" and not hmac.compare_digest(
        _form().get("form_token", "").encode(), g.session.form_token.encode()
    ):
        raise Problem(403, "Ce formulaire n'est plus valable : rechargez la page.")
    return None


@blueprint.after_request
def keep_nothing(response: Response) -> Response:
    """No proxy and no browser keeps a page of the console."""
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.errorhandler(HTTPException)
def told(error: HTTPException) -> ResponseReturnValue:
    code = error.code or 500
    if code < 400:
        return error.get_response()
    body = problems.body(code, error.description if isinstance(error, Problem) else None)
    return render_template("moderation/problem.html", problem=body, **_common(bare=True)), code


@blueprint.errorhandler(StoreError)
def database(error: StoreError) -> ResponseReturnValue:
    log.error("database", fault=str(error))
    g.session = None
    body = problems.body(503, "La base de données ne répond pas, rien n'a été enregistré. Réessayez.")
    return render_template("moderation/problem.html", problem=body, **_common(bare=True)), 503


def administrators_only(view: View) -> View:
    @wraps(view)
    def guarded(*given: Any, **named: Any) -> ResponseReturnValue:
        if g.session.moderator.role != "administrator":
            raise Problem(403, "Cette page est réservée aux administrateurs.")
        return view(*given, **named)

    return guarded


@blueprint.route("/connexion", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    if request.method == "GET":
        return _page("sign_in", message=None, name="", suite=request.args.get("suite", ""))
    form = _form()
    name, suite = form.get("name", "").strip(), form.get("suite", "")
    try:
        begun = accounts.sign_in(state().engine, name, form.get("password", ""), request.remote_addr, _now())
    except ThrottledError:
        message = "Trop d'essais manqués : réessayez dans un quart d'heure."
        return _page("sign_in", message=message, name=name, suite=suite), 429, {"Retry-After": "900"}
    if begun is None:
        return _page("sign_in", message="Nom ou mot de passe inconnu.", name=name, suite=suite), 403
    inside = suite if suite.startswith("/moderation/") and suite.isprintable() else url_for("console.waiting")
    answer = redirect(inside)
    secure = request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"
    answer.set_cookie(COOKIE, begun.secret, path="/moderation", httponly=True, samesite="Strict", secure=secure)
    return answer


@blueprint.post("/deconnexion")
def sign_out() -> ResponseReturnValue:
    accounts.sign_out(state().engine, request.cookies[COOKIE], _who(), _now())
    answer = redirect(url_for("console.sign_in"))
    answer.delete_cookie(COOKIE, path="/moderation")
    return answer


@blueprint.get("/")
def waiting() -> ResponseReturnValue:
    """Show the queue: what waits, oldest or worst first, filtered."""
    page = min(_number("page"), 10_000)
    entries = queue.waiting(state().engine, _site(), _now(), page=page, **_filters())
    total, reasons, articles = queue.counts(state().engine, _site())
    return _page(
        "queue", entries=entries, total=total, reasons=reasons, articles=articles, page=page, more=len(entries) == PAGE
    )


@blueprint.get("/suivant")
def take_next() -> ResponseReturnValue:
    """Lease the next comment to whoever asks, and show it."""
    chosen: dict[str, Any] = {name: request.args[name] for name in (*FILTERS, "fait") if request.args.get(name)}
    passed = request.args.get("passe")
    taken = queue.take_next(state().engine, _site(), _who(), _now(), LEASE, passed=passed, **_filters())
    if taken is None:
        return redirect(url_for("console.waiting", **chosen))
    return redirect(url_for("console.comment", id=taken, **chosen))


@blueprint.get("/commentaires/<id>")
def comment(id: str) -> ResponseReturnValue:
    entry = _entry(id)
    reader = queue.lease(state().engine, id, _who(), _now(), LEASE) if entry.since else None
    given, acts = queue.history(state().engine, id)
    return _page(
        "comment",
        entry=entry,
        reader=reader,
        given=given,
        acts=acts,
        others=queue.by_author(state().engine, entry.submission, _now()),
        limits=state().moderation.policy.attributes,
        told=None,
    )


@blueprint.post("/commentaires/<id>/verdict")
def judge(id: str) -> ResponseReturnValue:
    entry = _entry(id)
    chosen: dict[str, Any] = {name: _form()[name] for name in FILTERS if _form().get(name)}
    try:
        given = queue.give(state().engine, entry.submission.id, _verdict(), _who(), _now(), tell=_tells())
    except GoneError as error:
        raise Problem(404, "Ce commentaire vient d'être effacé.") from error
    except AlreadyJudgedError as error:
        shown = dataclasses.replace(entry, given=error.given, since=None)
        verdicts, acts = queue.history(state().engine, id)
        told = "Un verdict a déjà été rendu sur ce commentaire : le vôtre n'a pas été enregistré."
        others = queue.by_author(state().engine, entry.submission, _now())
        page = {"entry": shown, "reader": None, "given": verdicts, "acts": acts, "others": others, "told": told}
        return _page("comment", limits=state().moderation.policy.attributes, **page), 409
    return redirect(url_for("console.take_next", fait=given.id, **chosen), 303)


@blueprint.post("/verdicts/<int:number>/annuler")
def undo(number: int) -> ResponseReturnValue:
    known = number < BIG
    back = queue.withdraw(state().engine, number, _who(), _now(), UNDO, tell=_tells()) if known else None
    if back is None:
        raise Problem(409, "Ce verdict ne peut plus être annulé : la minute est passée, ou il n'est pas de vous.")
    return redirect(url_for("console.comment", id=back), 303)


@blueprint.post("/lot")
def judge_many() -> ResponseReturnValue:
    """Give the same verdict on every comment that was ticked; those that were judged meanwhile are counted."""
    verdict, done, already = _verdict(), 0, 0
    for chosen_id in request.form.getlist("id")[:PAGE]:
        try:
            queue.give(state().engine, _entry(chosen_id).submission.id, verdict, _who(), _now(), tell=_tells())
            done += 1
        except (AlreadyJudgedError, GoneError, Problem):  # judged, or erased, by somebody else meanwhile
            already += 1
    chosen: dict[str, Any] = {name: _form()[name] for name in FILTERS if _form().get(name)}
    return redirect(url_for("console.waiting", faits=done, deja=already, **chosen), 303)


@blueprint.get("/recherche")
def search() -> ResponseReturnValue:
    words = request.args.get("q", "").strip()[:200]
    page = min(_number("page"), 10_000)
    entries = queue.search(state().engine, _site(), words, _now(), page=page) if words else []
    return _page("search", words=words, entries=entries, page=page, more=len(entries) == PAGE)


@blueprint.route("/essai", methods=["GET", "POST"])
def try_text() -> ResponseReturnValue:
    """Judge a text and store nothing."""
    if request.method == "GET":
        return _page("try", values={}, judgement=None, problem={}, limits=state().moderation.policy.attributes)
    values = {name: _form().get(name, "") for name in ("name", "comment")}
    limits = state().moderation.policy.attributes
    try:
        received = state().comment_schema.load({"name": values["name"] or "Anonyme", "comment": values["comment"]})
    except ValidationError as error:
        problem = problems.body(422, errors=error.messages_dict)
        return _page("try", values=values, judgement=None, problem=problem, limits=limits), 422
    judgement = state().moderation.judge(received.comment, lists=intake.lists())
    return _page("try", values=values, judgement=judgement, problem={}, limits=limits)


@blueprint.route("/listes", methods=["GET", "POST"])
def word_lists() -> ResponseReturnValue:
    """Show the site's own words, put new ones into force, take others out."""
    message = _change_words() if request.method == "POST" else None
    found = words.listed(state().engine, _site(), _now() - timedelta(days=30))
    return _page("lists", listed=found, message=message)


@blueprint.get("/statistiques")
def statistics() -> ResponseReturnValue:
    found = figures.figures(state().engine, _site(), _now(), ZoneInfo(state().settings.time_zone))
    return _page("statistics", figures=found, waited=_duration(found.minutes_in_queue or 0))


@blueprint.route("/membres", methods=["GET", "POST"])
@administrators_only
def people() -> ResponseReturnValue:
    """Show the accounts, make new ones, end old ones."""
    message = _change_people() if request.method == "POST" else None
    return _page("members", moderators=members.all_moderators(state().engine), message=message)


@blueprint.route("/modele", methods=["GET", "POST"])
@administrators_only
def model() -> ResponseReturnValue:
    """Show the releases, and put another one in service."""
    settings, message = state().settings, None
    if request.method == "POST":
        version = _form().get("version", "")
        if version not in {release.version for release in rollout.releases(settings.models)}:
            raise Problem(422, "Ce modèle n'existe pas.")
        try:
            was = rollout.use(settings.models, version, settings.policy)
        except (ModelError, PolicyError) as error:
            log.error("rollout", fault=str(error))
            message = f"{version} ne peut pas être mis en service, l'ancien le reste : {error}"
        else:
            queue.note(state().engine, _who(), "model_use", _now(), {"version": version, "was": was})
            reload = current_app.extensions.get("vigie.reload")
            when = "dans quelques secondes" if reload else "au prochain démarrage"
            message = f"{version} sera en service {when}. Pour revenir en arrière : {was}."
            if reload:
                reload()
    return _page("releases", releases=rollout.releases(settings.models), loaded=state().moderation, message=message)


@blueprint.route("/envois", methods=["GET", "POST"])
@administrators_only
def letters() -> ResponseReturnValue:
    """Show what the site has not taken, and let it be sent again."""
    if request.method == "POST":
        outbox.try_again(state().engine, _now())
        queue.note(state().engine, _who(), "letters_again", _now())
        return redirect(url_for("console.letters"), 303)
    found = outbox.laid_aside(state().engine)
    return _page("letters", letters=found, waiting=outbox.waiting(state().engine) - len(found), tells=_tells())


@blueprint.post("/preferences")
def preferences() -> ResponseReturnValue:
    blurs = _form().get("blurs") == "1"
    members.change_moderator(state().engine, g.session.moderator.name, ends_sessions=False, blurs=blurs)
    return redirect(url_for("console.waiting"), 303)


def _change_people() -> str:
    form, engine = _form(), state().engine
    name, act = form.get("name", "").strip()[:100], form.get("act")
    try:
        if act == "add":
            role = "administrator" if form.get("role") == "administrator" else "moderator"
            if not name:
                return "Donnez un nom."
            members.add_moderator(engine, name, role, accounts.hash_password(form.get("password", "")), _now())
            done = f"Le compte {name} est ouvert."
        elif act == "reset":
            digest = accounts.hash_password(form.get("password", ""))
            done = (
                f"{name} a un nouveau mot de passe." if members.change_moderator(engine, name, password=digest) else ""
            )
        elif act in {"disable", "enable"} and name != g.session.moderator.name:
            changed = members.change_moderator(engine, name, disabled=act == "disable")
            done = f"Le compte {name} est {'fermé' if act == 'disable' else 'rouvert'}." if changed else ""
        elif act in {"disable", "enable"}:
            return "Vous ne pouvez pas fermer votre propre compte."
        else:
            return "Choisissez ce qu'il faut faire de ce compte."
    except ValueError as error:
        return str(error)
    except NameTakenError:
        return f"Le nom {name} est déjà pris."
    queue.note(engine, _who(), f"member_{act}", _now(), {"member": name})
    return done or f"Il n'y a pas de compte {name}."


def _change_words() -> str:
    form, engine = _form(), state().engine
    state().words.until = 0.0  # this worker reads them anew at once, the others within seconds
    if form.get("act") == "remove":
        number = form.get("number", "")
        known = number.isascii() and number.isdecimal() and len(number) < 10
        gone = words.remove(engine, _site(), int(number), _now()) if known else None
        if gone is None:
            return "Ce mot n'est plus dans les listes."
        queue.note(engine, _who(), "word_remove", _now(), {"word": gone})
        return f"« {gone} » est retiré."
    word = " ".join(form.get("word", "").split())[:LONGEST]
    if not reading_of(word):
        return "Donnez un mot ou une expression."
    decision = "reject" if form.get("decision") == "reject" else "hold"
    if not words.add(engine, _site(), word, decision, _who().actor, _now()):
        return f"« {word} » est déjà dans les listes."
    queue.note(engine, _who(), "word_add", _now(), {"word": word, "decision": decision})
    return f"« {word} » est ajouté."


def _verdict() -> Verdict:
    """Return what the form of a comment, or of the queue, says.

    Raises Problem 422 for a decision or a reason that there is not.
    """
    form = _form()
    chosen = form.get("decision")
    if chosen not in {"accept", "reject", "spam"}:
        raise Problem(422, "Choisissez d'accepter, de refuser ou de signaler un indésirable.")
    decision = Decision.accept if chosen == "accept" else Decision.reject
    reason = "SPAM" if chosen == "spam" else (form.get("reason") or None) if chosen == "reject" else None
    if reason is not None and reason not in REJECTIONS:
        raise Problem(422, "Ce motif de refus n'existe pas.")
    labels = labels_of(decision, reason)
    if form.get("precise") == "1" and decision is Decision.reject:
        ticked = set(request.form.getlist("label"))
        labels = {name: int(name in ticked) for name in ATTRIBUTES}
    words = {name: form.get(name, "").strip()[:2000] or None for name in ("legal_ground", "explanation", "note")}
    return Verdict(decision, labels, reason, **words)


def _entry(id: str) -> Entry:
    try:
        entry = queue.entry(state().engine, _site(), str(uuid.UUID(id)), _now())
    except ValueError:
        entry = None
    if entry is None:
        raise Problem(404, "Aucun commentaire n'a cet identifiant.")
    return entry


def _filters() -> dict[str, Any]:
    args = request.args
    return {
        "worst_first": args.get("ordre") == "graves",
        "reason": args.get("motif") or None,
        "article": args.get("article") or None,
    }


def _number(name: str) -> int:
    """Return a number of the address; 0 for none, for what is no number, and for one that no table holds."""
    told = request.args.get(name, "")
    return int(told) if told.isascii() and told.isdecimal() and len(told) < 10 else 0


def _form() -> dict[str, str]:
    if request.mimetype != bodies.FORM:
        raise Problem(415, "Envoyez le formulaire de cette page.")
    return request.form.to_dict()


def _form_values() -> list[str]:
    return [text for pair in request.form.items(multi=True) for text in pair] if request.mimetype == bodies.FORM else []


def _refuse_other_sites() -> None:
    """Refuse a form that another site's page has sent."""
    origin = request.headers.get("Origin")
    foreign = origin is not None and origin.partition("://")[2] != request.host
    if foreign or request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise Problem(403, "Ce formulaire vient d'un autre site.")


def _page(template: str, **values: Any) -> str:
    return render_template(f"moderation/{template}.html", **_common(), **values)


def _common(*, bare: bool = False) -> dict[str, Any]:
    """Return what every page needs; *bare* reads neither the form nor the database: it tells of an error in them."""
    session = g.get("session")
    chosen = {name: (request.args if bare else request.values).get(name, "") for name in FILTERS}
    return {
        "me": session.moderator if session else None,
        "form_token": session.form_token if session else "",
        "attribute_names": ATTRIBUTE_NAMES,
        "rejections": REJECTIONS,
        "decisions": DECISIONS,
        "acts_words": ACTS,
        "meanings": {**MEANINGS, **{code: meaning for code, (_, meaning) in SIGNALS.items()}},
        "marks": lambda submission: marked(
            submission.comment.text, map(dataclasses.asdict, submission.judgement.reasons)
        ),
        "moment": _moment,
        "undoable": _undoable(session) if session and request.method == "GET" and not bare else None,
        "chosen": chosen,
        "filters": {name: value for name, value in chosen.items() if value},
    }


def _undoable(session: members.Session) -> Given | None:
    """Return the verdict that was given just now, while it can be undone."""
    number = _number("fait")
    given = queue.last_given(state().engine, number) if number else None
    mine = given is not None and given.moderator_id == session.moderator.id and given.withdrawn_at is None
    return given if mine and given is not None and given.given_at >= _now() - UNDO else None


def _moment(at: datetime) -> str:
    """Return a moment as a French newspaper writes it, in the time zone of the settings."""
    local = at.astimezone(ZoneInfo(state().settings.time_zone))
    day = "1er" if local.day == 1 else local.day
    return f"{day} {MONTHS[local.month - 1]} {local.year}, {local.hour} h {local.minute:02}"


def _duration(minutes: float) -> str:
    if minutes < 90:
        return f"{max(1, round(minutes))} minute(s)"
    return f"{round(minutes / 60)} heures" if minutes < 48 * 60 else f"{round(minutes / 1440)} jours"


def _who() -> Who:
    moderator = g.session.moderator
    return Who(actor=moderator.name, id=moderator.id, address=request.remote_addr)


def _tells() -> bool:
    return state().settings.webhook_url is not None


def _site() -> str:
    return state().settings.site


def _now() -> datetime:
    return datetime.now(UTC)
