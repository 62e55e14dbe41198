"""What is remembered of a text to know it again: digests, from which no text can be read."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from service.text import fold, letters_only, normalize

SHORTEST = 40
"""Letters of a text below which it is not known again: « Merci pour cet article ! » is written by many."""
GRAMS = 3
FEWEST_GRAMS = 10
HASHES = 4
SAME = 3
"""Texts of which so many of HASHES are the same are nearly the same: they share three quarters of their phrases."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Two texts that say the same have the same `exact`; two that nearly do share most of their `hashes`."""

    exact: str
    """16 hexadecimal digits of its letters."""
    hashes: tuple[int, ...] | None
    """MinHash of its word trigrams, HASHES numbers of 31 bits; None for a text too short for that.

    Source: Broder, On the resemblance and containment of documents (1997).
    """


def fingerprint(text: str) -> Fingerprint | None:
    """Return the fingerprint of *text*, None when it is too short to be known again."""
    letters = letters_only(text)
    if len(letters) < SHORTEST:
        return None
    words = normalize(text).split()
    grams = {" ".join(words[at : at + GRAMS]) for at in range(len(words) - GRAMS + 1)}
    hashes = _lowest(grams) if len(grams) >= FEWEST_GRAMS else None
    return Fingerprint(hashlib.blake2b(letters.encode(), digest_size=8).hexdigest(), hashes)


def says_the_same(one: str, other: str) -> bool:
    """Tell whether two texts differ in nothing but blanks, accents, capitals and what ends them (« … », « ! »).

    No other sign is passed over: a full stop makes an address of two words, a symbol an insult.
    """
    first, second = (" ".join(fold(text).text.split()).rstrip(" .!?…") for text in (one, other))
    return first == second


def is_near(one: Sequence[int], other: Sequence[int]) -> bool:
    """Tell whether two texts are nearly the same, by their hashes."""
    return sum(a == b for a, b in zip(one, other, strict=True)) >= SAME


def _lowest(grams: set[str]) -> tuple[int, ...]:
    """Return for each of HASHES hash functions the lowest hash of any gram."""
    digests = [hashlib.blake2b(gram.encode(), digest_size=4 * HASHES).digest() for gram in grams]
    return tuple(
        min(int.from_bytes(digest[4 * place : 4 * place + 4]) >> 1 for digest in digests) for place in range(HASHES)
    )
