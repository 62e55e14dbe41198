"""Our own labels of public rows: read strictly, settled between readers, put in the corpus's place; no texts."""

import csv
from pathlib import Path

import pytest

from service.domain import ATTRIBUTES
from training.examples import CorpusError, Example
from training.relabels import RELABELS, agreement, read_relabels, relabel, settled
from training.sources import CORPORA

EXAMPLE = Example("mlma", "17", "un texte", {"toxicity": 0.5, "identity_attack": 1.0}, "fr", "g")


def written(folder: Path, *lines: str, name: str = "one") -> Path:
    (folder / f"{name}.csv").write_text("\n".join(["corpus,row,labels,reader", *lines]) + "\n", "utf-8")
    return folder


def test_a_reading_says_yes_or_no_to_every_attribute(tmp_path: Path) -> None:
    [reading] = read_relabels(written(tmp_path, "mlma,17,toxicity insult,reader-1"))["mlma", "17"]

    assert set(ATTRIBUTES) == set(reading)
    assert {"toxicity", "insult"} == {name for name, value in reading.items() if value}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("mlma,17,toxic,r", "one.csv:2: toxic unknown, expected some of toxicity"),
        ("mlma,17,insult,r", "one.csv:2: insult without toxicity"),
        ("mlma,17,,r\nmlma,17,spam,r", "one.csv:3: row 17 was read twice by r"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, line: str, fault: str) -> None:
    with pytest.raises(CorpusError, match=fault):
        read_relabels(written(tmp_path, *line.split("\n")))


def test_other_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("corpus,row,text\n", "utf-8")

    with pytest.raises(CorpusError, match="expected corpus, row, labels, reader"):
        read_relabels(tmp_path)


def test_where_two_readings_differ_nothing_is_known(tmp_path: Path) -> None:
    found = read_relabels(written(tmp_path, "mlma,17,toxicity insult,a", "mlma,17,toxicity,b"))["mlma", "17"]

    assert 1.0 == settled(found)["toxicity"]
    assert "insult" not in settled(found)
    assert 0.0 == settled(found)["spam"]


def test_our_labels_take_the_place_of_the_corpus_but_for_those_it_keeps(tmp_path: Path) -> None:
    readings = read_relabels(written(tmp_path, "mlma,17,profanity,a"))

    assert {**dict.fromkeys(ATTRIBUTES, 0.0), "profanity": 1.0} == relabel(EXAMPLE, readings).labels
    assert 0.5 == relabel(EXAMPLE, readings, keep={"mlma": ["toxicity"]}).labels["toxicity"]
    assert 0.0 == relabel(EXAMPLE, readings, keep={"mlma": ["toxicity"]}).labels["identity_attack"]
    assert EXAMPLE is relabel(EXAMPLE, {})


def test_agreement_is_measured_on_rows_that_were_read_twice(tmp_path: Path) -> None:
    written(tmp_path, *(f"mlma,{row},{'toxicity' if row % 2 else ''},a" for row in range(10)))
    written(tmp_path, *(f"mlma,{row},{'toxicity' if row in (1, 3, 5, 7) else ''},b" for row in range(8)), name="two")
    found = agreement(read_relabels(tmp_path))["toxicity"]

    assert (8, 4, 1.0, 1.0) == (found.rows, found.positives, found.same, found.kappa)


def test_one_reading_alone_agrees_with_nobody(tmp_path: Path) -> None:
    assert {} == agreement(read_relabels(written(tmp_path, "mlma,17,,a")))


def test_what_is_committed_can_be_read_and_holds_no_text() -> None:
    readings = read_relabels()
    twice = [found for found in readings.values() if len(found) > 1]

    assert {"toxifrench", "toxifrench-agreement", "mlma", "ftr"} == {corpus for corpus, _ in readings}
    assert {corpus for corpus, _ in readings} <= set(CORPORA)
    assert len(twice) >= 500
    for path in RELABELS.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as lines:
            assert all(len(row["row"]) <= 40 and len(row["reader"]) <= 12 for row in csv.DictReader(lines))
