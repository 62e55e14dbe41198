"""What goes with the work: a box to try texts, the site's own words, figures, accounts, releases, letters."""

from collections import Counter
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError

from service import accounts, intake, keys, problems, rollout
from service.console.door import COOKIE, administrators_only, blueprint
from service.console.page import duration, now, render, sent, site, told, who
from service.domain import Decision
from service.lexicon import phrase_of
from service.logs import log
from service.model import ModelError
from service.policy import PolicyError
from service.problems import Problem
from service.sitelists import LONGEST
from service.sites import Site
from service.state import state
from service.store import acts, figures, members, outbox, shadows, words
from service.store import keys as store_keys
from service.store.members import NameTakenError

SCOPE_NAMES = {
    "judge": "soumettre des commentaires",
    "verdict": "dire ce que des personnes ont décidé",
    "author": "exporter et effacer ce qui est conservé d'un auteur",
}


@blueprint.route("/essai", methods=["GET", "POST"])
def try_text() -> ResponseReturnValue:
    """Judge a text and store nothing."""
    chosen = _site()
    limits = state().moderation_of(chosen.name).policy.attributes
    if request.method == "GET":
        return render("try", values={}, judgement=None, problem={}, limits=limits)
    values = {name: sent().get(name, "") for name in ("name", "comment")}
    try:
        received = state().comment_schema.load({"name": values["name"] or "Anonyme", "comment": values["comment"]})
    except ValidationError as error:
        problem = problems.body(422, errors=error.messages_dict)
        return render("try", values=values, judgement=None, problem=problem, limits=limits), 422
    judging = state().moderation_of(chosen.name)
    judgement = judging.judge(received.comment, lists=intake.lists(chosen))
    return render("try", values=values, judgement=judgement, problem={}, limits=limits)


@blueprint.route("/listes", methods=["GET", "POST"])
def word_lists() -> ResponseReturnValue:
    """Show the site's own words, put new ones into force, take others out."""
    message = _change_words() if request.method == "POST" else None
    found = words.listed(state().engine, _site().name, now() - timedelta(days=30))
    return render("lists", listed=found, message=message, of=_site().name)


@blueprint.get("/statistiques")
def statistics() -> ResponseReturnValue:
    found = figures.figures(state().engine, site(), now(), ZoneInfo(state().settings.time_zone))
    return render("statistics", figures=found, waited=duration(found.minutes_in_queue or 0))


@blueprint.route("/membres", methods=["GET", "POST"])
@administrators_only
def people() -> ResponseReturnValue:
    """Show the accounts, make new ones, end old ones."""
    message = _change_people() if request.method == "POST" else None
    return render("members", moderators=members.all_moderators(state().engine), message=message)


@blueprint.route("/modele", methods=["GET", "POST"])
@administrators_only
def model() -> ResponseReturnValue:
    """Show the releases, and put another one in service."""
    settings, message = state().settings, None
    if request.method == "POST":
        version = sent().get("version", "")
        if version not in {release.version for release in rollout.releases(settings.models)}:
            raise Problem(422, "Ce modèle n'existe pas.")
        try:
            was = rollout.use(settings.models, version, settings.policy)
        except (ModelError, PolicyError) as error:
            log.error("rollout", fault=str(error))
            message = f"{version} ne peut pas être mis en service, l'ancien le reste : {error}"
        else:
            acts.note(state().engine, who(), "model_use", now(), {"version": version, "was": was})
            reload = current_app.extensions.get("vigie.reload")
            when = "dans quelques secondes" if reload else "au prochain démarrage"
            message = f"{version} sera en service {when}. Pour revenir en arrière : {was}."
            if reload:
                reload()
    shown = {"loaded": state().moderation, "shadow": _shadowed(), "message": message}
    return render("releases", releases=rollout.releases(settings.models), **shown)


@blueprint.route("/envois", methods=["GET", "POST"])
@administrators_only
def letters() -> ResponseReturnValue:
    """Show what the site has not taken, and let it be sent again."""
    if request.method == "POST":
        outbox.try_again(state().engine, now())
        acts.note(state().engine, who(), "letters_again", now())
        return redirect(url_for("console.letters"), 303)
    found = outbox.laid_aside(state().engine)
    return render("letters", letters=found, waiting=outbox.waiting(state().engine) - len(found), tells=bool(told()))


@blueprint.post("/seances")
def end_other_sessions() -> ResponseReturnValue:
    """Sign this moderator out everywhere else."""
    ended = members.end_other_sessions(state().engine, g.session.moderator, accounts.digest(request.cookies[COOKIE]))
    acts.note(state().engine, who(), "sign_out_elsewhere", now(), {"sessions": ended})
    return redirect(url_for("console.waiting"), 303)


@blueprint.post("/preferences")
def preferences() -> ResponseReturnValue:
    blurs = sent().get("blurs") == "1"
    members.change_moderator(state().engine, g.session.moderator.name, ends_sessions=False, blurs=blurs)
    return redirect(url_for("console.waiting"), 303)


@blueprint.route("/cles", methods=["GET", "POST"])
@administrators_only
def programs() -> ResponseReturnValue:
    """Show the keys of sites, make new ones, end old ones."""
    minted, message = _change_keys() if request.method == "POST" else (None, None)
    return render(
        "keys",
        keys=store_keys.listed(state().engine),
        minted=minted,
        message=message,
        all_sites=tuple(state().sites),
        scopes=SCOPE_NAMES,
        usual=keys.USUAL_SCOPES,
    )


def _shadowed() -> dict[str, Any] | None:
    """Return what the shadow would have decided in the last thirty days, beside what was decided; None without any."""
    shadow = state().shadow
    if shadow is None:
        return None
    versions = (shadow.model.version, shadow.policy.version)
    seen = list(shadows.compared(state().engine, site(), *versions, now() - timedelta(days=30)))
    passed = [
        [what is Decision.accept for what in (was, would, verdict)]
        for was, would, verdict in seen
        if verdict is not None
    ]
    return {
        "model": versions[0], "policy": versions[1], "seen": len(seen),
        "changes": Counter((was.name, would.name) for was, would, _ in seen),
        "judged": len(passed),
        "was_right": sum(was == verdict for was, _, verdict in passed),
        "would_be_right": sum(would == verdict for _, would, verdict in passed),
    }  # fmt: skip


def _site() -> Site:
    """Return the site that was chosen, or that of the settings: some pages are about one site."""
    return state().sites[site() or state().settings.site]


def _change_keys() -> tuple[str | None, str]:
    """Return a key that was made just now, to be shown this once, and what was done."""
    form, engine = sent(), state().engine
    state().keys.until = 0.0  # this worker reads them anew at once, the others within seconds
    if form.get("act") == "revoke":
        number = form.get("number", "")
        known = number.isascii() and number.isdecimal() and len(number) < 10
        if not known or not store_keys.revoke(engine, int(number), now()):
            return None, "Cette clé n'est plus en vigueur."
        acts.note(engine, who(), "key_revoke", now(), {"key": int(number)})
        return None, f"La clé n° {number} est révoquée."
    of, note = form.get("of", ""), form.get("note", "").strip()[:200]
    scopes = [scope for scope in keys.SCOPES if scope in request.form.getlist("scope")]
    if of not in state().sites or not scopes:
        return None, "Choisissez un site et au moins une portée."
    newest = str(max((key.id for key in store_keys.listed(engine)), default=0))
    if form.get("newest", newest) != newest:  # the page was loaded again, and the browser sent its form again
        return None, "Une clé a été faite depuis : voyez la liste, puis recommencez s'il en faut une autre."
    minted = keys.mint()
    made = store_keys.add(engine, keys.digest(minted), of, scopes, keys.USUAL_RATE, note, who().actor, now())
    acts.note(engine, who(), "key_new", now(), {"key": made, "site": of, "scopes": scopes})
    return minted, f"La clé n° {made} est faite pour le site {of}."


def _change_people() -> str:
    form, engine = sent(), state().engine
    name, act = form.get("name", "").strip()[:100], form.get("act")
    try:
        if act == "add":
            role = "administrator" if form.get("role") == "administrator" else "moderator"
            if not name:
                return "Donnez un nom."
            members.add_moderator(engine, name, role, accounts.hash_password(form.get("password", "")), now())
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
    acts.note(engine, who(), f"member_{act}", now(), {"member": name})
    return done or f"Il n'y a pas de compte {name}."


def _change_words() -> str:
    form, engine, of = sent(), state().engine, _site().name
    state().words.pop(of, None)  # this worker reads them anew at once, the others within seconds
    if form.get("act") == "remove":
        number = form.get("number", "")
        known = number.isascii() and number.isdecimal() and len(number) < 10
        gone = words.remove(engine, of, int(number), now()) if known else None
        if gone is None:
            return "Ce mot n'est plus dans les listes."
        acts.note(engine, who(), "word_remove", now(), {"word": gone})
        return f"« {gone} » est retiré."
    word = " ".join(form.get("word", "").split())[:LONGEST]
    if not phrase_of(word):
        return "Donnez un mot ou une expression."
    decision = "reject" if form.get("decision") == "reject" else "hold"
    if not words.add(engine, of, word, decision, who().actor, now()):
        return f"« {word} » est déjà dans les listes."
    acts.note(engine, who(), "word_add", now(), {"word": word, "decision": decision})
    return f"« {word} » est ajouté."
