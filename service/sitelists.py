"""A site's own words to hold or reject: read as our lexicon is, whatever their case, accents or disguise."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from service.domain import Decision
from service.lexicon import Entry, Lexicon, indexed, phrase_of

LONGEST = 100


@dataclass(frozen=True, slots=True)
class SiteLists:
    """The words of one site, by what they lead to."""

    hold: Lexicon
    reject: Lexicon


@lru_cache(maxsize=64)
def site_lists(entries: tuple[tuple[str, str], ...]) -> SiteLists:
    """Return the lists of *entries*: (word, "hold" or "reject")."""
    hold, reject = ([word for word, led in entries if led == kind.name] for kind in (Decision.hold, Decision.reject))
    return SiteLists(_lexicon(hold), _lexicon(reject))


def _lexicon(entries: Iterable[str]) -> Lexicon:
    index: dict[str, list[tuple[tuple[str, ...], Entry]]] = {}
    for word in entries:
        if phrase := phrase_of(word):
            index.setdefault(phrase[0], []).append((phrase, Entry(word, "insult", "strong", "", "of the site")))
    return indexed(index)
