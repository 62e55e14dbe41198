"""Reading our own examples and a moderator's, merging and accounting for them; every text here is invented."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from service.domain import ATTRIBUTES
from training import examples
from training.examples import (
    TOXIC_BY_DEFINITION,
    CorpusError,
    Example,
    accounts,
    deduplicate,
    group_of,
    read_authored,
)
from training.own import read_plain


def example(text: str, *, row: str = "1", corpus: str = "ftr", language: str = "fr", **labels: float) -> Example:
    return Example(corpus, row, text, labels or {"toxicity": 0.0}, language, group_of(text))


def test_texts_that_differ_in_anything_but_letters_are_one_group() -> None:
    assert group_of("Été 26 !!") == group_of("ete, 27") != group_of("etes")
    assert group_of("Cœur") == group_of("coeur")
    assert group_of("!") != group_of("?")
    assert re.fullmatch("[0-9a-f]{16}", group_of("bonjour"))


# Duplicates.


def test_alike_texts_are_merged_within_and_across_corpora() -> None:
    kept, report = deduplicate(
        [
            example("Bonjour !", toxicity=0.0),
            example("bonjour", corpus="mlma", row="9", toxicity=0.25, spam=1.0),
            example("autre", row="2"),
        ]
    )

    assert [("ftr", "1", {"toxicity": 0.125, "spam": 1.0}), ("ftr", "2", {"toxicity": 0.0})] == [
        (each.corpus, each.row, each.labels) for each in kept
    ]
    assert (3, 2, {}, 0) == (report.given, report.kept, report.contradictions, report.emptied)


def test_labels_that_contradict_one_another_become_unknown() -> None:
    kept, report = deduplicate(
        [
            example("un", toxicity=0.0, insult=0.0),
            example("un", row="2", toxicity=1.0, insult=0.0),
            example("deux", row="3", toxicity=0.0),
            example("deux", row="4", toxicity=0.5),
        ]
    )

    assert [{"insult": 0.0}] == [each.labels for each in kept]
    assert {"toxicity": 2} == report.contradictions
    # Nothing was left to learn from the second text.
    assert 1 == report.emptied


def test_alike_texts_of_two_languages_stay_apart_in_one_group() -> None:
    kept, _ = deduplicate([example("ok", toxicity=0.0), example("OK", language="en", row="2", toxicity=1.0)])

    assert 2 == len(kept)
    assert 1 == len({each.group for each in kept})


def test_a_text_of_another_corpus_joins_the_group_of_its_translation() -> None:
    pair = replace(example("bonjour", corpus="jigsaw-fr"), group="0" * 16)

    kept, report = deduplicate([pair, example("bonjour", row="2", language="en"), example("autre", row="3")])

    assert ["0" * 16, "0" * 16, group_of("autre")] == [each.group for each in kept]
    assert 1 == report.regrouped


# Our own examples.


def authored(**changes: object) -> str:
    record: dict[str, object] = {
        "id": "a-1",
        "name": "Zoé",
        "comment": "bonjour",
        "labels": dict.fromkeys(ATTRIBUTES, 0),
        "kind": "k",
        "why": "w",
    }
    return json.dumps(record | changes)


def test_authored_examples_are_one_corpus_per_file(tmp_path: Path) -> None:
    (tmp_path / "benign.jsonl").write_text(authored() + "\n")
    (tmp_path / "spam.jsonl").write_text(authored(id="b-1", name="", labels={"spam": 1}) + "\n\n")

    first, second = read_authored(tmp_path)

    assert ("authored/benign", "a-1", "bonjour", dict.fromkeys(ATTRIBUTES, 0.0), "fr", "Zoé") == (
        first.corpus,
        first.row,
        first.text,
        first.labels,
        first.language,
        first.name,
    )
    assert ("authored/spam", {"spam": 1.0}, "") == (second.corpus, second.labels, second.name)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[]", "found a JSON list, expected an object"),
        (authored(id=""), "'id' is empty or missing"),
        (authored(comment=" "), "'comment' is empty or missing"),
        (authored(name=None), "'name' is not a text"),
        (authored(note="x"), "field 'note' is not known"),
        (authored(labels={}), "'labels' is empty or missing"),
        (authored(labels={"rude": 1}), "label 'rude' is not known"),
        (authored(labels={"spam": 2}), "label 'spam' is 2, expected 0 or 1"),
        *((authored(labels={name: 1, "toxicity": 0}), f"{name} without toxicity") for name in TOXIC_BY_DEFINITION),
    ],
)
def test_a_fault_of_an_authored_example_is_told_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "faulty.jsonl"
    path.write_text("\n".join((authored(id="fine"), line, authored(id="fine"), "")))

    with pytest.raises(CorpusError) as caught:
        read_authored(tmp_path)

    first, second = str(caught.value).splitlines()
    assert first.startswith(f"{path}:2: {message}")
    assert f"{path}:3: id 'fine' is taken at {path}:1" == second


def test_a_folder_without_authored_examples_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"found no examples, expected \*\.jsonl files"):
        read_authored(tmp_path)


def test_the_authored_examples_of_this_project_have_no_fault() -> None:
    folder = Path(examples.__file__).with_name("authored")

    families = {path.stem: "board" if path.stem.startswith("board") else "authored" for path in folder.glob("*.jsonl")}

    assert {f"{family}/{stem}" for stem, family in families.items()} == {each.corpus for each in read_authored(folder)}
    assert {"board", "authored"} == set(families.values())


# A moderator's own file.


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("own.csv", 'text,toxicity,spam,id\n"bonjour, vous",1,,x\nsalut,0.5,0,y\n'),
        ("own.csv", "\ufefftext;toxicity;spam;id\nbonjour, vous;1;;x\nsalut;0,5;0;y\n"),
        ("own.tsv", "text\ttoxicity\tspam\tid\nbonjour, vous\t1\t\tx\nsalut\t0.5\t0\ty\n"),
        (
            "own.jsonl",
            (
                '{"text": "bonjour, vous", "toxicity": 1, "id": "x"}\n'
                '{"text": "salut", "toxicity": 0.5, "spam": false, "id": "y"}\n'
            ),
        ),
    ],
    ids=["commas", "semicolons of a French spreadsheet", "tabs", "json lines"],
)
def test_a_plain_file_gives_examples_whose_blank_labels_are_unknown(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)

    assert [
        Example("own/own", "x", "bonjour, vous", {"toxicity": 1.0}, "fr", group_of("bonjour vous")),
        Example("own/own", "y", "salut", {"toxicity": 0.5, "spam": 0.0}, "fr", group_of("salut")),
    ] == read_plain(path)


def test_a_plain_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"own\.csv is not there$"):
        read_plain(tmp_path / "own.csv")


def test_a_plain_file_may_name_author_and_language(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("text,name,language,spam,threat\nhello,Zoé,en,1, \nhello,,,1,\n")

    first, second = read_plain(path)

    assert ("Zoé", "en") == (first.name, first.language)
    assert ("", "fr", f"{first.row}#2") == (second.name, second.language, second.row)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("own.txt", "", r"own\.txt: expected a file that ends in \.csv, \.tsv or \.jsonl"),
        ("own.csv", "", r"own\.csv: found the columns , expected text and at least one attribute"),
        ("own.csv", "text,id\na,b\n", r"own\.csv: found the columns text, id, expected text and at least one"),
        ("own.csv", "text,toxicty\na,1\n", r"own\.csv: found the columns toxicty, expected only text, id"),
        ("own.csv", "text,spam\na,1\nb,2\n", r"own\.csv:3: spam is '2', expected a number from 0 to 1 or nothing"),
        ("own.csv", "text,spam\na,oui\n", r"own\.csv:2: spam is 'oui', expected a number"),
        ("own.csv", "text,spam\na,nan\n", r"own\.csv:2: spam is 'nan', expected a number"),
        ("own.csv", "text,spam\na,\n", r"own\.csv:2: no attribute is known"),
        ("own.csv", "text,spam\n ,1\n", r"own\.csv:2: the text is empty or missing"),
        ("own.csv", "text,spam\na,1,2\n", r"own\.csv:2: the row is not as wide as the header"),
        ("own.csv", 'text,spam\n"a"b,1\n', r"own\.csv:2: not CSV"),
        ("own.jsonl", '{"text": "a", "spam": [1]}\n', r"own\.jsonl:1: spam is '\[1\]', expected a number"),
        ("own.jsonl", '{"text": "a", "spam": 1}\n{"text\n', r"own\.jsonl:2: not JSON"),
    ],
)
def test_a_fault_of_a_plain_file_is_told_with_its_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)

    with pytest.raises(CorpusError, match=message):
        read_plain(tmp_path / name)


# Accounts.


def test_accounts_give_shares_of_what_is_known() -> None:
    [account, ours, theirs] = accounts(
        {
            "ftr": [example("a", identity_attack=1.0, toxicity=1.0), example("b", identity_attack=0.0)],
            "authored/spam": [example("c", spam=0.5)],
            "own/export": [example("d", language="en")],
        }
    )

    assert ("ftr", "MIT", ("fr",), 2) == (account.corpus, account.licence, account.languages, account.rows)
    assert {"toxicity": 1, "identity_attack": 2} == account.known
    assert {"toxicity": 1.0, "identity_attack": 0.5} == account.positive
    assert ("Apache-2.0", {"spam": 1.0}) == (ours.licence, ours.positive)
    assert ("not published", ("en",)) == (theirs.licence, theirs.languages)


def test_a_corpus_without_a_known_licence_is_refused() -> None:
    with pytest.raises(CorpusError, match="its licence cannot be accounted for"):
        accounts({"found-somewhere": []})
