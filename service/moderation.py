"""The heart: one comment in, one judgement out. No clock, no database, no request."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice

from service.domain import Comment, Decision, Judgement, Memory, Reason, Scores
from service.lexicon import Lexicon
from service.model import Model
from service.policy import Policy, reasons
from service.signals import observe
from service.sitelists import SiteLists

MOST_EXPLAINED = 200
"""Comments of one batch whose scores are explained: at some 30 ms each, a site's time-out is not reached."""


def _untimed(step: str) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Moderation:
    """What is needed to judge: the rules' words, the model and the policy."""

    lexicon: Lexicon
    model: Model
    policy: Policy
    step: Callable[[str], AbstractContextManager[None]] = _untimed
    """Is entered around each step ("signals", "score", "reasons", "explain"), so that the edge may time it."""

    def judge(self, comment: Comment, memory: Memory | None = None, lists: SiteLists | None = None) -> Judgement:
        """Return the judgement of one comment, given what is known before and the site's own words."""
        return self.judge_all([comment], [memory], lists)[0]

    def judge_all(
        self,
        comments: Sequence[Comment],
        memories: Sequence[Memory | None] | None = None,
        lists: SiteLists | None = None,
        *,
        most_explained: int = MOST_EXPLAINED,
    ) -> list[Judgement]:
        """Return the judgement of each comment, in order, with one call of the model for all.

        The words that raised a score cost more than the score. They are looked for in the first *most_explained*
        comments that are held or rejected; the reasons of further ones show only what the rules saw.
        """
        with self.step("signals"):
            known = zip(comments, memories or [None] * len(comments), strict=True)
            observed = [observe(comment, self.lexicon, memory, lists) for comment, memory in known]
        with self.step("score"):
            scored = self.model.score([comment.text for comment in comments])
        with self.step("reasons"):
            found = [reasons(self.policy, scores, seen) for scores, seen in zip(scored, observed, strict=True)]
        with self.step("explain"):
            explained = islice((place for place, grounds in enumerate(found) if grounds), most_explained)
            for place in explained:
                found[place] = self._explained(comments[place].text, scored[place], found[place])
        return [
            Judgement(_severest(grounds), grounds, scores, seen, self.model.version, self.policy.version)
            for grounds, scores, seen in zip(found, scored, observed, strict=True)
        ]

    def _explained(self, text: str, scores: Scores, grounds: tuple[Reason, ...]) -> tuple[Reason, ...]:
        shown = self.model.explain(text, {reason.code for reason in grounds if reason.code in scores})
        return tuple(replace(reason, spans=shown.get(reason.code, reason.spans)) for reason in grounds)


def _severest(grounds: tuple[Reason, ...]) -> Decision:
    return max((reason.decision for reason in grounds), default=Decision.accept)
