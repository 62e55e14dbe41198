"""Another model or policy judges beside the one in service, without effect: after the answer, and never in its way."""

from collections.abc import Sequence

from flask import request

from service.domain import Memory, Submission
from service.logs import log
from service.sitelists import SiteLists
from service.state import State
from service.store import StoreError, shadows

LATER = "vigie.later"
"""In a request's environment: what is to be done when its answer is on its way."""


def follow(state: State, kept: Sequence[Submission], memories: Sequence[Memory], lists: SiteLists) -> None:
    """Let the shadow of *state* judge what was *kept* just now, once this request's answer is on its way."""
    if state.shadow is not None and kept:  # in the environment, which all threads of a request share
        request.environ.setdefault(LATER, []).append(lambda: judge(state, kept, memories, lists))


def judge(state: State, kept: Sequence[Submission], memories: Sequence[Memory], lists: SiteLists) -> None:
    """Judge *kept* and keep what was found; whatever goes wrong is logged, and nothing else."""
    if state.shadow is None:
        return
    try:
        found = state.shadow.judge_all([one.comment for one in kept], memories, lists, most_explained=0)
        shadows.add(state.engine, {one.id: judgement for one, judgement in zip(kept, found, strict=True)})
    except StoreError as error:
        log.error("database", fault=str(error))
    except Exception as error:
        log.error("unforeseen", exc_info=error)
