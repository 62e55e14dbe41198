"""What every page of the console has in common: its words, its form, who looks at it."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, render_template, request

from service import bodies
from service.domain import REJECTIONS
from service.marks import marked
from service.policy import MEANINGS, SIGNALS
from service.problems import Problem
from service.state import state
from service.store import members, verdicts
from service.store.acts import Who
from service.store.verdicts import Given

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
FILTERS = ("ordre", "motif", "article", "site")
"""What a moderator may choose of the queue; kept from one comment to the next."""


def number_of(name: str) -> int:
    """Return a number of the address; 0 for none, for what is no number, and for one that no table holds."""
    told = request.args.get(name, "")
    return int(told) if told.isascii() and told.isdecimal() and len(told) < 10 else 0


def sent() -> dict[str, str]:
    if request.mimetype != bodies.FORM:
        raise Problem(415, "Envoyez le formulaire de cette page.")
    return request.form.to_dict()


def sent_values() -> list[str]:
    return [text for pair in request.form.items(multi=True) for text in pair] if request.mimetype == bodies.FORM else []


def render(template: str, **values: Any) -> str:
    return render_template(f"moderation/{template}.html", **common(), **values)


def common(*, bare: bool = False) -> dict[str, Any]:
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
        "sites": tuple(state().sites) if len(state().sites) > 1 else (),
        "chosen": chosen,
        "filters": {name: value for name, value in chosen.items() if value},
    }


def _undoable(session: members.Session) -> Given | None:
    """Return the verdict that was given just now, while it can be undone."""
    number = number_of("fait")
    given = verdicts.last_given(state().engine, number) if number else None
    mine = given is not None and given.moderator_id == session.moderator.id and given.withdrawn_at is None
    return given if mine and given is not None and given.given_at >= now() - UNDO else None


def _moment(at: datetime) -> str:
    """Return a moment as a French newspaper writes it, in the time zone of the settings."""
    local = at.astimezone(ZoneInfo(state().settings.time_zone))
    day = "1er" if local.day == 1 else local.day
    return f"{day} {MONTHS[local.month - 1]} {local.year}, {local.hour} h {local.minute:02}"


def duration(minutes: float) -> str:
    if minutes < 90:
        return f"{max(1, round(minutes))} minute(s)"
    return f"{round(minutes / 60)} heures" if minutes < 48 * 60 else f"{round(minutes / 1440)} jours"


def who() -> Who:
    moderator = g.session.moderator
    return Who(actor=moderator.name, id=moderator.id, address=request.remote_addr)


def told() -> frozenset[str]:
    """Return the sites that want to be told of verdicts."""
    return frozenset(name for name, site in state().sites.items() if site.is_told)


def site() -> str | None:
    """Return the site that was chosen; None for all of them."""
    chosen: str | None = g.site
    return chosen


def now() -> datetime:
    return datetime.now(UTC)
