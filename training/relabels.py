"""Our own labels for rows of public corpora, by docs/annotation.md: ids and labels only, never the texts."""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from sklearn.metrics import cohen_kappa_score

from service.domain import ATTRIBUTES
from training.examples import TOXIC_BY_DEFINITION, CorpusError, Example, Labels

RELABELS = Path(__file__).parent / "relabels"
COLUMNS = ("corpus", "row", "labels", "reader")

Key = tuple[str, str]
"""Corpus and row."""
Readings = Mapping[Key, Sequence[Labels]]


def read_relabels(folder: Path = RELABELS) -> Readings:
    """Return every reading of every row: *.csv with corpus, row, labels (attributes, by spaces), reader.

    Raises CorpusError with one line for every fault.
    """
    readings: dict[Key, list[Labels]] = defaultdict(list)
    readers: set[tuple[str, str, str]] = set()
    faults = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise CorpusError(f"{path}: found the columns {reader.fieldnames}, expected {', '.join(COLUMNS)}")
            for line in reader:
                names = line["labels"].split()
                fault = _fault(names)
                if (who := (line["corpus"], line["row"], line["reader"])) in readers:
                    fault = f"row {line['row']} was read twice by {line['reader']}"
                if fault:
                    faults.append(f"{path}:{reader.line_num}: {fault}")
                readers.add(who)
                readings[line["corpus"], line["row"]].append({name: float(name in names) for name in ATTRIBUTES})
    if faults:
        raise CorpusError("\n".join(faults))
    return dict(readings)


def _fault(names: Sequence[str]) -> str:
    if unknown := set(names) - set(ATTRIBUTES):
        return f"{', '.join(sorted(unknown))} unknown, expected some of {', '.join(ATTRIBUTES)}"
    if set(names) & set(TOXIC_BY_DEFINITION) and "toxicity" not in names:
        return f"{' '.join(names)} without toxicity"
    return ""


def settled(readings: Sequence[Labels]) -> Labels:
    """Return the labels on which all *readings* of a row agree; on the others they differ, and nothing is known."""
    first, *others = readings
    return {name: value for name, value in first.items() if all(other[name] == value for other in others)}


def relabel(example: Example, readings: Readings, keep: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Example:
    """Return *example* with our labels where there are any.

    keep : corpus to the attributes for which its own labels stay.
    """
    found = readings.get((example.corpus, example.row))
    if found is None:
        return example
    kept = {name: value for name, value in example.labels.items() if name in keep.get(example.corpus, ())}
    return replace(example, labels={**settled(found), **kept})


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often two independent readings of the same rows said the same of one attribute."""

    rows: int
    positives: int
    """Rows where at least one reading said yes."""
    same: float
    kappa: float
    """Cohen's; 0 is chance, 1 is always."""


def agreement(readings: Readings) -> dict[str, Agreement]:
    """Return for each attribute the Agreement of the first two readings of the rows that have two."""
    twice = [found[:2] for found in readings.values() if len(found) > 1]
    told = {}
    for name in ATTRIBUTES if twice else ():
        one, other = ([int(pair[place][name]) for pair in twice] for place in (0, 1))
        same = sum(a == b for a, b in zip(one, other, strict=True)) / len(twice)
        either = sum(a or b for a, b in zip(one, other, strict=True))
        kappa = float(cohen_kappa_score(one, other)) if 0 < either and min(sum(one), sum(other)) > 0 else 0.0
        told[name] = Agreement(len(twice), either, same, kappa)
    return told
