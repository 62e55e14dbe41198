"""What encoders that had not learnt a text say of it, kept beside the encoder that has.

An encoder knows by heart the rows that it was fine-tuned on; heads fitted on what it says of those would trust it too
much. So encoders of the same recipe are fine-tuned without one fold each, and read that fold. Source: stacked
generalisation (Wolpert 1992).
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.pipeline import Pipeline

from service.domain import ATTRIBUTES

CROSSFIT = "encoder.crossfit.npz"
Crossfit = Mapping[int, NDArray[np.float32]]
"""Log odds, (n_attributes,), by the key of a text."""


def key(text: str) -> int:
    """Return 64 bits of the digest of *text*: the texts themselves are not ours to publish."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])


def write_crossfit(folder: Path, texts: Sequence[str], odds: NDArray[np.float64]) -> None:
    """Write what was said of *texts*, (n_texts, n_attributes), into the encoder's *folder*, in 16 bits."""
    keys = np.array([key(text) for text in texts], np.uint64)
    order = np.argsort(keys)
    np.savez_compressed(folder / CROSSFIT, keys=keys[order], odds=odds[order].astype(np.float16))


def read_crossfit(folder: Path) -> Crossfit:
    """Return what `write_crossfit` wrote; nothing where the encoder of *folder* has no such file."""
    if not (folder / CROSSFIT).exists():
        return {}
    with np.load(folder / CROSSFIT, allow_pickle=False) as stored:
        return dict(zip(map(int, stored["keys"]), stored["odds"].astype(np.float32), strict=True))


def features(pipeline: Pipeline, texts: Sequence[str], crossfit: Crossfit) -> csr_matrix:
    """Return the features of *texts* as the heads may learn from them: cross-fitted where the encoder learnt the text.

    The shape is that of `pipeline[:-1].transform(texts)`; the encoder is asked only for texts that it has not learnt.
    """
    union = pipeline[0]
    encoder = dict(union.transformer_list)["encoder"]
    try:
        early = union.set_params(encoder="drop").transform(texts)
    finally:
        union.set_params(encoder=encoder)
    found = [crossfit.get(key(text)) for text in texts]
    new = [place for place, row in enumerate(found) if row is None]
    odds = np.zeros((len(texts), len(ATTRIBUTES)), np.float32)
    odds[new] = encoder.transform([texts[place] for place in new])
    for place, row in enumerate(found):
        if row is not None:
            odds[place] = row
    return hstack([early, csr_matrix(odds * np.float32(union.transformer_weights["encoder"]))]).tocsr()
