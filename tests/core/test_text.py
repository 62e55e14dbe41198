"""How a text reads: what is undone, what is left alone, and where each word stands."""

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.text import fold, is_blank, letters_only, normalize, squeeze, words

# Any code point: lone surrogates, NUL, private use, unassigned; and, as often, the signs that the reading is about.
SIGNS = st.characters() | st.sampled_from(
    "aAeé0137@$€£!|+*#?.-_/, \n\t\0\u200b\u00ad\u0301\u202eœßİѕоꞌсλ½ﷺⅧ😀\ud800\udfff"
)
TEXTS = st.text(SIGNS, max_size=80)
# What a comment of the greatest length may be made of; each would betray a pattern that goes back and forth.
HOSTILE = (
    "a", "a ", "c.", "0", "1 ", "@", "*", "#$€£*", "c*", "p***n ", "!", "ab!", ".", "\n", "\0", "http://", "www.",
    "a@a.", "a%", "@a", "a-b_c/", "e\u0301", "\u0301", "\u200b", "\u202eسلا", "\ud800", "😀", "cоn ", "ж", "½",
    "a" * 63 + ".", "x" * 64 + "@",
)  # fmt: skip


def repeated(part: str, length: int = 65_000) -> str:
    return (part * (length // len(part) + 1))[:length]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("CONNARD", "connard"),
        ("Éléonore à l’École", "eleonore a l ecole"),
        ("e\u0301te\u0301", "ete"),
        ("Œuvre, cœur, Straße", "oeuvre coeur strasse"),
        # Leet: digits and signs inside a word.
        ("c0nnard", "connard"),
        ("c0nn@rd", "connard"),
        ("m3rde", "merde"),
        ("m€rd€ux", "merdeux"),
        ("5alope", "salope"),
        ("$alope", "salope"),
        ("€nculé", "encule"),
        ("m3rd3", "merde"),
        # Spaced out.
        ("c o n n a r d", "connard"),
        ("s.a.l.o.p.e", "salope"),
        ("s-a-l-o-p-e", "salope"),
        ("s_a/l_o", "s a l o"),  # one gap for the whole word, or it is not spacing
        ("U.S.A.", "usa"),
        ("a b", "a b"),  # two letters are no word spaced out
        # Letters of other scripts, and other drawings of Latin ones.
        ("соnnard", "connard"),
        ("аbruti", "abruti"),
        ("ｃｏｎｎａｒｄ", "connard"),
        ("𝒸𝑜𝓃𝓃𝒶𝓇𝒹", "connard"),
        # Invisible.
        ("con\u200bnard", "connard"),
        ("co\u00adnnard", "connard"),
        ("con\u202enard", "connard"),
        ("con\0nard", "connard"),
        ("con\u3164nard", "connard"),
        # Drawn out: three and more are one; two are spelling.
        ("connaaaard", "connard"),
        ("nooooon !!!!", "non !"),
        ("ville", "ville"),
        # A star or hash hides one letter.
        ("c*nnard", "c*nnard"),
        ("conn#rd", "conn*rd"),
        ("c**nard", "c**nard"),
        ("nul!!!vraiment", "nul ! vraiment"),  # several of the other signs are punctuation
        # Figures are all alike.
        ("covid19", "covid00"),
        ("20h30", "00h00"),
        ("12 000 €", "00 0"),
        ("06 12 34 56 78", "00 00 00 00 00"),
        # Masks.
        ("https://exemple.fr/a?b=1 ou www.exemple.fr", "xxurl ou xxurl"),
        ("jean.dupont@exemple.fr", "xxemail"),
        ("@jean_42 merci", "xxuser merci"),
        ("Vraiment ?!?", "vraiment ?"),
        ("Bravo 😀👍", "bravo 😀 👍"),
    ],
)
def test_a_disguise_is_undone(written: str, read: str) -> None:
    assert read == normalize(written)


@pytest.mark.parametrize(
    "written", ["covid19", "G20", "20h30", "F1", "CAC40", "4x4", "1er", "2e", "A380", "30km", "100%", "MP3", "H5N1"]
)
def test_a_figure_is_not_read_as_letters(written: str) -> None:
    letters = "".join(filter(str.isalpha, written)).lower()

    assert letters == "".join(filter(str.isalpha, normalize(written)))


@pytest.mark.parametrize("written", ["conseil", "con", "привет мир", "سلام", "oui ! non", "passe", "aux"])
def test_a_plain_text_reads_as_it_is(written: str) -> None:
    assert written == normalize(written)


def test_a_russian_word_stays_russian_although_it_looks_latin() -> None:
    assert "сон" == normalize("сон")
    assert "con" == normalize("соn")


def test_reading_again_what_was_read_changes_nothing_of_a_plain_sentence() -> None:
    once = normalize("L'été dernier, 20 000 personnes ont vu la tour Eiffel !")

    assert once == normalize(once) == "l ete dernier 00 0 personnes ont vu la tour eiffel !"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Quel c0nn@rd !", ["Quel", "c0nn@rd", "!"]),
        ("s.a.l.o.p.e, va", ["s.a.l.o.p.e", "va"]),
        ("con\u200bnard", ["con\u200bnard"]),
        ("ﬁn de cœur", ["ﬁn", "de", "cœur"]),
        ("½", ["½", "½"]),  # two figures in one sign
        ("😀 https://exemple.fr.", ["😀", "https://exemple.fr."]),
        ("e\u0301te\u0301", ["e\u0301te"]),  # the last accent is no sign of its own
    ],
)
def test_words_are_shown_as_they_were_written(written: str, shown: list[str]) -> None:
    assert shown == [written[word.begin : word.end] for word in words(written)]


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_and_every_word_stands_in_it_in_order(written: str) -> None:
    read = words(written)

    assert normalize(written) == " ".join(word.form for word in read)
    assert all(word.form and not word.form.isspace() for word in read)
    assert all(0 <= word.begin < word.end <= len(written) for word in read)
    assert sorted(word.begin for word in read) == [word.begin for word in read]
    assert sorted(word.end for word in read) == [word.end for word in read]


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_each_folded_sign_knows_its_origin(written: str) -> None:
    folded = fold(written)

    assert len(folded.text) + 1 == len(folded.origins)
    assert list(folded.origins) == sorted(folded.origins)
    assert len(written) == folded.origins[-1]
    assert not any(unicodedata.category(sign) in {"Mn", "Me", "Cf", "Cs"} for sign in folded.text)


@given(TEXTS, st.integers(0, 80))
@settings(max_examples=200, deadline=None)
def test_an_invisible_sign_changes_nothing(written: str, place: int) -> None:
    assert normalize(written) == normalize(written[:place] + "\u200b" + written[place:])


@pytest.mark.parametrize("part", HOSTILE, ids=ascii)
def test_a_hostile_text_is_read_in_a_time_that_grows_with_its_length_alone(part: str) -> None:
    short, long = (seconds(repeated(part, length)) for length in (16_000, 64_000))

    assert long < 1 or long < 8 * short  # 4 times is what its length accounts for, 16 times its square


def seconds(written: str) -> float:
    """Return the processor's time for reading *written*: other processes do not count."""
    begun = time.thread_time()
    words(written)
    return time.thread_time() - begun


@pytest.mark.parametrize(
    ("written", "blank"),
    [
        ("", True),
        (" \t\n\u00a0\u2003", True),
        ("\u200b\u2060\ufeff\u00ad", True),
        ("\0\x1f", True),
        ("\u0301\u0301", True),  # accents on nothing
        ("\u3164\u2800", True),  # letters by name, blank to the eye
        ("\ud800", True),
        (".", False),
        ("😀", False),
        ("a\u200b", False),
        ("ж", False),
    ],
)
def test_blank_is_what_nobody_can_see(written: str, blank: bool) -> None:
    assert blank == is_blank(written)


def test_texts_that_say_the_same_have_the_same_letters() -> None:
    assert "cestlete" == letters_only("C'est l'été !") == letters_only("c est  L ETE 2026")
    assert "" == letters_only("12 !? 😀")


def test_squeezing_makes_each_run_single() -> None:
    assert ["conard", "conard", "abab", ""] == [squeeze(form) for form in ("connard", "conard", "abab", "")]
