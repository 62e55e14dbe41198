"""params.toml: every number of the recipe, checked once."""

import re
import tomllib
from pathlib import Path

import pytest

from service.domain import ATTRIBUTES
from service.policy import SIGNALS
from training.recipe import DEFAULT, Recipe, RecipeError, read_recipe
from training.sources import CORPORA

TEXT = DEFAULT.read_text("utf-8")


def changed(tmp_path: Path, old: str, new: str) -> Path:
    assert old in TEXT, "the recipe has no such line any more"
    path = tmp_path / "params.toml"
    path.write_text(TEXT.replace(old, new, 1), "utf-8")
    return path


def test_the_recipe_is_kept_word_for_word() -> None:
    recipe = read_recipe()

    assert TEXT == recipe.text
    assert tomllib.loads(TEXT) == {
        name: getattr(recipe, name) for name in Recipe.__dataclass_fields__ if name != "text"
    }


def test_the_recipe_names_only_what_there_is() -> None:
    recipe = read_recipe()

    assert {*CORPORA, "authored", "board", "own"} >= {*recipe.corpora, *recipe.without, *recipe.reference["corpora"]}
    assert set(ATTRIBUTES) >= {*recipe.attributes, *(name for names in recipe.without.values() for name in names)}
    assert set(SIGNALS) >= set(recipe.signals)
    assert 1 == pytest.approx(sum(recipe.split.values()))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 20261123", "", "expected the tables ['attributes', 'corpora', "),
        (
            "seed = 20261123",
            "seed = 1\nluck = 7",
            "found ['attributes', 'corpora', 'encoder', 'features', 'gates', 'heads', 'luck',",
        ),
        ("[gates]", "[hurdles]", "expected the tables "),
        ("[attributes.spam]", "[attributes.rudeness]", "[attributes] does not know ['rudeness']"),
        ("[signals.links]", "[signals.link]", "[signals] does not know ['link']"),
        (
            "reject_precision = 0.97",
            "reject_recall = 0.97",
            "[attributes.toxicity] does not know ['reject_recall']",
        ),
        ("[signals.links]\nhold = 3", "[signals.links]\nrefuse = 3", "[signals.links] does not know ['refuse']"),
        ("test = 0.15", "test = 0.2", "the shares of [split] add up to 1.05, expected 1"),
        ("test = 0.15", "test = 0.1", "the shares of [split] add up to 0.95"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(message)) as raised:
        read_recipe(changed(tmp_path, old, new))

    assert str(raised.value).startswith(str(tmp_path))


def test_another_number_makes_another_recipe(tmp_path: Path) -> None:
    assert 3.5 == read_recipe(changed(tmp_path, "C = 0.5", "C = 3.5")).heads["C"]


def test_what_is_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        read_recipe(changed(tmp_path, "seed = 20261123", "seed ="))
