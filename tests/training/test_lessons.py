"""What the encoder learns from: the train part alone, some of it kept back, our labels beside the corpus's."""

import dataclasses
import json
from pathlib import Path

import pytest

from service.domain import ATTRIBUTES
from training import lessons
from training.lessons import OURS, Lessons, gather_lessons, kept_back
from training.material import gather
from training.recipe import Recipe, read_recipe

ROWS = 300


@pytest.fixture
def recipe() -> Recipe:
    return read_recipe()


@pytest.fixture
def authored(tmp_path: Path) -> Path:
    rows = [
        {
            "id": f"x-{number}",
            "comment": f"texte {chr(97 + number % 26)}{chr(97 + number // 26)}",
            "labels": {"toxicity": number % 2},
        }
        for number in range(ROWS)
    ]
    (tmp_path / "small.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return tmp_path


def gathered(recipe: Recipe, authored: Path) -> Lessons:
    return gather_lessons(recipe, root=None, authored=authored)


def test_only_the_train_part_is_learnt(recipe: Recipe, authored: Path) -> None:
    material = gather(recipe, root=None, authored=authored)
    kept_away = {material.texts[row] for row in material.rows(part="test")}

    assert kept_away
    assert kept_away.isdisjoint(gathered(recipe, authored).texts)


def test_some_french_rows_are_kept_back_for_dev(recipe: Recipe, authored: Path) -> None:
    found = gathered(recipe, authored)

    assert 0 < found.dev.sum() < len(found.texts) / 4
    assert found.french.all()


def test_each_french_row_of_the_train_part_is_kept_back_in_one_fold(recipe: Recipe, authored: Path) -> None:
    material = gather(recipe, root=None, authored=authored)
    folds = [gather_lessons(recipe, root=None, authored=authored, fold=fold) for fold in range(recipe.encoder["folds"])]
    back = [text for found in folds for text, dev in zip(found.texts, found.dev, strict=True) if dev]

    assert sorted(material.texts[row] for row in material.rows(part="train")) == sorted(back)
    assert all(0.5 < found.dev.mean() * len(folds) < 1.5 for found in folds)


def test_a_row_that_we_labelled_too_is_learnt_by_both_definitions(
    recipe: Recipe, authored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = gathered(recipe, authored)
    ours = {**dict.fromkeys(ATTRIBUTES, 0.0), "toxicity": 1.0, "threat": 1.0}
    readings = {("authored/small", f"x-{number}"): [ours] for number in range(10)}
    monkeypatch.setattr(lessons, "read_relabels", lambda folder: readings)
    after = gathered(recipe, authored)
    added = range(len(before.texts), len(after.texts))

    assert 0 < len(added) <= 10
    for place in added:
        assert after.texts[place] in before.texts
        told = dict(zip(ATTRIBUTES, after.labels[place], strict=True))
        assert ours == told
        assert (OURS, recipe.encoder["relabelled"]) == (after.sources[place], after.weights[place])


@pytest.mark.parametrize("fold", [None, 0, 2])
def test_what_is_kept_back_depends_on_the_text_alone(recipe: Recipe, authored: Path, fold: int | None) -> None:
    material = gather(recipe, root=None, authored=authored)
    other = dataclasses.replace(material.examples[0], corpus="other", row="1")

    assert kept_back(material.examples[0], recipe, fold) == kept_back(other, recipe, fold)
    assert not kept_back(dataclasses.replace(other, language="en"), recipe, fold)
