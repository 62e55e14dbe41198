"""A challenger beside the champion: the same rows, the gain with its interval, and a sure loss as a gate."""

from pathlib import Path

import numpy as np
import pytest

from service.domain import ATTRIBUTES
from service.model import Model
from training.champion import against, decisions_beside, surest_loss
from training.examples import Example
from training.material import Material
from training.recipe import Recipe, read_recipe

ROWS = 400


class Scorer:
    """Stands for a pipeline: says of each text what the table says."""

    def __init__(self, table: dict[str, float]) -> None:
        self.table = table

    def predict_proba(self, texts: list[str]) -> np.ndarray:
        return np.array([[self.table[text]] * len(ATTRIBUTES) for text in texts])


@pytest.fixture
def recipe() -> Recipe:
    return read_recipe()


@pytest.fixture
def material() -> Material:
    texts = [f"texte {number}" for number in range(ROWS)]
    labels = np.full((ROWS, len(ATTRIBUTES)), np.nan)
    labels[:, 0] = np.arange(ROWS) % 2
    examples = [Example("own/x", text, text, {}, "fr", text) for text in texts]
    parts = np.array(["test" if number < 300 else "train" for number in range(ROWS)])
    return Material(  # type: ignore[arg-type]
        examples, texts, labels, labels, np.full(ROWS, np.nan), np.ones(ROWS), parts, {}, None
    )


def scorer(noise: float) -> Scorer:
    random = np.random.default_rng(4)
    return Scorer({f"texte {number}": number % 2 + noise * random.normal() for number in range(ROWS)})


def model(pipeline: Scorer) -> Model:
    return Model("2000.01.01", pipeline, ATTRIBUTES, Path(), {})  # type: ignore[arg-type]


def test_the_same_model_neither_gains_nor_loses(material: Material, recipe: Recipe) -> None:
    found = against(model(scorer(1)), scorer(1), material, recipe)  # type: ignore[arg-type]

    assert ("2000.01.01", ["toxicity"]) == (found["version"], list(found["attributes"]))
    assert (300, 0, 0, 0) == tuple(found["attributes"]["toxicity"][name] for name in ("rows", "gain", "low", "high"))
    assert 0 == surest_loss(found)


def test_a_worse_model_surely_loses(material: Material, recipe: Recipe) -> None:
    found = against(model(scorer(0.5)), scorer(3), material, recipe)  # type: ignore[arg-type]
    told = found["attributes"]["toxicity"]

    assert told["low"] < told["gain"] < told["high"] < 0
    assert told["gain"] == pytest.approx(told["challenger"] - told["champion"])
    assert -told["high"] == surest_loss(found)


def test_decisions_are_compared_on_the_same_rows(material: Material, recipe: Recipe) -> None:
    """Odd rows are toxic. The champion holds every one and a tenth of the good; the challenger half of each less."""
    rows = material.rows(part="test")
    old = ["hold" if row % 2 or row % 20 == 0 else "accept" for row in rows]
    new = ["hold" if row % 4 == 1 or row % 40 == 0 else "accept" for row in rows]
    found = decisions_beside(old, new, material, rows, recipe)
    toxic, good = found["toxic comments held or rejected"], found["good comments held or rejected"]

    assert {
        "good comments held or rejected",
        "good comments rejected",
        "toxic comments held or rejected",
        "bad comments rejected",
    } == set(found)  # fmt: skip - no spam there
    assert (150, 1, 0.5) == (toxic["rows"], toxic["champion"], toxic["challenger"])
    assert toxic["low"] < -0.5 < toxic["high"] < 0
    assert (0.1, 8 / 150) == pytest.approx((good["champion"], good["challenger"]))
    assert 0 == found["bad comments rejected"]["high"] == found["good comments rejected"]["low"]


def test_a_better_model_loses_nothing(material: Material, recipe: Recipe) -> None:
    assert 0 == surest_loss(against(model(scorer(3)), scorer(0.5), material, recipe))  # type: ignore[arg-type]
    assert 0 == surest_loss({"attributes": {}})
