"""The numbers of a training run, read from params.toml and checked once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.domain import ATTRIBUTES
from service.policy import SIGNALS

DEFAULT = Path(__file__).parent / "params.toml"


class RecipeError(ValueError):
    """params.toml says something that cannot be; the message names it."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One field for each table of params.toml, where they are explained."""

    seed: int
    split: Mapping[str, float]
    corpora: Mapping[str, float]
    encoder: Mapping[str, Any]
    without: Mapping[str, list[str]]
    relabels: Mapping[str, Any]
    verdicts: Mapping[str, Any]
    features: Mapping[str, Any]
    heads: Mapping[str, Any]
    reference: Mapping[str, Any]
    attributes: Mapping[str, Mapping[str, float]]
    signals: Mapping[str, Mapping[str, float]]
    gates: Mapping[str, float]
    text: str
    """The file itself, as a release keeps it."""


def read_recipe(path: Path = DEFAULT) -> Recipe:
    """Read a recipe. Raises RecipeError when a table is missing or names something unknown."""
    text = path.read_text("utf-8")
    tables = tomllib.loads(text)
    expected = set(Recipe.__dataclass_fields__) - {"text"}
    if set(tables) != expected:
        raise RecipeError(f"{path}: expected the tables {sorted(expected)}, found {sorted(tables)}")
    for part, known in (("attributes", ATTRIBUTES), ("signals", SIGNALS)):
        if unknown := set(tables[part]) - set(known):
            raise RecipeError(f"{path}: [{part}] does not know {sorted(unknown)}")
        for name, promise in tables[part].items():
            if unknown := set(promise) - {"hold", "reject", "hold_false_alarms", "reject_precision"}:
                raise RecipeError(f"{path}: [{part}.{name}] does not know {sorted(unknown)}")
    if abs(sum(tables["split"].values()) - 1) > 1e-9:
        raise RecipeError(f"{path}: the shares of [split] add up to {sum(tables['split'].values())}, expected 1")
    return Recipe(**tables, text=text)
