"""A site's own words to hold or reject: read as our lexicon is, whatever their case, accents or disguise."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from service.domain import Decision
from service.lexicon import Entry, Lexicon
from service.text import squeeze, words

LONGEST = 100


@dataclass(frozen=True, slots=True)
class SiteLists:
    """The words of one site, by what they lead to."""

    hold: Lexicon
    reject: Lexicon


def reading_of(word: str) -> tuple[str, ...]:
    """Return how a word or phrase of a list is read; empty when nothing of it can be."""
    return tuple(squeeze(token.form) for token in words(word) if token.form[0] not in "!?")


@lru_cache(maxsize=64)
def site_lists(entries: tuple[tuple[str, str], ...]) -> SiteLists:
    """Return the lists of *entries*: (word, "hold" or "reject")."""
    return SiteLists(
        *(
            _lexicon(word for word, decision in entries if decision == kind.name)
            for kind in (Decision.hold, Decision.reject)
        )
    )


def _lexicon(entries: Iterable[str]) -> Lexicon:
    index: dict[str, list[tuple[tuple[str, ...], Entry]]] = {}
    for word in entries:
        if phrase := reading_of(word):
            index.setdefault(phrase[0], []).append((phrase, Entry(word, "insult", "strong", "", "of the site")))
    by_letter: dict[str, list[str]] = {}
    for first in sorted(index):
        by_letter.setdefault(first[0], []).append(first)
    return Lexicon(
        {first: tuple(sorted(found, key=lambda pair: -len(pair[0]))) for first, found in index.items()},
        {letter: tuple(firsts) for letter, firsts in by_letter.items()},
    )
