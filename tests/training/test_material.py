"""What a run learns from: our own examples and a moderator's, as arrays; every text here is invented."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.domain import ATTRIBUTES
from training.evaluate import NEWSROOM
from training.examples import TOXIC_BY_DEFINITION, CorpusError, group_of, read_authored
from training.material import AUTHORED, Material, gather
from training.recipe import Recipe, read_recipe
from training.split import part_of

TOXICITY, SPAM = ATTRIBUTES.index("toxicity"), ATTRIBUTES.index("spam")


@pytest.fixture
def recipe() -> Recipe:
    return read_recipe()


@pytest.fixture
def authored(tmp_path: Path) -> Path:
    folder = tmp_path / "authored"
    folder.mkdir()
    rows = [
        {"id": f"x-{number}", "name": "Zoé", "comment": f"{'texte ' * 3}{chr(97 + number) * 2}", "labels": labels}
        for number, labels in enumerate(
            [
                {"toxicity": 0, "spam": 0},
                {"toxicity": 1, "insult": 1, "spam": 0},
                {"toxicity": 0, "spam": 1},
                {"toxicity": 0},
                {"spam": 1},
                {"profanity": 1},
            ]
        )
    ]
    (folder / "small.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder


def test_the_examination_is_not_among_what_is_learnt() -> None:
    records = [json.loads(line) for path in NEWSROOM for line in path.read_text("utf-8").splitlines()]
    learnt = {example.group for example in read_authored(AUTHORED)}

    assert len(records) > 200
    assert len(records) == len({record["id"] for record in records})
    assert [] == [record["id"] for record in records if group_of(record["comment"]) in learnt]
    for record in records:
        implied = [name for name in TOXIC_BY_DEFINITION if record["labels"][name]]
        assert record["labels"]["toxicity"] or not implied, record["id"]


def test_our_own_examples_are_enough(recipe: Recipe) -> None:
    material = gather(recipe, root=None)

    assert ["authored"] == list(material.read)
    assert len(material.examples) == len(material.texts) == len(material.labels) == len(material.weights)
    assert {"train", "test"} == set(material.parts.tolist())
    assert AUTHORED.is_dir()


def test_a_forum_is_taught_by_our_guide_and_measured_by_its_annotators(recipe: Recipe, authored: Path) -> None:
    recipe = replace(recipe, relabels={"keep": {"authored/small": ["toxicity"]}})
    ours = {**dict.fromkeys(ATTRIBUTES, 0.0), "toxicity": 1.0, "threat": 1.0}
    material = gather(recipe, root=None, authored=authored, readings={("authored/small", "x-0"): [ours]})
    row = next(place for place, example in enumerate(material.examples) if example.row == "x-0")
    threat = ATTRIBUTES.index("threat")

    assert (0, 1) == (material.labels[row, TOXICITY], material.labels[row, threat])
    assert (1, 1) == (material.taught[row, TOXICITY], material.taught[row, threat])
    assert np.array_equal(material.forum, material.labels[:, TOXICITY], equal_nan=True)


def test_where_there_is_no_forum_rows_are_taught_as_they_are_measured(recipe: Recipe, authored: Path) -> None:
    material = gather(recipe, root=None, authored=authored)

    assert np.array_equal(material.labels, material.taught, equal_nan=True)
    assert np.isnan(material.forum).all()


def test_row_by_row_the_arrays_belong_to_the_examples(recipe: Recipe, authored: Path) -> None:
    material = gather(recipe, root=None, authored=authored)

    assert (6, len(ATTRIBUTES)) == material.labels.shape
    for place, example in enumerate(material.examples):
        known = {name: value for name, value in zip(ATTRIBUTES, material.labels[place], strict=True) if value == value}
        assert example.labels == known  # what is not labelled is NaN
        assert recipe.corpora["authored"] == material.weights[place]
        assert part_of(example.group, recipe.split) == material.parts[place]
        assert example.text == material.texts[place]


def test_good_is_known_to_be_neither_toxic_nor_spam(recipe: Recipe, authored: Path) -> None:
    material = gather(recipe, root=None, authored=authored)

    assert [True, False, False, True, False, False] == material.good().tolist()  # spam alone unknown: still good
    assert [False, True, True, False, True, False] == material.bad().tolist()  # profanity says neither


def test_rows_are_chosen_by_part_and_source(recipe: Recipe, authored: Path) -> None:
    material = gather(recipe, root=None, authored=authored)
    by_part = [material.rows(part=part) for part in ("train", "test")]

    assert list(range(6)) == sorted(np.concatenate(by_part).tolist()) == material.rows().tolist()
    assert list(range(6)) == material.rows(sources=["authored"]).tolist()
    assert [] == material.rows(sources=["toxifrench"]).tolist()
    assert material.rows(part="test").tolist() == material.rows(part="test", sources=["authored"]).tolist()


def test_a_moderator_s_own_file_is_learnt_from_and_accounted_for(
    recipe: Recipe, authored: Path, tmp_path: Path
) -> None:
    own = tmp_path / "nos-lecteurs.csv"
    own.write_text("text;toxicity\nUn avis de chez nous;1\nTexte texte texte AA;0\n", "utf-8")
    material = gather(recipe, root=None, authored=authored, plain=[own])

    assert ["authored", "own/nos-lecteurs"] == list(material.read)
    # The second row says the same as one of ours: it is merged with it.
    assert (8, 7) == (material.duplicates.given, material.duplicates.kept)
    [place] = material.rows(sources=["own"])
    assert ("Un avis de chez nous", 1.0) == (material.texts[place], material.labels[place, TOXICITY])
    assert recipe.corpora["own"] == material.weights[place]


def test_a_label_that_the_recipe_leaves_out_is_not_known(recipe: Recipe, authored: Path) -> None:
    without: Material = gather(replace(recipe, without={"authored/small": ["spam"]}), root=None, authored=authored)

    assert np.isnan(without.labels[:, SPAM]).all()
    assert not np.isnan(without.labels[:, TOXICITY]).all()
    assert 5 == len(without.examples)  # one said nothing but "spam"


def test_a_corpus_that_the_recipe_does_not_name_is_read_and_not_learnt_from(
    recipe: Recipe, authored: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.csv"
    own.write_text("text,toxicity\nUn avis,1\n", "utf-8")
    named = {name: weight for name, weight in recipe.corpora.items() if name != "own"}
    material = gather(replace(recipe, corpora=named), root=None, authored=authored, plain=[own])

    assert 1 == len(material.read["own/own"])
    assert [] == material.rows(sources=["own"]).tolist()


def test_an_empty_folder_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="found no examples"):
        gather(recipe, root=None, authored=tmp_path)


def test_a_folder_without_corpora_leaves_our_own(recipe: Recipe, authored: Path, tmp_path: Path) -> None:
    (tmp_path / "corpora").mkdir()

    assert ["authored"] == list(gather(recipe, root=tmp_path / "corpora", authored=authored).read)
