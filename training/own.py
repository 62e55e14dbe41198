"""A moderator's own file of labelled texts, and what `vigie export labels` writes."""

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from service.domain import ATTRIBUTES
from training.examples import (
    CorpusError,
    Example,
    Labels,
    content,
    group_of,
    is_text,
    json_lines,
    numbered,
    short_digest,
)

PROVENANCE = ("decision", "reason", "by", "given_at", "model", "policy")
"""Columns of a file of verdicts that say where a label comes from; nothing is learnt from them but by whom and when."""


def read_plain(path: Path) -> list[Example]:
    """Return the examples of a moderator's own CSV, TSV or JSONL file.

    Column text is required, and at least one attribute: 0, 1 or a probability between; blank means unknown. Columns id,
    name and language ("fr" when blank) are optional, and so are PROVENANCE, which
    `vigie export labels` writes. A CSV file may be separated by commas, semicolons or tabs.

    Raises:
        CorpusError: with one line "file:line: what is wrong" for every fault.
    """
    faults: list[str] = []
    if path.suffix == ".jsonl":
        records = list(json_lines(path, faults))
        columns = list(dict.fromkeys(column for _, record in records for column in record))
    elif path.suffix in (".csv", ".tsv"):
        columns, records = _separated(path, faults)
    else:
        raise CorpusError(f"{path}: expected a file that ends in .csv, .tsv or .jsonl")
    about = ("text", "id", "name", "language")
    known = (*about, *ATTRIBUTES, *PROVENANCE)
    examples = []
    # A mistyped attribute must not silently be lost.
    if unknown := [column for column in columns if column not in known]:
        faults.append(f"{path}: found the columns {', '.join(unknown)}, expected only {', '.join(known)}")
    elif "text" not in columns or not set(columns) & set(ATTRIBUTES):
        faults.append(f"{path}: found the columns {', '.join(columns)}, expected text and at least one attribute")
    else:
        for line, record in records:
            labels, found = _plain_labels(record)
            faults += [f"{path}:{line}: {fault}" for fault in found]
            text, row, name, language = ("" if (cell := record.get(it)) is None else str(cell) for it in about)
            row, language = row or short_digest(text), language or "fr"
            by, at = (str(record.get(it) or "") for it in ("by", "given_at"))
            examples.append(
                Example(f"own/{path.stem}", row, text, labels, language, group_of(text), name, by=by, at=at)
            )
    if faults:
        raise CorpusError("\n".join(faults))
    return numbered(examples)


def _separated(path: Path, faults: list[str]) -> tuple[list[str], list[tuple[int, dict[str, Any]]]]:
    """Return the columns and the (line number, row) of *path*, and add to *faults* the lines that hold none."""
    text = content(path)
    header = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True)
    records = []
    try:
        for row in reader:
            if None in row or None in row.values():
                faults.append(f"{path}:{reader.line_num}: the row is not as wide as the header")
            else:
                records.append((reader.line_num, dict(row)))
    except csv.Error as error:
        # The outer reader counts a row only when it is whole.
        faults.append(f"{path}:{reader.reader.line_num}: not CSV ({error})")
    return list(reader.fieldnames or ()), records


def _plain_labels(record: Mapping[str, Any]) -> tuple[Labels, list[str]]:
    """Return the labels of one record of a moderator's file, and what is wrong with it."""
    labels = {}
    faults = [] if is_text(record.get("text")) else ["the text is empty or missing"]
    for name in ATTRIBUTES:
        cell = record.get(name)
        if cell is None or not str(cell).strip():
            continue
        try:
            # A French spreadsheet writes 0,5.
            labels[name] = float(cell.replace(",", ".") if isinstance(cell, str) else cell)
        except (TypeError, ValueError):
            labels[name] = math.nan
        if not 0.0 <= labels[name] <= 1.0:
            faults.append(f"{name} is {str(cell)[:20]!r}, expected a number from 0 to 1 or nothing")
    if not labels:
        faults.append("no attribute is known")
    return labels, faults
