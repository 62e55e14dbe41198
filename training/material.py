"""What a run learns from: examples of every corpus at hand, deduplicated, weighted and cut into parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.domain import ATTRIBUTES
from training import corpora
from training.examples import Duplicates, Example, deduplicate, read_authored, read_plain
from training.recipe import Recipe
from training.sources import CORPORA
from training.split import part_of

AUTHORED = Path(__file__).parent / "authored"


@dataclass(frozen=True, slots=True)
class Material:
    """Examples as arrays; row i of each belongs to `examples[i]`."""

    examples: Sequence[Example]
    labels: NDArray[np.float64]
    """(n_examples, n_attributes): 0 to 1, NaN for unknown."""
    weights: NDArray[np.float64]
    parts: NDArray[np.str_]
    read: Mapping[str, Sequence[Example]]
    """Everything that was read, by corpus, before deduplication: for the account of licences."""
    duplicates: Duplicates

    @property
    def texts(self) -> list[str]:
        return [example.text for example in self.examples]

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


def gather(recipe: Recipe, *, root: Path | None, authored: Path = AUTHORED, plain: Sequence[Path] = ()) -> Material:
    """Read, check and deduplicate; *root* is the folder of the public corpora, None when there is none.

    Raises CorpusError when a file is not what its digest says.
    """
    read: dict[str, list[Example]] = {}
    if root is not None:
        absent = {key for key, _ in corpora.missing(root)}
        for key in CORPORA:
            if key not in absent:
                corpora.verify(key, found := corpora.read(key, root))
                read[key] = found
    read["authored"] = read_authored(authored)
    for path in plain:
        read[f"own/{path.stem}"] = read_plain(path)
    used = [example for key, found in read.items() if key.split("/")[0] in recipe.corpora for example in found]
    examples, duplicates = deduplicate([_trusted(example, recipe) for example in used])
    labels = np.array([[e.labels.get(name, np.nan) for name in ATTRIBUTES] for e in examples], dtype=np.float64)
    weights = np.array([recipe.corpora[source(example)] for example in examples])
    parts = np.array([part_of(example.group, recipe.split) for example in examples])
    return Material(examples, labels, weights, parts, read, duplicates)


def _trusted(example: Example, recipe: Recipe) -> Example:
    """Return *example* without the labels that the recipe does not use."""
    dropped = recipe.without.get(example.corpus, [])
    kept = {name: value for name, value in example.labels.items() if name not in dropped}
    return replace(example, labels=kept)
