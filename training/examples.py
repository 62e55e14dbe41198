"""The examples that a model learns from: reading our own, merging those that are alike, accounting for all of them."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from service.domain import ATTRIBUTES
from service.text import letters_only
from training.sources import CORPORA

# By the guide that our own examples were written under, each of these makes a comment toxic.
TOXIC_BY_DEFINITION: Final = ("severe_toxicity", "insult", "identity_attack", "threat")

Labels = Mapping[str, float]


class CorpusError(Exception):
    """A corpus is not what was expected; the message says what was found, where, and what was expected."""


@dataclass(frozen=True, slots=True)
class Example:
    """One text with labels and source."""

    corpus: str
    """Key in CORPORA, "authored/<file>", "board/<file>" or "own/<file>"."""
    row: str
    """Stable id inside the corpus: its own id where it has one, otherwise a digest of the text."""
    text: str
    labels: Labels
    """Attribute to a number in [0, 1]; an absent attribute is unknown, not zero."""
    language: str
    group: str
    """Short hex digest; examples of one group always fall into the same part."""
    name: str = ""
    """The author's name where the corpus has one."""
    kind: str = ""
    """What an authored example was written to show; it names rows of a report."""
    by: str = ""
    """Who gave the verdict that the labels come from, where one did; and when, in ISO 8601."""
    at: str = ""


def short_digest(text: str) -> str:
    """Return 16 hex digits that stand for *text*."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def group_of(text: str) -> str:
    """Return the group of *text*: the same for texts that differ in anything but letters."""
    # Texts of signs alone have neither; they must not all become one group.
    return short_digest(letters_only(text) or text.strip())


def joined(links: Iterable[tuple[str, str]]) -> Callable[[str], str]:
    """Return the function from a group to the least of all groups that *links* connect it with."""
    parents: dict[str, str] = {}

    def least(group: str) -> str:
        while (parent := parents.get(group, group)) != group:
            parents[group] = parents.get(parent, parent)
            group = parent
        return group

    for one, other in links:
        low, high = sorted((least(one), least(other)))
        parents[high] = low
    return least


def numbered(examples: Iterable[Example]) -> list[Example]:
    """Return *examples* with "#2" and so on behind an id that was there before."""
    seen: Counter[str] = Counter()
    told_apart = []
    for example in examples:
        seen[example.row] += 1
        repeat = seen[example.row]
        told_apart.append(example if repeat == 1 else replace(example, row=f"{example.row}#{repeat}"))
    return told_apart


def content(path: Path, errors: str = "strict") -> str:
    """Return the text of *path*, read as UTF-8; *errors* as in `bytes.decode`.

    Raises:
        CorpusError: when it is not there or not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig", errors)
    except FileNotFoundError as error:
        raise CorpusError(f"{path} is not there") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 at byte {error.start}") from error


def read_authored(folder: Path) -> list[Example]:
    """Return the examples that were written for this project: every *.jsonl in *folder*, one corpus per file.

    `board*.jsonl` are messages of youth forums, toxic in the sense of a forum's annotators instead of our guide's: a
    family of their own.

    Raises:
        CorpusError: with one line "file:line: what is wrong" for every fault of every file.
    """
    faults: list[str] = []
    examples: list[Example] = []
    places: dict[str, str] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line, record in json_lines(path, faults):
            where = f"{path}:{line}"
            found = [f"{where}: {fault}" for fault in _authored_faults(record)]
            if not found and record["id"] in places:
                found = [f"{where}: id {record['id']!r} is taken at {places[record['id']]}"]
            faults += found
            if found:
                continue
            places[record["id"]] = where
            labels = {name: float(value) for name, value in record["labels"].items()}
            text, name, kind = record["comment"], record.get("name", ""), record.get("kind", "")
            family = "board" if path.stem.startswith("board") else "authored"
            corpus, group = f"{family}/{path.stem}", group_of(text)
            examples.append(Example(corpus, record["id"], text, labels, "fr", group, name, kind))
    if faults:
        raise CorpusError("\n".join(faults))
    if not examples:
        raise CorpusError(f"{folder}: found no examples, expected *.jsonl files")
    return examples


def _authored_faults(record: Mapping[str, Any]) -> list[str]:
    known = ("id", "name", "comment", "labels", "kind", "why")
    faults = [f"field {name!r} is not known" for name in record if name not in known]
    faults += [f"{name!r} is empty or missing" for name in ("id", "comment") if not is_text(record.get(name))]
    if not isinstance(record.get("name", ""), str):
        faults.append("'name' is not a text")
    labels = record.get("labels")
    if not isinstance(labels, dict) or not labels:
        return [*faults, "'labels' is empty or missing"]
    faults += [f"label {name!r} is not known" for name in labels if name not in ATTRIBUTES]
    faults += [f"label {name!r} is {value!r}, expected 0 or 1" for name, value in labels.items() if value not in (0, 1)]
    implied = [name for name in TOXIC_BY_DEFINITION if labels.get(name) == 1]
    if implied and labels.get("toxicity") != 1:
        faults.append(f"{', '.join(implied)} without toxicity")
    return faults


def is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def json_lines(path: Path, faults: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object) for each line of *path*, and add to *faults* the lines that hold none."""
    for line, written in enumerate(content(path).split("\n"), start=1):
        if not written.strip():
            continue
        try:
            record = json.loads(written)
        except json.JSONDecodeError as error:
            faults.append(f"{path}:{line}: not JSON ({error.msg} at column {error.colno})")
            continue
        if isinstance(record, dict):
            yield line, record
        else:
            faults.append(f"{path}:{line}: found a JSON {type(record).__name__}, expected an object")


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What `deduplicate` did."""

    given: int
    """Examples before."""
    kept: int
    """Examples after."""
    contradictions: Mapping[str, int]
    """Attribute to the number of merged examples whose sources disagreed on it, so that it became unknown."""
    emptied: int
    """Merged examples that were left out because no label survived."""
    regrouped: int
    """Kept examples whose group changed, because a text connects it with another one."""


def deduplicate(examples: Iterable[Example], also: Iterable[Example] = ()) -> tuple[list[Example], Duplicates]:
    """Merge the examples whose texts have the same letters and language, within and across corpora.

    also : examples that are not used but link groups, so that a text's part does not depend on which corpora are.

    A merged example is the first of them, with the mean of the labels that agree: those less than one half apart. Texts
    with the same letters, and translations of one another, come out with one group, whichever corpora they are from.
    """
    links = [(example.group, group_of(example.text)) for example in also]
    alike: dict[tuple[str, str], list[Example]] = {}
    given = 0
    for example in examples:
        given += 1
        own = group_of(example.text)
        links.append((example.group, own))
        alike.setdefault((own, example.language), []).append(example)
    least = joined(links)
    contradictions: Counter[str] = Counter()
    kept = []
    regrouped = 0
    for first, *others in alike.values():
        labels, contradicted = _agreed([example.labels for example in (first, *others)])
        contradictions.update(contradicted)
        if labels:
            name = next((example.name for example in (first, *others) if example.name), "")
            kept.append(replace(first, labels=labels, name=name, group=least(first.group)))
            regrouped += kept[-1].group != first.group
    report = Duplicates(given, len(kept), dict(contradictions), len(alike) - len(kept), regrouped)
    return kept, report


def _agreed(sources: Sequence[Labels]) -> tuple[Labels, list[str]]:
    """Return the labels that *sources* agree on, and the attributes that they contradict one another on."""
    labels: dict[str, float] = {}
    contradicted = []
    for name in ATTRIBUTES:
        values = [source[name] for source in sources if name in source]
        if values and max(values) - min(values) < 0.5:
            labels[name] = sum(values) / len(values)
        elif values:
            contradicted.append(name)
    return labels, contradicted


@dataclass(frozen=True, slots=True)
class Account:
    """One row of the model card's table of sources."""

    corpus: str
    title: str
    licence: str
    languages: tuple[str, ...]
    rows: int
    known: Mapping[str, int]
    """Attribute to the number of rows that have a label for it; attributes without any are absent."""
    positive: Mapping[str, float]
    """Attribute to the share, in [0, 1], of those rows whose label is one half or more."""


def accounts(examples_by_corpus: Mapping[str, Sequence[Example]]) -> list[Account]:
    """Return an Account for each corpus of *examples_by_corpus*, in its order.

    Raises:
        CorpusError: when the licence of one is not known.
    """
    origins = {key: (corpus.title, corpus.licence) for key, corpus in CORPORA.items()}
    origins |= {"authored": ("Written for this project", "Apache-2.0"), "own": ("The site's own", "not published")}
    rows = []
    for key, examples in examples_by_corpus.items():
        if (origin := origins.get(key.partition("/")[0])) is None:
            raise CorpusError(f"corpus {key!r} is not known, so that its licence cannot be accounted for")
        known = Counter(name for example in examples for name in example.labels)
        positive = Counter(name for example in examples for name, value in example.labels.items() if value >= 0.5)
        rows.append(
            Account(
                key,
                *origin,
                languages=tuple(sorted({example.language for example in examples})),
                rows=len(examples),
                known={name: known[name] for name in ATTRIBUTES if known[name]},
                positive={name: positive[name] / known[name] for name in ATTRIBUTES if known[name]},
            )
        )
    return rows
