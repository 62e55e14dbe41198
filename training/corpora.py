"""One reader per public corpus: from its file, as its authors left it, to examples with our labels."""

import csv
import hashlib
import html
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from service.domain import ATTRIBUTES
from service.text import letters_only
from training import labels
from training.examples import CorpusError, Example, Labels, content, group_of, joined, numbered, short_digest
from training.labels import Meanings, Row
from training.sources import CORPORA, Corpus


def corpora_root() -> Path | None:
    """Return the folder that holds the corpora of this checkout, or None when there is none."""
    project = Path(__file__).resolve().parents[1]
    folders = (project / "data" / "corpora", project.parent / "shared" / "corpora")
    return next((folder for folder in folders if folder.is_dir()), None)


def local_path(root: Path, corpus: Corpus, path: str) -> Path:
    """Return where the file from *path* of the repository lies below *root*, whether or not it is there."""
    place = root / corpus.folder / PurePosixPath(path).name
    # The cut copy of a .tsv original is kept as .csv.
    cut_copy = place.with_suffix(".csv")
    return cut_copy if not place.exists() and cut_copy.exists() else place


def missing(root: Path) -> list[tuple[str, str]]:
    """Return (key, path in the repository) of every file that reading needs and that is not below *root*."""
    absent = []
    for key, corpus in CORPORA.items():
        main, *companions = corpus.paths
        place = local_path(root, corpus, main)
        needed = companions if not place.exists() or _is_original(place) else []
        absent += [(key, path) for path in (main, *needed) if not local_path(root, corpus, path).exists()]
    return absent


def read(key: str, root: Path) -> list[Example]:
    """Return the examples of corpus *key* below *root*, without the rows that are the final examination.

    The untouched original and the cut copy yield the same examples. Call `verify` before training on them.

    Raises:
        CorpusError: when a file is missing or is not shaped as its table entry says.
    """
    if key not in CORPORA:
        raise CorpusError(f"corpus {key!r} is not known; known are {', '.join(CORPORA)}")
    reader = _READERS.get(key, _one_label)
    return numbered(example for example in reader(root, key) if example.text.strip())


def verify(key: str, examples: Sequence[Example]) -> None:
    """Check that *examples* are exactly those that were measured for corpus *key*.

    Raises:
        CorpusError: when their number or digest is another, so that rows of the final examination may be among them.
    """
    corpus = CORPORA[key]
    found = digest(examples)
    if (len(examples), found) != (corpus.rows, corpus.digest):
        raise CorpusError(
            f"{key}: found {len(examples)} examples with digest {found},"
            f" expected {corpus.rows} with digest {corpus.digest}"
        )


def digest(examples: Iterable[Example]) -> str:
    """Return the sha256, in hex, over the sorted lines of row, text and labels."""
    lines = sorted(
        json.dumps([example.row, example.text, sorted(example.labels.items())], ensure_ascii=False)
        for example in examples
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


# The final examination: rows that nobody may learn from, left out of originals and absent from cut copies.


def bucket(key: str, n: int) -> int:
    """Return which of *n* buckets *key* falls into: the first byte of its sha256, modulo *n*."""
    return hashlib.sha256(key.encode()).digest()[0] % n


_EXAMINATION: Final[Mapping[str, Callable[[Row], bool]]] = {
    "toxifrench": lambda row: bucket(row["msg_id"], 2) == 1,
    "hatecheck": lambda row: bucket(row["templ_id"], 2) == 1,
    "sms-spam": lambda row: bucket(row["text"], 4) == 3,
    "sms-spam-en": lambda row: bucket(row["text"], 4) == 3,
    "textdetox": lambda row: row["lang"] not in CORPORA["textdetox"].languages,
}
# These share rows with a benchmark of their repository. The columns are those of the copies from which such rows are
# gone already; any other header is an original.
_CUT_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "agreement_checking.csv": frozenset(
        ("msg_id", "content", "annotator's conclusion", "2nd annotation score", "deleted", "banned")
    ),
    "subset_jigsaw_annotated.csv": frozenset(
        ("msg_id", "original_text", "content", "toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
    ),
}


def _is_original(path: Path) -> bool:
    """Return whether *path* still holds rows that must be looked up in another file to be left out."""
    if path.name not in _CUT_COLUMNS:
        return False
    header = next(csv.reader(io.StringIO(content(path), newline="")), [])
    return frozenset(header) != _CUT_COLUMNS[path.name]


def _benchmark(main: Path, path: Path) -> set[str]:
    """Return every cell of the benchmark at *path*, whose rows the original *main* shares."""
    agreement = main.name == "agreement_checking.csv"
    rows = _table(path, _text(path), *(["msg_id"] if agreement else []))
    if agreement and not any(_EXAMINATION["toxifrench"](row) for row in rows):
        raise CorpusError(
            f"{main} is the original, but {path} beside it is cut, so that the rows of the final examination"
            " cannot be told; remove both and fetch them again"
        )
    return {cell for row in rows for cell in row.values()}


# From a file to rows.


def _rows(root: Path, key: str, *columns: str) -> list[Row]:
    """Return the rows of corpus *key* as column to cell, without those of the final examination.

    Raises:
        CorpusError: when a file is missing, lacks one of *columns*, or has a row of another width.
    """
    corpus = CORPORA[key]
    main, *companions = (local_path(root, corpus, path) for path in corpus.paths)
    rows = _table(main, _text(main, key), *columns)
    if key in _EXAMINATION:
        return [row for row in rows if not _EXAMINATION[key](row)]
    if _is_original(main):
        benchmark = _benchmark(main, *companions)
        shared = ("content",) if key == "toxifrench-agreement" else ("msg_id", "original_text", "content")
        return [row for row in rows if benchmark.isdisjoint(row[column] for column in shared)]
    return rows


def _text(path: Path, key: str = "") -> str:
    """Return the table in *path* as text, with what the export of corpus *key* broke put right."""
    if not path.exists():
        raise CorpusError(f"{path} is not there; `python -m training fetch` downloads it")
    if path.suffix == ".zip":
        table = f"{CORPORA[key].languages[0]}_dataset.csv"
        try:
            with zipfile.ZipFile(path) as archive:
                return archive.read(f"hate_speech_mlma/{table}").decode()
        except (zipfile.BadZipFile, KeyError) as error:
            raise CorpusError(f"{path}: expected a zip archive with {table} ({error})") from error
    # Eight tweets of FTR end in the middle of a character.
    text = content(path, errors="replace" if key == "ftr" else "strict")
    # DynaHate has bare carriage returns inside its unquoted texts, which a CSV reader takes for the end of a row.
    return re.sub(r"\r(?!\n)", " ", text) if key == "dynahate" else text


def _table(path: Path, text: str, *columns: str) -> list[Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if path.suffix == ".tsv" else ",")
    absent = sorted(set(columns) - set(reader.fieldnames or ()))
    if absent:
        raise CorpusError(f"{path}: no column {', '.join(absent)}; found {', '.join(reader.fieldnames or ())}")
    rows: list[Row] = []
    for row in reader:
        if None in row or None in row.values():
            raise CorpusError(f"{path}:{reader.line_num}: the row is not as wide as the header")
        rows.append(row)
    return rows


# From a row to an example.


def _example(
    key: str, text: str, decided: Labels, *, row: str = "", language: str = "", group: str = "", name: str = ""
) -> Example:
    """Return an Example with what the corpus does not give: a digest for its id, a group from its text."""
    # &amp; and its like are left by the export of several corpora; nobody typed them.
    text = html.unescape(text)
    language = language or CORPORA[key].languages[0]
    return Example(key, row or short_digest(text), text, decided, language, group or group_of(text), name)


@dataclass(frozen=True, slots=True)
class _Columns:
    """How a corpus with one column of labels names its columns."""

    text: str
    label: str
    meanings: Meanings
    row: str | None
    """None when rows have no id."""
    language: str | None = None
    """None when all rows have the corpus's language."""


_ONE_LABEL: Final[Mapping[str, _Columns]] = {
    "toxifrench": _Columns("content", "label", labels.TOXIC, "msg_id"),
    "toxifrench-agreement": _Columns("content", "annotator's conclusion", labels.TOXIC, "msg_id"),
    "ftr": _Columns("tweet", "label", labels.HATE, "id"),
    "jigsaw-ml": _Columns("comment_text", "toxic", labels.TOXIC, "id", "lang"),
    "wiki-toxicity": _Columns("comment", "toxic", labels.TOXIC, "rev_id"),
    "measuring-hate-speech": _Columns("text", "label", labels.HATE, None),
    "dynahate": _Columns("text", "label", labels.HATE, None),
    "davidson": _Columns("tweet", "class", labels.DAVIDSON, ""),
}


def _one_label(root: Path, key: str) -> Iterator[Example]:
    columns = _ONE_LABEL[key]
    named = (columns.text, columns.label, columns.row, columns.language)
    for number, row in enumerate(_rows(root, key, *(name for name in named if name is not None)), start=1):
        own_id = "" if columns.row is None else row[columns.row]
        decided = labels.meaning(row[columns.label], columns.meanings, f"{key} row {own_id or number}")
        language = "" if columns.language is None else row[columns.language]
        yield _example(key, row[columns.text], decided, row=own_id, language=language)


def _tubespam(root: Path, key: str) -> Iterator[Example]:
    for row in _rows(root, key, "COMMENT_ID", "AUTHOR", "CONTENT", "CLASS"):
        # YouTube's markup and its trailing byte-order marks; neither is part of what was typed.
        text = re.sub(r"</?(?:a|b|i|br)\b[^>]*>", " ", row["CONTENT"]).replace("\ufeff", "")
        decided = labels.meaning(row["CLASS"], labels.SPAM, f"{key} row {row['COMMENT_ID']}")
        yield _example(key, text, decided, row=row["COMMENT_ID"], name=row["AUTHOR"])


def _textdetox(root: Path, key: str) -> Iterator[Example]:
    for row in _rows(root, key, "toxic_sentence", "lang"):
        yield _example(key, row["toxic_sentence"], labels.TOXIC["1"], language=row["lang"])


def _translated(root: Path, key: str, original: str, translation: str, *columns: str) -> Iterator[tuple[Row, str, str]]:
    """Yield (row, text in the language of corpus *key*, group) of a corpus of English texts and their translations.

    The group is the same for pairs that share the letters of either text.
    """
    rows = _rows(root, key, original, translation, *columns)
    links = [(group_of(html.unescape(row[original])), group_of(html.unescape(row[translation]))) for row in rows]
    least = joined(links)
    wanted = original if CORPORA[key].languages == ("en",) else translation
    for row, (group, _) in zip(rows, links, strict=True):
        yield row, row[wanted], least(group)


def _jigsaw(root: Path, key: str) -> Iterator[Example]:
    for row, text, group in _translated(root, key, "original_text", "content", "msg_id", *labels.JIGSAW):
        decided = labels.jigsaw(row, f"{key} row {row['msg_id']}")
        yield _example(key, text, decided, row=row["msg_id"], group=group)


def _sms_spam(root: Path, key: str) -> Iterator[Example]:
    for number, (row, text, group) in enumerate(_translated(root, key, "text", "text_fr", "labels"), start=1):
        decided = labels.meaning(row["labels"], labels.HAM_OR_SPAM, f"{key} row {number}")
        yield _example(key, text, decided, group=group)


def _mlma(root: Path, key: str) -> Iterator[Example]:
    for row in _rows(root, key, "HITId", "tweet", "sentiment", "target"):
        yield _example(key, row["tweet"], labels.mlma(row, f"{key} row {row['HITId']}"), row=row["HITId"])


def _told_br(root: Path, key: str) -> Iterator[Example]:
    for row in _rows(root, key, "text", "obscene", "insult", *labels.TOLD_IDENTITIES):
        yield _example(key, row["text"], labels.told_br(row))


def hatecheck_cases(root: Path) -> list[tuple[Example, str, str]]:
    """Return (example, functionality, target group or "") for every test case of HateCheck in French."""
    columns = ("mhc_case_id", "functionality", "test_case", "label_gold", "target_ident", "templ_id")
    cases = []
    for row in _rows(root, "hatecheck", *columns):
        # One case is a bare dash, of which nothing can be said.
        if letters_only(row["test_case"]):
            decided = labels.hatecheck(row, f"hatecheck case {row['mhc_case_id']}")
            group = short_digest(f"hatecheck/{row['templ_id']}")
            example = _example("hatecheck", row["test_case"], decided, row=row["mhc_case_id"], group=group)
            cases.append((example, row["functionality"], row["target_ident"]))
    return cases


_CONSULTATION_THEMES: Final = {
    "place des femmes dans les media et sur le web",
    "partage des responsabilités parentales",
    "violences conjugales",
    "pensions alimentaires",
}


def _consultation(root: Path, key: str) -> Iterator[Example]:
    for row in _rows(root, key, "theme", "text", "source"):
        # The rest are empty rows and the counters of the web form, which slipped into the text's column.
        if row["theme"] in _CONSULTATION_THEMES and letters_only(row["text"]):
            # Its export left quotation marks as backslashes, and added one at the end.
            text = re.sub(r'\\"?', '"', row["text"])
            text = text.rstrip().removesuffix('"') if text.count('"') % 2 else text
            harmless = dict.fromkeys(ATTRIBUTES, 0.0)
            yield _example(key, text, harmless, row=short_digest(row["source"] + row["text"]))


_READERS: Final[Mapping[str, Callable[[Path, str], Iterable[Example]]]] = {
    "jigsaw-fr": _jigsaw,
    "jigsaw-en-original": _jigsaw,
    "mlma": _mlma,
    "mlma-en": _mlma,
    "hatecheck": lambda root, _: (example for example, _, _ in hatecheck_cases(root)),
    "consultation-an": _consultation,
    "sms-spam": _sms_spam,
    "sms-spam-en": _sms_spam,
    "tubespam": _tubespam,
    "textdetox": _textdetox,
    "told-br": _told_br,
}
