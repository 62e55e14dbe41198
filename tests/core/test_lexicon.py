"""Our word lists: complete, free of identity words, and found under every disguise but in no other word."""

import itertools
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service import domain
from service.lexicon import ATTRIBUTES, FOLDER, STRENGTHS, Entry, Lexicon, LexiconError, load_lexicon
from service.text import words

FILES = sorted(FOLDER.glob("*.toml"))
LEXICON = load_lexicon()
ENTRIES = [(path.name, entry) for path in FILES for entry in tomllib.loads(path.read_text("utf-8"))["entry"]]
# Who people are is never a word of ours, in any form: it is what they are called for it that we list.
IDENTITY = [
    "femme", "homme", "fille", "garçon", "noir", "noire", "blanc", "arabe", "maghrébin", "africain", "asiatique",
    "chinois", "juif", "juive", "musulman", "musulmane", "chrétien", "catholique", "protestant", "athée", "islam",
    "gay", "homosexuel", "homosexuelle", "lesbienne", "bisexuel", "trans", "transgenre", "queer", "handicapé",
    "handicapée", "autiste", "sourd", "aveugle", "vieux", "jeune", "gitan", "rom", "roms", "tzigane", "turc",
    "algérien", "marocain", "russe", "ukrainien", "coréen", "américain", "allemand", "immigré", "immigrés",
    "migrant", "réfugié", "étranger", "français", "breton", "corse", "belge", "israélien", "palestinien",
]  # fmt: skip
ENTRY = """
[[entry]]
word = "zigomar"
forms = ["zigomars", "vieux zigomar"]
attribute = "insult"
strength = "strong"
sense = "personne inventée"
why = "pour l'essai"
"""


@pytest.fixture
def small(tmp_path: Path) -> Lexicon:
    (tmp_path / "words.toml").write_text(
        ENTRY + ENTRY.replace("zigomars", "olibrius").replace("zigomar", "olibrio").replace('"strong"', '"mild"'),
        "utf-8",
    )
    return load_lexicon(tmp_path)


def found(lexicon: Lexicon, text: str) -> list[tuple[str, str]]:
    return [(hit.entry.word, text[hit.begin : hit.end]) for hit in lexicon.find(text)]


# The lists themselves.


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_says_what_it_holds_and_has_entries(path: Path) -> None:
    assert path.read_text("utf-8").startswith("# ")
    assert tomllib.loads(path.read_text("utf-8"))["entry"]


def test_each_entry_is_complete() -> None:
    incomplete = [
        (file, entry.get("word"))
        for file, entry in ENTRIES
        if not all(str(entry.get(field, "")).strip() for field in ("word", "attribute", "strength", "sense", "why"))
        or entry["attribute"] not in ATTRIBUTES
        or entry["strength"] not in STRENGTHS
    ]

    assert [] == incomplete
    assert len(ENTRIES) > 400


def test_each_form_is_found_as_its_own_entry_or_a_longer_one() -> None:
    missed = []
    for file, entry in ENTRIES:
        for form in (entry["word"], *entry.get("forms", ())):
            hits = LEXICON.find(form)
            if [entry["word"]] != [hit.entry.word for hit in hits]:
                missed.append((file, form, [hit.entry.word for hit in hits]))

    assert [] == missed


def test_no_identity_word_is_an_entry() -> None:
    assert [] == [word for word in IDENTITY if LEXICON.find(word)]


def test_every_attribute_has_strong_words_but_profanity() -> None:
    strong = {entry.attribute for found in LEXICON.index.values() for _, entry in found if entry.strength == "strong"}

    assert set(ATTRIBUTES) - {"profanity"} == strong  # a coarse word alone is no reason to hold a comment


# Finding.


@pytest.mark.parametrize(
    "written",
    [
        "zigomar", "ZIGOMAR", "Zigomar", "zigomars", "zîgömàr", "z1gomar", "zig0m@r", "z i g o m a r", "z.i.g.o.m.a.r",
        "zigooooomar", "zziggoommarr", "zi\u200bgomar", "zіgоmаr", "ｚｉｇｏｍａｒ", "𝐳𝐢𝐠𝐨𝐦𝐚𝐫", "z*gomar", "zig*mar",
        "zigom#r", "zi-gomar", "zi.go.mar", "zi_gomar", "zigomar2026", "zigomar!", "«zigomar»",
    ],
)  # fmt: skip
def test_a_word_is_found_under_its_disguise(small: Lexicon, written: str) -> None:
    text = f"Quel {written} ici"

    assert ["zigomar"] == [hit.entry.word for hit in small.find(text)]
    assert written.strip("!«»") == text[small.find(text)[0].begin : small.find(text)[0].end]


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("zigomarade", "another word"),
        ("unzigomar", "another word"),
        ("zigo mar", "two words: a space joins nothing"),
        ("zigo, mar", "two words"),
        ("zi - gomar", "two words"),
        ("https://exemple.fr/zigomar", "an address is no word"),
        ("zigomar@exemple.fr", "an address is no word"),
        ("@zigomar", "a person's account"),
        ("z*", "hides too much to be known"),
        ("*****ar", "hides too much to be known"),
        ("oli-brio", "a mild word is no clue when it is in pieces"),
    ],
)
def test_a_word_is_not_found_in_another(small: Lexicon, written: str, why: str) -> None:
    assert [] == found(small, f"Ce {written} là"), why


@pytest.mark.parametrize(
    "text",
    [
        "Le conseil a consulté la commission sur la construction.",  # con
        "Il a été député puis réputé, disputé, amputé.",  # pute
        "Encore un concours de circonstances à Connerré.",
        "Le Niger et le Nigeria négocient à Niamey.",  # letters written twice are read as one
        "La tapisserie et le pédalo, une assemblée pédagogique.",
    ],
)
def test_an_innocent_sentence_has_no_strong_word(text: str) -> None:
    assert [] == [hit.entry.word for hit in LEXICON.find(text) if hit.entry.strength == "strong"]


def test_the_longest_phrase_wins_and_no_hit_lies_in_another(small: Lexicon) -> None:
    text = "Vieux zigomar, zigomar et Vieux, zigomar !"

    assert ["Vieux zigomar", "zigomar", "Vieux, zigomar"] == [shown for _, shown in found(small, text)]


def test_marks_and_line_ends_inside_a_phrase_do_not_hide_it(small: Lexicon) -> None:
    assert ["vieux !!\nzigomar"] == [shown for _, shown in found(small, "vieux !!\nzigomar")]


@given(st.text(st.characters() | st.sampled_from("zigomar01@*-. \0\u200b\ud800é"), max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_searched_and_hits_stand_in_it_in_order(text: str) -> None:
    hits = LEXICON.find(text)
    places = [(hit.begin, hit.end) for hit in hits]

    assert hits == LEXICON.find(text, words(text))
    assert all(0 <= begin < end <= len(text) for begin, end in places)
    assert all(left[1] <= right[0] for left, right in itertools.pairwise(places))


# Loading.


def test_an_entry_becomes_a_family_with_one_sense(small: Lexicon) -> None:
    entry = small.find("zigomars")[0].entry

    assert (
        Entry("zigomar", "insult", "strong", "personne inventée", "pour l'essai", ("zigomars", "vieux zigomar"))
        == entry
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ENTRY.replace('sense = "personne inventée"\n', ""), r"words.toml: entry 'zigomar' has .*, expected .*'sense'"),
        (ENTRY + 'lang = "fr"\n', r"words.toml: entry 'zigomar' has .*'lang'"),
        (ENTRY.replace("insult", "rudeness"), r"words.toml: entry 'zigomar': unknown attribute or strength"),
        (ENTRY.replace('"strong"', '"medium"'), r"words.toml: entry 'zigomar': unknown attribute or strength"),
        (ENTRY.replace('"zigomar"', '"\u200b"', 1), r"words.toml: .* is empty"),
        (
            ENTRY + ENTRY.replace('"zigomar"', '"olibrio"').replace(', "vieux zigomar"', ""),
            r"words.toml: 'zigomars' is empty or stands already under 'zigomar'",
        ),
        (
            # Another spelling of the same word is the same word.
            ENTRY + ENTRY.replace('"zigomar"', '"olibrio"').replace('["zigomars", "vieux zigomar"]', '["Zïg0mmaar"]'),
            r"'Zïg0mmaar' is empty or stands already under 'zigomar'",
        ),
    ],
)
def test_a_faulty_list_is_refused_by_file_and_entry(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "words.toml").write_text(content, "utf-8")

    with pytest.raises(LexiconError, match=message):
        load_lexicon(tmp_path)


def test_a_word_repeated_in_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(ENTRY, "utf-8")
    (tmp_path / "b.toml").write_text(ENTRY.replace('word = "zigomar"', 'word = "olibrio"'), "utf-8")

    with pytest.raises(LexiconError, match=r"b\.toml: 'zigomars' is empty or stands already under 'zigomar'"):
        load_lexicon(tmp_path)


def test_the_attributes_of_the_lists_are_attributes_of_a_model() -> None:
    assert set(ATTRIBUTES) <= set(domain.ATTRIBUTES)
