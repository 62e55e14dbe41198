"""Our word lists: what a word of the lexicon is, and where such words stand in a text."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service.text import Word, squeeze, words

ATTRIBUTES = ("insult", "identity_attack", "profanity", "threat", "sexually_explicit", "spam")
STRENGTHS = ("strong", "mild")
FIELDS = {"word", "forms", "attribute", "strength", "sense", "why"}
JOINERS = frozenset(".-_*'’/|+~")
FOLDER = Path(__file__).parent


class LexiconError(ValueError):
    """A word list that cannot be used; the message names the file and the entry."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A family of words with one sense."""

    word: str
    attribute: str
    strength: Literal["strong", "mild"]
    """strong: nearly always held by a newsroom; mild: a clue, never acted upon alone."""
    sense: str
    why: str
    forms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that stands in a text, from `begin` to `end` of the original."""

    entry: Entry
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Entries indexed by the first word of each form, longest form first."""

    index: Mapping[str, tuple[tuple[tuple[str, ...], Entry], ...]]
    by_letter: Mapping[str, tuple[str, ...]]
    """First letter to the first words that begin with it: what a word with `*` in it may stand for."""

    def find(self, text: str, read: Sequence[Word] | None = None) -> list[Hit]:
        """Return the hits in *text*, in order, none inside another; *read* is `words(text)` when it is known.

        A word matches whatever its case, accents, disguise (c0nn@rd, s.a.l.o.p.e, c*nnard, con-nard) or drawn-out
        letters, but only as a whole word: "con" is not in "conseil".
        """
        tokens = [word for word in (words(text) if read is None else read) if word.form[0] not in "!?"]
        forms = [squeeze(word.form) for word in tokens]
        hits: list[Hit] = []
        place = 0
        while place < len(tokens):
            entry, length = self._longest(text, tokens, forms, place)
            if entry:
                hits.append(Hit(entry, tokens[place].begin, tokens[place + length - 1].end))
            place += length
        return hits

    def _longest(self, text: str, tokens: Sequence[Word], forms: Sequence[str], place: int) -> tuple[Entry | None, int]:
        form = forms[place]
        for first in self._readings(form):
            for phrase, entry in self.index.get(first, ()):
                if len(phrase) == 1 or tuple(forms[place + 1 : place + len(phrase)]) == phrase[1:]:
                    return entry, len(phrase)
        joined = form
        for ahead in range(place + 1, min(place + 4, len(tokens))):
            gap = text[tokens[ahead - 1].end : tokens[ahead].begin]
            if len(gap) != 1 or gap not in JOINERS:
                break
            joined = squeeze(joined + forms[ahead])
            for phrase, entry in self.index.get(joined, ()):
                if len(phrase) == 1 and entry.strength == "strong":
                    return entry, ahead - place + 1
        return None, 1

    def _readings(self, form: str) -> Iterable[str]:
        yield form
        if form.endswith("0"):
            yield form.rstrip("0")
        if "*" in form and len(form) - form.count("*") >= 2 and form[0] != "*":
            hidden = re.compile("".join("[a-z]{1,2}" if sign == "*" else re.escape(sign) for sign in form))
            yield from filter(hidden.fullmatch, self.by_letter.get(form[0], ()))


def phrase_of(form: str) -> tuple[str, ...]:
    """Return how a word or phrase of a list is compared; empty when nothing of it can be read."""
    return tuple(squeeze(word.form) for word in words(form) if word.form[0] not in "!?")


def indexed(index: Mapping[str, Sequence[tuple[tuple[str, ...], Entry]]]) -> Lexicon:
    """Return the lexicon of entries by the first word of each of their phrases."""
    by_letter: dict[str, list[str]] = {}
    for first in sorted(index):
        by_letter.setdefault(first[0], []).append(first)
    return Lexicon(
        {first: tuple(sorted(found, key=lambda pair: -len(pair[0]))) for first, found in index.items()},
        {letter: tuple(firsts) for letter, firsts in by_letter.items()},
    )


def load_lexicon(folder: Path = FOLDER) -> Lexicon:
    """Read every word list of *folder*.

    Raises LexiconError when an entry is incomplete, has an unknown value or repeats a form of another one.
    """
    index: dict[str, list[tuple[tuple[str, ...], Entry]]] = {}
    seen: dict[tuple[str, ...], str] = {}
    for path in sorted(folder.glob("*.toml")):
        for table in tomllib.loads(path.read_text("utf-8")).get("entry", []):
            entry = _entry(table, path.name)
            for form in (entry.word, *entry.forms):
                phrase = phrase_of(form)
                if not phrase or seen.setdefault(phrase, entry.word) != entry.word:
                    raise LexiconError(f"{path.name}: {form!r} is empty or stands already under {seen.get(phrase)!r}")
                if (phrase, entry) not in index.setdefault(phrase[0], []):
                    index[phrase[0]].append((phrase, entry))
    return indexed(index)


def _entry(table: dict[str, object], file: str) -> Entry:
    if set(table) - FIELDS or not FIELDS - {"forms"} <= set(table):
        raise LexiconError(f"{file}: entry {table.get('word')!r} has {sorted(table)}, expected {sorted(FIELDS)}")
    if table["attribute"] not in ATTRIBUTES or table["strength"] not in STRENGTHS:
        raise LexiconError(f"{file}: entry {table['word']!r}: unknown attribute or strength")
    return Entry(**{**table, "forms": tuple(table.get("forms", ()))})  # type: ignore[arg-type]
