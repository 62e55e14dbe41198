"""Reading the public corpora; every text here is invented."""

import csv
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from service.domain import ATTRIBUTES
from training.corpora import bucket, corpora_root, digest, hatecheck_cases, local_path, missing, read, verify
from training.examples import CorpusError, Example, deduplicate, group_of
from training.sources import CORPORA, LEXICONS

THEME = "pensions alimentaires"


def table(header: Sequence[str], rows: Sequence[Sequence[object]], delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def put(root: Path, key: str, content: str | bytes, *, file: int = 0) -> Path:
    """Write *content* where file number *file* of corpus *key* lies below *root*, and return its path."""
    path = local_path(root, CORPORA[key], CORPORA[key].paths[file])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def archive(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for language, text in files.items():
            packed.writestr(f"hate_speech_mlma/{language}_dataset.csv", text)
    return content.getvalue()


def in_bucket(n: int, wanted: int, count: int = 1) -> list[str]:
    """Return *count* ids that fall into bucket *wanted* of *n*."""
    return [str(number) for number in range(100) if bucket(str(number), n) == wanted][:count]


MLMA = ("HITId", "tweet", "sentiment", "directness", "annotator_sentiment", "target", "group")
JIGSAW = ("msg_id", "original_text", "content", "toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
AGREEMENT = ("msg_id", "content", "annotator's conclusion", "2nd annotation score", "deleted", "banned")
HATECHECK = ("mhc_case_id", "functionality", "test_case", "label_gold", "target_ident", "templ_id")
TOLD = ("text", "homophobia", "obscene", "insult", "racism", "misogyny", "xenophobia")
EXAMPLE = Example("ftr", "1", "bonjour", {"toxicity": 0.0}, "fr", group_of("bonjour"))
SEEN, EXAM = in_bucket(2, 0)[0], in_bucket(2, 1)[0]


def mlma(*rows: tuple[str, str]) -> str:
    return table(
        MLMA, [(i, f"texte {'a' * i}", types, "direct", "shock", aim, "x") for i, (types, aim) in enumerate(rows)]
    )


@pytest.mark.parametrize(
    ("key", "content", "expected"),
    [
        ("toxifrench", table(("msg_id", "content", "label"), [(SEEN, "bonjour", 0)]), [{"toxicity": 0}]),
        ("toxifrench-agreement", table(AGREEMENT, [("m1", "bonjour", "1.0", 0.25, 0, 0)]), [{"toxicity": 1}]),
        pytest.param(
            "jigsaw-fr",
            table(JIGSAW, [("j1", "hello", "bonjour", 1, 0, 1, 0, 1, 0), ("j2", "hi", "salut", 0, 0, 0, 1, 0, 0)]),
            [
                {
                    "toxicity": 1,
                    "severe_toxicity": 0,
                    "profanity": 1,
                    "threat": 0,
                    "insult": 1,
                    "identity_attack": 0,
                },
                # A threat that is "not toxic" contradicts our guide: the toxicity is unknown.
                {"severe_toxicity": 0, "profanity": 0, "threat": 1, "insult": 0, "identity_attack": 0},
            ],
            id="jigsaw-fr",
        ),
        (
            "mlma",
            archive(
                fr=mlma(
                    ("normal", "origin"),
                    ("fearful", "origin"),
                    ("disrespectful", "other"),
                    ("hateful", "religion"),
                    ("offensive_hateful", "other"),
                    ("abusive_offensive", "origin"),
                    ("abusive_normal", "origin"),
                    ("fearful_abusive_hateful_normal", "origin"),
                )
            ),
            [
                {"toxicity": 0, "identity_attack": 0},
                {"toxicity": 1},
                {"toxicity": 1},
                {"toxicity": 1, "identity_attack": 1},
                {"toxicity": 1},  # hateful, but not because of an identity
                {"toxicity": 1},  # names an origin; need not attack it
                {"toxicity": 0.5},
                {"toxicity": 0.75},
            ],
        ),
        ("mlma-en", archive(fr=mlma(), en=mlma(("normal", "other"))), [{"toxicity": 0, "identity_attack": 0}]),
        (
            "ftr",
            table(("id", "tweet", "label"), [(0, "oui", 1), (1, "non", 0)]),
            [{"identity_attack": 1, "toxicity": 1}, {"identity_attack": 0}],
        ),
        (
            "consultation-an",
            table(
                ("theme", "text", "source"),
                [
                    (THEME, "payer à l'heure", "a/1"),
                    ("1", "5", "1"),  # the form's counters
                    ("", "", ""),
                    (THEME, " / ", "b/1"),  # nothing said
                ],
            ),
            [dict.fromkeys(ATTRIBUTES, 0.0)],
        ),
        (
            "sms-spam",
            table(("labels", "text", "text_fr"), [("ham", "a", "un"), ("spam", "b", "deux")]),
            [{"spam": 0}, {"spam": 1}],
        ),
        (
            "tubespam",
            table(("COMMENT_ID", "AUTHOR", "DATE", "CONTENT", "CLASS"), [("z", "Zoé", "", "hi", 1)]),
            [{"spam": 1}],
        ),
        (
            "textdetox",
            table(("toxic_sentence", "neutral_sentence", "lang"), [("rude", "polite", "en"), ("grob", "", "de")], "\t"),
            [{"toxicity": 1}],
        ),
        (
            "told-br",
            table(TOLD, [("a", 0, 0, 0, 0, 0, 0), ("b", 0, 1, 0, 0, 0, 0), ("c", 0, 0, 2, 3, 1, 0)]),
            [
                {"toxicity": 0, "insult": 0, "profanity": 0, "identity_attack": 0},
                {"toxicity": 1 / 3, "insult": 0, "profanity": 1 / 3, "identity_attack": 0},
                {"toxicity": 1, "insult": 2 / 3, "profanity": 0, "identity_attack": 1},
            ],
        ),
        ("jigsaw-ml", table(("id", "comment_text", "lang", "toxic"), [(0, "hola", "es", 1)]), [{"toxicity": 1}]),
        ("wiki-toxicity", table(("rev_id", "comment", "toxic"), [(9, "fine", "False")]), [{"toxicity": 0}]),
        (
            "measuring-hate-speech",
            table(("text", "label"), [("x", 1), ("y", 0)]),
            [{"identity_attack": 1, "toxicity": 1}, {"identity_attack": 0}],
        ),
        ("dynahate", "text,label,split\none\rtext,0,train\n", [{"identity_attack": 0}]),
        (
            "davidson",
            table(("", "count", "class", "tweet"), [(0, 3, 0, "a"), (1, 3, 1, "b"), (2, 3, 2, "c")]),
            [{"toxicity": 1, "identity_attack": 1}, {"toxicity": 1}, {"toxicity": 0, "identity_attack": 0}],
        ),
    ],
)
def test_a_label_says_no_more_than_the_annotators_decided(
    tmp_path: Path, key: str, content: str | bytes, expected: list[Mapping[str, float]]
) -> None:
    put(tmp_path, key, content)

    examples = read(key, tmp_path)

    assert expected == [example.labels for example in examples]
    assert {key} == {example.corpus for example in examples}
    assert {example.language for example in examples} <= set(CORPORA[key].languages)


@pytest.mark.parametrize(
    ("functionality", "gold", "expected"),
    [
        ("derog_impl_h", "hateful", {"toxicity": 1, "identity_attack": 1}),
        ("threat_dir_h", "hateful", {"toxicity": 1, "identity_attack": 1, "threat": 1}),
        ("profanity_h", "hateful", {"toxicity": 1, "identity_attack": 1, "profanity": 1}),
        ("profanity_nh", "non-hateful", {"identity_attack": 0, "profanity": 1}),
        ("counter_quote_nh", "non-hateful", {"toxicity": 0, "identity_attack": 0}),
        ("target_obj_nh", "non-hateful", {"toxicity": 0, "identity_attack": 0}),
        ("target_indiv_nh", "non-hateful", {"toxicity": 1, "identity_attack": 0}),
        # Contempt for a profession may be fair or not: the suite does not ask.
        ("target_group_nh", "non-hateful", {"identity_attack": 0}),
    ],
)
def test_a_hatecheck_case_is_labelled_by_its_functionality(
    tmp_path: Path, functionality: str, gold: str, expected: Mapping[str, float]
) -> None:
    put(tmp_path, "hatecheck", table(HATECHECK, [("french-1", functionality, "phrase", gold, "women", SEEN)]))

    [(example, found, target)] = hatecheck_cases(tmp_path)

    assert expected == example.labels
    assert (functionality, "women") == (found, target)
    assert [example] == read("hatecheck", tmp_path)


def test_nothing_may_be_fitted_to_hatecheck() -> None:
    assert ["hatecheck"] == [key for key, corpus in CORPORA.items() if not corpus.train]


def test_hatecheck_cases_of_one_template_stay_together_and_a_bare_dash_is_no_case(tmp_path: Path) -> None:
    one, other = in_bucket(2, 0, 2)
    texts = [("phrase une", one), ("phrase deux", one), ("phrase trois", other), ("-", one)]
    rows = [(i, "derog_impl_h", text, "hateful", "women", template) for i, (text, template) in enumerate(texts)]
    put(tmp_path, "hatecheck", table(HATECHECK, rows))

    first, second, third = read("hatecheck", tmp_path)

    assert first.group == second.group != third.group


# The final examination.


def test_the_half_of_toxifrench_that_is_the_examination_is_never_read(tmp_path: Path) -> None:
    rows = [(number, f"message {'x' * number}", 1) for number in range(40)]
    put(tmp_path, "toxifrench", table(("msg_id", "content", "label"), rows))

    found = {example.row for example in read("toxifrench", tmp_path)}

    assert {str(number) for number in range(40) if bucket(str(number), 2) == 0} == found


def test_the_half_of_the_hatecheck_templates_that_is_the_examination_is_never_read(tmp_path: Path) -> None:
    rows = [(f"c{n}", "slur_h", f"phrase {'x' * n}", "hateful", "women", n) for n in range(40)]
    put(tmp_path, "hatecheck", table(HATECHECK, rows))

    found = {example.row for example in read("hatecheck", tmp_path)}

    assert {f"c{number}" for number in range(40) if bucket(str(number), 2) == 0} == found


@pytest.mark.parametrize(("key", "column"), [("sms-spam", 4), ("sms-spam-en", 1)])
def test_the_sms_that_are_the_examination_are_never_read(tmp_path: Path, key: str, column: int) -> None:
    # The untouched original has German and Hindi between the columns that are kept.
    rows = [("ham", f"sms {'x' * n}", "hi", "de", f"texto {'y' * n}") for n in range(40)]
    put(tmp_path, key, table(("labels", "text", "text_hi", "text_de", "text_fr"), rows))

    found = [example.text for example in read(key, tmp_path)]

    assert [row[column] for row in rows if bucket(row[1], 4) != 3] == found


def test_the_languages_of_textdetox_that_are_the_examination_are_never_read(tmp_path: Path) -> None:
    rows = [(f"satz {language}", language) for language in ("fr", "en", "de", "es", "it", "am")]
    put(tmp_path, "textdetox", table(("toxic_sentence", "lang"), rows, "\t"))

    assert ["en", "es", "it"] == [example.language for example in read("textdetox", tmp_path)]


def agreement_original() -> str:
    rows = [(i, text, 1.0, 1.0, 0, 0, "x") for i, text in enumerate(("vu", "examen", "à demi vu", "autre"))]
    return table((*AGREEMENT, "more"), rows)


def test_agreement_rows_of_the_whole_benchmark_are_never_read(tmp_path: Path) -> None:
    put(tmp_path, "toxifrench-agreement", agreement_original())
    # Both halves count: those rows are in the benchmark's own corpus, or in the examination.
    benchmark = table(("msg_id", "content", "label"), [(EXAM, "examen", 1), (SEEN, "à demi vu", 1)])
    put(tmp_path, "toxifrench", benchmark)

    assert ["vu", "autre"] == [example.text for example in read("toxifrench-agreement", tmp_path)]


def test_agreement_is_refused_when_the_examination_cannot_be_told_from_it(tmp_path: Path) -> None:
    put(tmp_path, "toxifrench-agreement", agreement_original())
    put(tmp_path, "toxifrench", table(("msg_id", "content", "label"), [(SEEN, "à demi vu", 1)]))

    with pytest.raises(CorpusError, match="is cut, so that the rows of the final examination cannot be told"):
        read("toxifrench-agreement", tmp_path)


def jigsaw_original(*columns: str) -> str:
    rows = [
        (name, f"{name} en", f"{name} fr", 1, 0, 0, 0, 0, 0, *("x" for _ in columns))
        for name in ("one", "byid", "byfrench", "byenglish", "five")
    ]
    return table((*JIGSAW, *columns), rows)


@pytest.mark.parametrize("key", ["jigsaw-fr", "jigsaw-en-original"])
def test_jigsaw_rows_of_the_bilingual_benchmark_are_never_read(tmp_path: Path, key: str) -> None:
    put(tmp_path, key, jigsaw_original("split"))
    benchmark = [("byid", "?", 1), ("other", "byfrench fr", 1), ("another", "byenglish en", 0)]
    put(tmp_path, key, table(("msg_id", "content", "label"), benchmark), file=1)

    assert ["one", "five"] == [example.row for example in read(key, tmp_path)]


def test_the_original_of_jigsaw_is_refused_without_its_benchmark(tmp_path: Path) -> None:
    put(tmp_path, "jigsaw-fr", jigsaw_original("split"))

    with pytest.raises(CorpusError, match=r"JigsawBilingualBalanced\.csv is not there"):
        read("jigsaw-fr", tmp_path)


def test_an_original_and_its_cut_copy_have_one_digest(tmp_path: Path) -> None:
    rows = [(name, f"{name} en", f"{name} fr", 1, 0, 0, 0, 0, 0) for name in ("one", "two", "three")]
    put(tmp_path / "cut", "jigsaw-fr", table(JIGSAW, rows[:2]))
    put(tmp_path / "whole", "jigsaw-fr", table(("n", *JIGSAW), [(7, *row) for row in reversed(rows)]))
    put(tmp_path / "whole", "jigsaw-fr", table(("msg_id",), [("three",)]), file=1)

    assert digest(read("jigsaw-fr", tmp_path / "cut")) == digest(read("jigsaw-fr", tmp_path / "whole"))


def test_verify_says_what_was_found_and_what_was_expected() -> None:
    with pytest.raises(
        CorpusError, match=r"ftr: found 1 examples with digest \w{64}, expected 2856 with digest \w{64}"
    ):
        verify("ftr", [EXAMPLE])


@pytest.mark.parametrize("change", [{"row": "2"}, {"text": "Bonjour"}, {"labels": {"toxicity": 1.0}}])
def test_a_digest_is_of_rows_texts_and_labels(change: dict[str, object]) -> None:
    one, other = EXAMPLE, replace(EXAMPLE, row="3", text="salut")

    assert digest([one, other]) == digest([other, replace(one, group="another")])
    assert digest([one, other]) != digest([replace(one, **change), other])  # type: ignore[arg-type]


# What originals look like.


def test_broken_bytes_of_ftr_become_replacement_characters(tmp_path: Path) -> None:
    put(tmp_path, "ftr", b"id,tweet,label\r\n0,caf\xc3,0\r\n")

    assert ["caf\ufffd"] == [example.text for example in read("ftr", tmp_path)]


def test_broken_bytes_elsewhere_are_an_error(tmp_path: Path) -> None:
    put(tmp_path, "toxifrench", b"msg_id,content,label\n0,caf\xc3,0\n")

    with pytest.raises(CorpusError, match="not UTF-8 at byte 26"):
        read("toxifrench", tmp_path)


def test_a_carriage_return_inside_a_dynahate_text_does_not_end_its_row(tmp_path: Path) -> None:
    put(tmp_path, "dynahate", "text,label,split\none\rtext,0,train\r\nanother,1,dev\r\n")

    assert ["one text", "another"] == [example.text for example in read("dynahate", tmp_path)]


def test_quotation_marks_that_the_consultation_lost_are_put_back(tmp_path: Path) -> None:
    put(tmp_path, "consultation-an", f'theme,text,source\n{THEME},"la case \\\\sans avis\\"" manque. """,a/1\n')
    path = local_path(tmp_path, CORPORA["consultation-an"], CORPORA["consultation-an"].paths[0])
    path.write_text(path.read_text().replace("\\\\", "\\"))

    assert ['la case "sans avis" manque. '] == [example.text for example in read("consultation-an", tmp_path)]


def test_markup_and_entities_of_the_export_are_not_part_of_a_text(tmp_path: Path) -> None:
    header = ("COMMENT_ID", "AUTHOR", "DATE", "CONTENT", "CLASS")
    put(tmp_path, "tubespam", table(header, [("z", "Zoé", "", "you &amp; me<br />I <3 it\ufeff", 0)]))

    [found] = read("tubespam", tmp_path)

    assert "you & me I <3 it" == found.text
    assert "Zoé" == found.name


def test_texts_without_anything_are_left_out_and_repeated_ids_are_told_apart(tmp_path: Path) -> None:
    rows = [("m", "un", 1), ("m", "un", 1), ("n", " \n", 0)]
    put(tmp_path, "toxifrench", table(("msg_id", "content", "label"), [(SEEN, text, label) for _, text, label in rows]))

    assert [SEEN, f"{SEEN}#2"] == [example.row for example in read("toxifrench", tmp_path)]


@pytest.mark.parametrize(
    ("key", "content", "message"),
    [
        ("ftr", "id,tweet\n0,oui\n", r"no column label; found id, tweet"),
        ("ftr", "id,tweet,label\n0,oui\n", r"FTR_new_labels\.csv:2: the row is not as wide as the header"),
        ("ftr", "id,tweet,label\n0,oui,1,2\n", r"FTR_new_labels\.csv:2: the row is not as wide as the header"),
        ("ftr", "id,tweet,label\n7,oui,maybe\n", r"ftr row 7: found the label 'maybe', expected 0 or 1"),
        ("davidson", ",class,tweet\n7,3,oui\n", r"davidson row 7: found the label '3', expected 0 or 1 or 2"),
        ("sms-spam", "labels,text,text_fr\negg,a,b\n", r"sms-spam row 1: found the label 'egg', expected ham or spam"),
        (
            "hatecheck",
            table(HATECHECK, [("c", "slur_h", "phrase", "maybe", "", SEEN)]),
            r"hatecheck case c: found the label 'maybe', expected hateful or non-hateful",
        ),
        ("mlma", archive(fr=mlma(("angry", "origin"))), r"mlma row 0: found the types \['angry'\], expected some of"),
        ("mlma", archive(en=mlma()), r"expected a zip archive with fr_dataset\.csv"),
        ("mlma", b"not a zip", r"expected a zip archive with fr_dataset\.csv"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, key: str, content: str | bytes, message: str) -> None:
    put(tmp_path, key, content)

    with pytest.raises(CorpusError, match=message):
        read(key, tmp_path)


@pytest.mark.parametrize("key", sorted(CORPORA))
def test_a_corpus_that_is_not_there_says_how_to_get_it(tmp_path: Path, key: str) -> None:
    with pytest.raises(CorpusError, match="is not there; `python -m training fetch` downloads it"):
        read(key, tmp_path)


def test_an_unknown_corpus_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="corpus 'nope' is not known; known are toxifrench, "):
        read("nope", tmp_path)


def test_everything_is_missing_from_an_empty_folder(tmp_path: Path) -> None:
    assert [(key, path) for key, corpus in CORPORA.items() for path in corpus.paths] == missing(tmp_path)


def test_a_benchmark_is_missing_only_beside_an_original(tmp_path: Path) -> None:
    benchmark = ("jigsaw-fr", "data/Benchmark/JigsawBilingualBalanced.csv")
    put(tmp_path, "jigsaw-fr", jigsaw_original())
    assert "jigsaw-fr" not in dict(missing(tmp_path))

    put(tmp_path, "jigsaw-fr", jigsaw_original("split"))
    assert benchmark in missing(tmp_path)


@pytest.mark.parametrize(("one", "other"), [("jigsaw-fr", "jigsaw-en-original"), ("sms-spam", "sms-spam-en")])
def test_a_translation_shares_the_group_of_its_original(tmp_path: Path, one: str, other: str) -> None:
    pairs = [("hello", "bonjour"), ("hi &amp; hello", "Bonjour !"), ("HI & hello", "salut"), ("bye", "adieu")]
    if one == "sms-spam":
        pairs = [pair for pair in pairs if bucket(pair[0], 4) != 3]
        put(tmp_path, one, table(("labels", "text", "text_fr"), [("ham", *pair) for pair in pairs]))
    else:
        put(tmp_path, one, table(JIGSAW, [(i, *pair, 1, 0, 0, 0, 0, 0) for i, pair in enumerate(pairs)]))

    translations, originals = read(one, tmp_path), read(other, tmp_path)

    assert [each.group for each in translations] == [each.group for each in originals]
    # A chain: the first two share their French letters, the second and third their English ones.
    linked = {each.group for each, pair in zip(translations, pairs, strict=True) if pair[0] != "bye"}
    assert 1 == len(linked)
    assert 0 == deduplicate([*translations, *originals])[1].regrouped


# The table of sources.


def test_every_corpus_and_lexicon_names_origin_and_licence() -> None:
    sources = [(each.key, each.repository, each.commit, each.licence) for each in CORPORA.values()]
    sources += [(each.key, each.repository, each.commit, each.licence) for each in LEXICONS]
    for key, repository, commit, licence in sources:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", repository), key
        assert re.fullmatch(r"[0-9a-f]{12,40}", commit), key
        assert licence, key


def test_a_corpus_is_checked_as_a_file_when_it_is_whole_and_as_examples_when_it_is_cut() -> None:
    for corpus in CORPORA.values():
        assert bool(corpus.cut) != bool(corpus.sha256), corpus.key
        assert re.fullmatch("[0-9a-f]{64}", corpus.digest), corpus.key


# The real files, where they are.

ROOT = corpora_root()
real = pytest.mark.skipif(ROOT is None, reason="no corpora in data/corpora or ../shared/corpora; see training fetch")

JIGSAW_MEASURED = {
    "toxicity": (940, 943),
    "severe_toxicity": (322, 966),
    "insult": (737, 966),
    "identity_attack": (273, 966),
    "threat": (203, 966),
    "profanity": (741, 966),
}
# Attribute to (labels of one half or more, labels), as measured when the readers were written.
MEASURED: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "toxifrench": {"toxicity": (339, 685)},
    "toxifrench-agreement": {"toxicity": (249, 499)},
    "jigsaw-fr": JIGSAW_MEASURED,
    "jigsaw-en-original": JIGSAW_MEASURED,
    "mlma": {"toxicity": (3193, 4014), "identity_attack": (288, 1109)},
    "mlma-en": {"toxicity": (4986, 5647), "identity_attack": (816, 1477)},
    "ftr": {"toxicity": (927, 927), "identity_attack": (927, 2856)},
    "hatecheck": {
        "toxicity": (1335, 1776),
        "identity_attack": (1298, 1870),
        "threat": (119, 119),
        "profanity": (121, 121),
    },
    "consultation-an": dict.fromkeys(ATTRIBUTES, (0, 801)),
    "sms-spam": {"spam": (548, 4194)},
    "sms-spam-en": {"spam": (548, 4194)},
    "tubespam": {"spam": (1005, 1956)},
    "textdetox": {"toxicity": (1300, 1300)},
    "told-br": {
        "toxicity": (4063, 21000),
        "insult": (1869, 21000),
        "identity_attack": (376, 21000),
        "profanity": (2403, 21000),
    },
    "jigsaw-ml": {"toxicity": (1230, 8000)},
    "wiki-toxicity": {"toxicity": (248, 1492)},
    "measuring-hate-speech": {"toxicity": (10374, 10374), "identity_attack": (10374, 20692)},
    "dynahate": {"toxicity": (10770, 10770), "identity_attack": (10770, 20000)},
    "davidson": {"toxicity": (20620, 24783), "identity_attack": (1430, 5593)},
}


@real
@pytest.mark.parametrize("key", sorted(CORPORA))
def test_the_examples_of_a_corpus_are_those_that_were_measured(key: str) -> None:
    assert ROOT is not None
    if any(each == key for each, _ in missing(ROOT)):
        pytest.skip(f"{key} is not among the corpora that are here")

    examples = read(key, ROOT)

    verify(key, examples)
    assert len(examples) == len({each.row for each in examples})
    labels = [(name, value) for each in examples for name, value in each.labels.items()]
    assert MEASURED[key] == {
        name: (sum(each == name and value >= 0.5 for each, value in labels), sum(each == name for each, _ in labels))
        for name in ATTRIBUTES
        if any(each == name for each, _ in labels)
    }
    # Not the assertion's own rewriting, which would print the texts.
    if not all(0.0 <= value <= 1.0 for _, value in labels):
        pytest.fail(f"{key}: a label is outside of 0 to 1")


@real
def test_broken_bytes_of_the_real_ftr_are_eight() -> None:
    assert ROOT is not None
    if not local_path(ROOT, CORPORA["ftr"], CORPORA["ftr"].paths[0]).exists():
        pytest.skip("ftr is not among the corpora that are here")

    assert 8 == sum(each.text.count("\ufffd") for each in read("ftr", ROOT))
