"""What a run learns from: examples of every corpus at hand, deduplicated, weighted and cut into parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.domain import ATTRIBUTES
from training import corpora
from training.examples import Duplicates, Example, deduplicate, read_authored
from training.own import read_plain
from training.recipe import Recipe
from training.relabels import RELABELS, Readings, read_relabels, relabel
from training.sources import CORPORA
from training.split import part_of
from training.verdicts import guard

AUTHORED = Path(__file__).parent / "authored"


@dataclass(frozen=True, slots=True)
class Material:
    """Examples as arrays; row i of each belongs to `examples[i]`."""

    examples: Sequence[Example]
    texts: Sequence[str]
    labels: NDArray[np.float64]
    """(n_examples, n_attributes): 0 to 1, NaN for unknown. What the rows are measured by."""
    taught: NDArray[np.float64]
    """The same by our guide alone: rows of a forum have its annotators' toxicity in `labels`, our readers' here."""
    forum: NDArray[np.float64]
    """(n_examples,): what those annotators call toxic, NaN for rows of no forum."""
    weights: NDArray[np.float64]
    parts: NDArray[np.str_]
    read: Mapping[str, Sequence[Example]]
    """Everything that was read, by corpus, before deduplication: for the account of licences."""
    duplicates: Duplicates
    told: Sequence[str] = ()
    """What was done with moderators' verdicts, in French."""

    def rows(self, *, part: str | None = None, sources: Sequence[str] | None = None) -> NDArray[np.intp]:
        """Return the rows of a part (None: all) and of corpora (by their first word: `authored` is all of ours)."""
        wanted = np.ones(len(self.examples), dtype=bool) if part is None else self.parts == part
        if sources is not None:
            wanted &= np.array([source(example) in sources for example in self.examples])
        return np.flatnonzero(wanted)

    def good(self) -> NDArray[np.bool_]:
        """Tell which rows are known to be comments that a newsroom publishes: neither toxic nor spam."""
        toxicity, spam = (self.labels[:, ATTRIBUTES.index(name)] for name in ("toxicity", "spam"))
        return (toxicity < 0.5) & ~(spam >= 0.5)

    def bad(self) -> NDArray[np.bool_]:
        """Tell which rows are known to be toxic or spam."""
        toxicity, spam = (self.labels[:, ATTRIBUTES.index(name)] for name in ("toxicity", "spam"))
        return (toxicity >= 0.5) | (spam >= 0.5)


def source(example: Example) -> str:
    """Return the corpus of *example* as the recipe names it: all authored files are one."""
    return example.corpus.split("/")[0]


def gather(
    recipe: Recipe,
    *,
    root: Path | None,
    authored: Path = AUTHORED,
    plain: Sequence[Path] = (),
    weights: Mapping[str, float] | None = None,
    readings: Readings | None = None,
) -> Material:
    """Read, check and deduplicate; *root* is the folder of the public corpora, None when there is none.

    weights : corpora that are used and what one row of each weighs; None for those of the heads, `recipe.corpora`.
    readings : our labels of their rows; None for those of training/relabels.

    Raises CorpusError when a file is not what its digest says.
    """
    read: dict[str, Sequence[Example]] = {}
    if root is not None:
        absent = {key for key, _ in corpora.missing(root)}
        for key in CORPORA:
            if key not in absent:
                corpora.verify(key, rows := corpora.read(key, root))
                read[key] = rows
    read["authored"] = read_authored(authored)
    guarded = {path: guard(read_plain(path), recipe.verdicts) for path in plain}
    read |= {f"own/{path.stem}": found.examples for path, found in guarded.items()}
    own = {
        (example.corpus, example.row, example.at): (weight, later)
        for found in guarded.values()
        for example, weight, later in zip(found.examples, found.weights, found.later, strict=True)
    }
    weights = recipe.corpora if weights is None else weights
    readings = read_relabels(RELABELS) if readings is None else readings
    used: list[Example] = []
    unused: list[Example] = []
    for key, found in read.items():
        (used if key.split("/")[0] in weights else unused).extend(found)
    trusted = [_trusted(relabel(example, readings, recipe.relabels["keep"]), recipe) for example in used]
    examples, duplicates = deduplicate(trusted, also=unused)
    labels = _labels(examples)
    kept = [example.corpus in recipe.relabels["keep"] for example in examples]
    taught = _labels([relabel(e, readings) if forum else e for e, forum in zip(examples, kept, strict=True)])
    verdicts = [own.get((e.corpus, e.row, e.at), (1.0, False)) for e in examples]
    parts = [part_of(example.group, recipe.split) for example in examples]
    return Material(
        examples,
        [example.text for example in examples],
        labels,
        taught,
        np.where(kept, labels[:, ATTRIBUTES.index("toxicity")], np.nan),
        np.array([weights[source(e)] * weight for e, (weight, _) in zip(examples, verdicts, strict=True)]),
        np.array(["test" if later else part for part, (_, later) in zip(parts, verdicts, strict=True)]),
        read,
        duplicates,
        [line for found in guarded.values() for line in found.told],
    )


def _labels(examples: Sequence[Example]) -> NDArray[np.float64]:
    return np.array([[e.labels.get(name, np.nan) for name in ATTRIBUTES] for e in examples], dtype=np.float64)


def _trusted(example: Example, recipe: Recipe) -> Example:
    """Return *example* without the labels that the recipe does not use."""
    dropped = recipe.without.get(example.corpus, [])
    kept = {name: value for name, value in example.labels.items() if name not in dropped}
    return replace(example, labels=kept)
