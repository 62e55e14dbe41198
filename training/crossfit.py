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

CROSSFIT = "encoder.crossfit.npz"
Crossfit = Mapping[int, NDArray[np.float32]]
"""What the encoder gives for one text, (n_numbers,), by the key of the text."""


def key(text: str) -> int:
    """Return 64 bits of the digest of *text*: the texts themselves are not ours to publish."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])


def write_crossfit(folder: Path, texts: Sequence[str], said: NDArray[np.float32]) -> None:
    """Write what was said of *texts*, (n_texts, n_numbers), into the encoder's *folder*, in 8 bits a number."""
    keys = np.array([key(text) for text in texts], np.uint64)
    order = np.argsort(keys)
    steps = np.abs(said).max(axis=0) / 127
    packed = np.round(said[order] / np.where(steps > 0, steps, 1)).astype(np.int8)
    np.savez_compressed(folder / CROSSFIT, keys=keys[order], steps=steps.astype(np.float32), said=packed)


def read_crossfit(folder: Path) -> Crossfit:
    """Return what `write_crossfit` wrote; nothing where the encoder of *folder* has no such file."""
    if not (folder / CROSSFIT).exists():
        return {}
    with np.load(folder / CROSSFIT, allow_pickle=False) as stored:
        return dict(zip(map(int, stored["keys"]), stored["said"] * stored["steps"], strict=True))


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
    asked = encoder.transform([texts[place] for place in new])
    said = np.empty((len(texts), asked.shape[1]), np.float32)
    said[new] = asked
    for place, row in enumerate(found):
        if row is not None:
            said[place] = row
    return hstack([early, csr_matrix(said * np.float32(union.transformer_weights["encoder"]))]).tocsr()
