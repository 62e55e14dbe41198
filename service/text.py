"""The one reading of a text, shared by rules, serving and training: what a word says under its disguise."""

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

# Letters of other scripts that are drawn like a Latin one. They are read as Latin only inside a word that also has
# Latin letters: a Russian sentence stays Russian.
LOOKALIKES = str.maketrans(
    "абвгеёзийкмнопрстухьѕіјԁѡһӏαβγδεζηικμνορτυχωϲ",
    "abbreezuukmhonpctyxbsijdwhlabydeznikmvoptuxwc",
)
# Signs that stand for a letter inside a word (c0nn@rd); `*` and `#` stand for any one letter and are read as `*`.
LEET = str.maketrans("0134578@$€£!|+#", "oieastbaselilt*")
LIGATURES = {"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "’": "'", "‘": "'", "ʼ": "'"}
# Blank to the eye although Unicode calls them letters or symbols: Hangul fillers, the empty Braille pattern.
FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")

WORD = re.compile(
    r"""
      (?P<url>   (?:h(?:tt|xx)ps?://|www\.)[^\s<>"'\])]+ )
    | (?P<email> [a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,4}\.[a-z]{2,12} )
    | (?P<user>  (?<!\w)@[a-z0-9_]{2,} )
    | (?P<spaced> (?<![^\W_])[^\W\d_](?P<gap>[ .\-_*/|,])(?:[^\W\d_](?P=gap)){1,}[^\W\d_](?![^\W_]) )
    | (?P<word>  [^\W_](?:[^\W_]|(?:[@$€£!|+]|[*\#]{1,4})(?=[^\W_]))*|[@$€£*\#]{1,8}[^\W\d_][^\W_]* )
    | (?P<mark>  [!?]+ )
    | (?P<symbol> [\u2190-\u2bff\U0001f000-\U0001faff] )
    """,
    re.VERBOSE,
)
MASKS = {"url": "xxurl", "email": "xxemail", "user": "xxuser"}
LATIN = re.compile(r"[a-z]")
FIGURES = re.compile(r"\d")
DISGUISED = re.compile(
    r"[\d@$€£*#](?=[^\W\d_]{2})(?:[^\W_]|[@$€£!|+*#]){4,}|[^\W\d_](?:[^\W_]|[@$€£!|+*#])*[^\W\d_](?:(?<=\w{4})\d)?"
)
RUNS = re.compile(r"(.)\1{2,}")
DOUBLES = re.compile(r"(.)\1+")
LONGEST_REMEMBERED = 32


class Word(NamedTuple):
    """A word as it reads, and where it stands in the original text (`text[begin:end]`)."""

    form: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Folded:
    """A text in lower case without accents, zero-width signs and typographic variants."""

    text: str
    origins: tuple[int, ...]
    """For each character of `text`, its place in the original; one more entry holds the original's length."""


@functools.lru_cache(maxsize=65536)
def fold_character(character: str) -> str:
    """Return the plain lower-case form of one *character*; empty when it is invisible or a mark."""
    if character.isascii():
        return character.lower() if character.isprintable() or character == "\n" else " " * character.isspace()
    folded = ""
    parts = unicodedata.normalize("NFKD", character)
    for part in parts if len(parts) <= 4 else character:  # one Arabic ligature stands for eighteen letters
        low = part.lower()
        for piece in low:
            if piece in LIGATURES:
                folded += LIGATURES[piece]
            elif unicodedata.category(piece) in {"Mn", "Me", "Cf", "Cc", "Cs", "Co", "Cn"} or piece in FILLERS:
                continue
            else:
                folded += " " if piece.isspace() else piece
    return folded


@functools.lru_cache(maxsize=32)  # rules, n-grams and the encoder each ask anew for the text in hand
def fold(text: str) -> Folded:
    """Fold *text* character by character and remember where each folded character comes from."""
    pieces = [*map(fold_character, text)]
    origins = [place for place, piece in enumerate(pieces) for _ in piece]
    return Folded("".join(pieces), (*origins, len(text)))


def remembered(function: Callable[[str], str]) -> Callable[[str], str]:
    """Remember what *function* makes of a word: a newspaper's readers use the same ones over and over.

    Long words are not kept, or whoever sends many of them would fill the memory.
    """
    remembering = functools.lru_cache(maxsize=65536)(function)

    @functools.wraps(function)
    def answer(form: str) -> str:
        return remembering(form) if len(form) <= LONGEST_REMEMBERED else function(form)

    return answer


@remembered
def squeeze(form: str) -> str:
    """Return *form* with each run of one letter made single: how the lexicon compares words."""
    return DOUBLES.sub(r"\1", form)


@remembered
def unmask(form: str) -> str:
    """Return a folded word with its disguise undone: look-alike letters, signs for letters, drawn-out letters.

    Digits stand for letters inside a word (c0nnard), and singly at its ends when it is not short (5alope, salope5).
    All others are figures, each read as `0`: "covid19" -> "covid00", "20h30" -> "00h00", "mp3" -> "mp0".
    """
    if not form.isascii() and LATIN.search(form):
        form = form.translate(LOOKALIKES)
    if not form.isalpha():
        form = form.translate(LEET) if DISGUISED.fullmatch(form) else FIGURES.sub("0", form)
    return RUNS.sub(r"\1", form)


@functools.lru_cache(maxsize=32)
def words(text: str) -> tuple[Word, ...]:
    """Return the words of *text* in order, as they read: links, addresses and mentions masked, disguises undone."""
    return tuple(read(fold(text)))


def read(folded: Folded) -> Iterator[Word]:
    """Yield the words of a folded text."""
    for found in WORD.finditer(folded.text):
        kind, form = found.lastgroup or "", found.group()
        if kind == "gap":
            kind = "spaced"
        if kind in MASKS:
            form = MASKS[kind]
        elif kind == "spaced":
            form = RUNS.sub(r"\1", form.replace(found["gap"], ""))
        elif kind == "word":
            form = unmask(form)
        elif kind == "mark":
            form = form[0]
        yield Word(form, folded.origins[found.start()], folded.origins[found.end() - 1] + 1)


@functools.lru_cache(maxsize=32)  # each kind of n-grams asks anew
def normalize(text: str) -> str:
    """Return *text* as the model reads it: its words, unmasked, separated by single spaces."""
    return " ".join(word.form for word in words(text))


def reveal(text: str) -> str:
    """Return *text* as the sentence encoder reads it: as typed, but disguised words, links and figures as they read."""
    pieces, end = [], 0
    for word in words(text):
        typed = text[word.begin : word.end]
        plain = "".join(map(fold_character, typed))
        pieces += [text[end : word.begin], typed if word.form == plain or not word.form.isalnum() else word.form]
        end = word.end
    return "".join([*pieces, text[end:]])


def is_blank(text: str) -> bool:
    """Tell whether nothing of *text* can be seen: spaces, zero-width, control characters and lone marks only."""
    return all(
        character in FILLERS or unicodedata.category(character) in {"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Me"}
        for character in text
    )


def letters_only(text: str) -> str:
    """Return the folded letters of *text*, nothing else: equal for two texts that say the same."""
    return "".join(filter(str.isalpha, "".join(map(fold_character, text))))
