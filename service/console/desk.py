"""Where a moderator works: the queue, one comment, verdicts, search."""

import dataclasses
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from service.console.door import blueprint
from service.console.page import BIG, FILTERS, UNDO, now, number_of, render, sent, site, told, who
from service.domain import ATTRIBUTES, REJECTIONS, Decision, Verdict, labels_of
from service.policy import Limits
from service.problems import Problem
from service.state import state
from service.store import queue, verdicts
from service.store.queue import PAGE, Entry
from service.store.verdicts import AlreadyJudgedError, GoneError

LEASE = timedelta(minutes=5)


@blueprint.get("/")
def waiting() -> ResponseReturnValue:
    """Show the queue: what waits, oldest or worst first, filtered."""
    page = min(number_of("page"), 10_000)
    entries = queue.waiting(state().engine, site(), now(), page=page, **_filters())
    total, reasons, articles = queue.counts(state().engine, site())
    return render(
        "queue", entries=entries, total=total, reasons=reasons, articles=articles, page=page, more=len(entries) == PAGE
    )


@blueprint.get("/suivant")
def take_next() -> ResponseReturnValue:
    """Lease the next comment to whoever asks, and show it."""
    chosen: dict[str, Any] = {name: request.args[name] for name in (*FILTERS, "fait") if request.args.get(name)}
    passed = request.args.get("passe")
    taken = queue.take_next(state().engine, site(), who(), now(), LEASE, passed=passed, **_filters())
    if taken is None:
        return redirect(url_for("console.waiting", **chosen))
    return redirect(url_for("console.comment", id=taken, **chosen))


@blueprint.get("/commentaires/<id>")
def comment(id: str) -> ResponseReturnValue:
    entry = _entry(id)
    reader = queue.lease(state().engine, id, who(), now(), LEASE) if entry.since else None
    given, acts = verdicts.history(state().engine, id)
    return render(
        "comment",
        entry=entry,
        reader=reader,
        given=given,
        acts=acts,
        others=queue.by_author(state().engine, entry.submission, now()),
        limits=_limits(entry),
        told=None,
    )


@blueprint.post("/commentaires/<id>/verdict")
def judge(id: str) -> ResponseReturnValue:
    entry = _entry(id)
    chosen: dict[str, Any] = {name: sent()[name] for name in FILTERS if sent().get(name)}
    try:
        given = verdicts.give(state().engine, entry.submission.id, _verdict(), who(), now(), told=told())
    except GoneError as error:
        raise Problem(404, "Ce commentaire vient d'être effacé.") from error
    except AlreadyJudgedError as error:
        shown = dataclasses.replace(entry, given=error.given, since=None)
        given_before, acts = verdicts.history(state().engine, id)
        message = "Un verdict a déjà été rendu sur ce commentaire : le vôtre n'a pas été enregistré."
        others = queue.by_author(state().engine, entry.submission, now())
        page = {"entry": shown, "reader": None, "given": given_before, "acts": acts, "others": others, "told": message}
        return render("comment", limits=_limits(entry), **page), 409
    return redirect(url_for("console.take_next", fait=given.id, **chosen), 303)


@blueprint.post("/verdicts/<int:number>/annuler")
def undo(number: int) -> ResponseReturnValue:
    back = verdicts.withdraw(state().engine, number, who(), now(), UNDO, told=told()) if number < BIG else None
    if back is None:
        raise Problem(409, "Ce verdict ne peut plus être annulé : la minute est passée, ou il n'est pas de vous.")
    return redirect(url_for("console.comment", id=back), 303)


@blueprint.post("/lot")
def judge_many() -> ResponseReturnValue:
    """Give the same verdict on every comment that was ticked; those that were judged meanwhile are counted."""
    verdict, done, already = _verdict(), 0, 0
    for chosen_id in request.form.getlist("id")[:PAGE]:
        try:
            verdicts.give(state().engine, _entry(chosen_id).submission.id, verdict, who(), now(), told=told())
            done += 1
        except (AlreadyJudgedError, GoneError, Problem):  # judged, or erased, by somebody else meanwhile
            already += 1
    chosen: dict[str, Any] = {name: sent()[name] for name in FILTERS if sent().get(name)}
    return redirect(url_for("console.waiting", faits=done, deja=already, **chosen), 303)


@blueprint.get("/recherche")
def search() -> ResponseReturnValue:
    words = request.args.get("q", "").strip()[:200]
    page = min(number_of("page"), 10_000)
    entries = queue.search(state().engine, site(), words, now(), page=page) if words else []
    return render("search", words=words, entries=entries, page=page, more=len(entries) == PAGE)


def _verdict() -> Verdict:
    """Return what the form of a comment, or of the queue, says.

    Raises Problem 422 for a decision or a reason that there is not.
    """
    form = sent()
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
        entry = queue.entry(state().engine, str(uuid.UUID(id)), now())
    except ValueError:
        entry = None
    if entry is None:
        raise Problem(404, "Aucun commentaire n'a cet identifiant.")
    return entry


def _limits(entry: Entry) -> Mapping[str, Limits]:
    return state().moderation_of(entry.submission.site).policy.attributes


def _filters() -> dict[str, Any]:
    args = request.args
    return {
        "worst_first": args.get("ordre") == "graves",
        "reason": args.get("motif") or None,
        "article": args.get("article") or None,
    }
