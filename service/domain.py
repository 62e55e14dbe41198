"""The words of the house: what is judged, what was seen, and what was found."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

ATTRIBUTES = (
    "toxicity",
    "severe_toxicity",
    "insult",
    "identity_attack",
    "threat",
    "profanity",
    "sexually_explicit",
    "spam",
)
"""Properties of a comment that a model may estimate. A release says which of them it knows."""

Scores = Mapping[str, float]
"""Attribute to calibrated probability in [0, 1]."""


class Decision(enum.IntEnum):
    """What the site should do, in order of severity; `max` of several is the severest."""

    accept = 0
    hold = 1
    reject = 2


@dataclass(frozen=True, slots=True)
class Article:
    """The page under which a comment was written; None means that the site did not say."""

    id: str | None = None
    url: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """What an author wrote, and what the site told about it; None means that it did not say."""

    text: str
    name: str = ""
    email: str | None = None
    url: str | None = None
    article: Article = field(default_factory=Article)
    author_id: str | None = None
    parent_id: str | None = None
    external_id: str | None = None
    """The site's own id of the comment."""
    ip: str | None = None
    user_agent: str | None = None
    referrer: str | None = None
    submitted_at: datetime | None = None
    """When the author sent it, by the site's clock: aware, UTC."""
    role: str | None = None
    honeypot: str | None = None
    """What stands in a field that people do not see; not kept."""
    seconds: float | None = None
    """From the form's appearance to its sending; not kept."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known before a comment is judged; the core never looks it up itself."""

    repeats: int = 0
    """How often the same text was sent lately, by whomever."""
    near_repeats: int = 0
    author_lately: int = 0
    """How many comments of the same author came in the last minute."""
    address_lately: int = 0
    author_before: int | None = None
    """How many comments of the author are kept; None when nobody looked."""
    author_clean: bool = False
    """Whether the author's last comments, three or more, were all accepted."""
    author_rejected: int = 0
    """Percentage of the author's last comments that were rejected; 0 while fewer than three were decided."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Words of the comment: `comment.text[begin:end] == text`, counted in Unicode code points."""

    begin: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Signal:
    """A fact that a rule observed, with the words that show it."""

    code: str
    value: int
    """How often, how many, or 1: what the policy compares with its limits."""
    spans: tuple[Span, ...] = ()
    """Empty when the words are not in the comment's text (its name, say)."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One ground of a decision."""

    code: str
    """Stable, for programs: an attribute of the model or the code of a signal."""
    message: str
    """French, for the author and the moderator."""
    decision: Decision
    """What this ground alone leads to."""
    attribute: str | None = None
    score: float | None = None
    """None for a signal: rules do not estimate."""
    threshold: float | None = None
    """The score from which the policy acts so; None for a signal."""
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the service found: the decision with its grounds. Never rewritten."""

    decision: Decision
    reasons: tuple[Reason, ...]
    """Severest first; empty when nothing speaks against the comment."""
    scores: Scores
    signals: tuple[Signal, ...]
    model: str
    """Version of the release that scored."""
    policy: str
    """Version of the policy that decided."""


REJECTIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "OFFENSIVE": ("Propos injurieux", ("toxicity", "insult")),
    "ABUSIVE": ("Propos agressifs", ("toxicity",)),
    "HATE_SPEECH": ("Discours de haine", ("toxicity", "identity_attack")),
    "HARASSMENT_BULLYING": ("Harcèlement ou menace", ("toxicity", "threat")),
    "SPAM": ("Indésirable (spam)", ("spam",)),
    "AD": ("Publicité", ("spam",)),
    "BANNED_WORD": ("Mot interdit", ()),
    "ILLEGAL_CONTENT": ("Contenu illicite", ()),
    "MISINFORMATION": ("Fausse information", ()),
    "IRRELEVANT_CONTENT": ("Hors sujet", ()),
    "OTHER": ("Autre motif", ()),
}
"""Why a person rejects: the codes of Coral's rejection reasons, in French, and the attributes that each implies."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person decided. Never rewritten; undone at most."""

    decision: Decision
    """accept or reject."""
    labels: Mapping[str, int]
    """Attribute to 1 (has it) or 0 (has it not): what the next model learns; attributes that are absent are unknown."""
    reason: str | None = None
    """A code of REJECTIONS."""
    legal_ground: str | None = None
    explanation: str | None = None
    """For the author."""
    note: str | None = None
    """For colleagues."""


def labels_of(decision: Decision, reason: str | None) -> dict[str, int]:
    """Return what a verdict says of the attributes when its giver did not say more.

    What is accepted has no attribute but perhaps coarse words; what is rejected has those that its reason implies.
    """
    if decision is Decision.accept:
        return dict.fromkeys((name for name in ATTRIBUTES if name != "profanity"), 0)
    return dict.fromkeys(REJECTIONS[reason][1] if reason else (), 1)


@dataclass(frozen=True, slots=True)
class Submission:
    """One comment sent at one moment, with its judgement."""

    id: str
    site: str
    received_at: datetime
    """By the service's clock: aware, UTC."""
    comment: Comment
    judgement: Judgement
    former_id: str | None = None
    """Of the submission that this one is an edit of."""
    edited: bool = False
    """Whether its sender says that it is an edit, of whatever stands under its external id by then."""
