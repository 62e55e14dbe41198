"""What a network says of texts: what it has learnt to say, and what the published encoder said before."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import sentencepiece
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from torch import Tensor

from service.encoder import windows_of, worst
from service.text import reveal
from training.lessons import Lessons
from training.network import EMBEDDING, Network, load_pretrained, padded, resources

T = TypeVar("T")


@dataclass
class Tokenizer:
    """From texts to rows of the network's cut table."""

    processor: sentencepiece.SentencePieceProcessor
    rows: NDArray[np.int64]
    """Piece id to row; `UNKNOWN` for pieces that were cut."""
    window: int
    longest: int

    def __call__(self, text: str) -> list[NDArray[np.int64]]:
        """Return the windows of *text* as the service reads them, as far as *longest* pieces."""
        pieces = self.processor.encode(reveal(text))[: self.longest]
        return [self.rows[np.array(window)] for window in windows_of(pieces, self.window)]


def predict(network: Network, tokenizer: Tokenizer, texts: Sequence[str], device: torch.device) -> NDArray[np.float32]:
    """Return what the encoder says of *texts*, (n_texts, general + n_attributes): general reading, served log odds."""
    pieces, owners = windows_side_by_side([tokenizer(text) for text in texts])
    read = _read(lambda rows: torch.cat(network(rows), dim=-1), network, pieces, device)
    return worst(read, owners, len(texts))


def windows_side_by_side(texts: Sequence[Sequence[T]]) -> tuple[list[T], NDArray[np.intp]]:
    """Return the windows of all *texts* in one row, and the text that each belongs to."""
    owners = np.repeat(np.arange(len(texts)), [len(windows) for windows in texts])
    return [window for windows in texts for window in windows], owners


@dataclass(frozen=True, slots=True)
class Published:
    """What the published encoder says of texts, by the principal components of its embeddings."""

    weight: NDArray[np.float32]
    """(general, n_features): from the features of all places to what comes nearest to the components."""
    bias: NDArray[np.float32]
    readings: NDArray[np.float32]
    """(n_texts, general): what the general reading shall go on saying; NaN where a text is not French, or too long."""


def as_published(lessons: Lessons, params: Mapping[str, Any], work: Path) -> Published:
    """Return the general reading of the French texts of one window, before anything is learnt; remembered in *work*.

    All folds must share one basis, or heads could not learn from what one encoder says and be served by another: it
    comes from the whole vocabulary, whichever pieces a fold keeps. Its length is `general_length` on average.
    """
    french = np.flatnonzero(lessons.french)
    texts = [lessons.texts[int(row)] for row in french]
    asked = [str(params[name]) for name in ("general", "general_length", "window", "longest")]
    mark = hashlib.sha256("\0".join([*texts, *asked]).encode()).hexdigest()
    stored = work / "published.npz"
    if stored.exists() and str((found := np.load(stored))["mark"]) == mark:
        return Published(found["weight"], found["bias"], found["readings"])
    folder = resources()
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sp.model"))
    pieces = processor.get_piece_size()
    network = Network(pieces + 2, 1, 1, 1, 1)
    load_pretrained(network, range(pieces), folder / "weights.npz")
    tokenizer = Tokenizer(processor, np.arange(pieces) + 2, params["window"], params["longest"])
    windows = [tokenizer(text) for text in texts]
    short = [place for place, some in enumerate(windows) if len(some) == 1]

    def everything(rows: Tensor) -> Tensor:
        summed, lengths = network.places(rows)
        return torch.cat([network.tower(summed, lengths)[0], summed / lengths.sqrt()], dim=-1)

    read = _read(everything, network, [windows[place][0] for place in short], torch.device("cpu"))
    embeddings, features = np.split(read, [EMBEDDING], axis=1)
    spread, directions = np.linalg.eigh(np.cov(embeddings, rowvar=False))
    components = directions[:, ::-1][:, : params["general"]]
    components *= params["general_length"] / np.sqrt(spread[-params["general"] :].sum())
    said = (embeddings - embeddings.mean(axis=0)) @ components
    nearest = Ridge().fit(features, said)
    weight, bias = nearest.coef_, nearest.intercept_
    readings = np.full((len(lessons.texts), params["general"]), np.nan, np.float32)
    readings[french[short]] = said
    published = Published(weight.astype(np.float32), bias.astype(np.float32), readings)
    work.mkdir(parents=True, exist_ok=True)
    np.savez(stored, mark=mark, weight=published.weight, bias=published.bias, readings=readings)
    return published


def _read(
    reader: Callable[[Tensor], Tensor],
    network: Network,
    pieces: Sequence[NDArray[np.int64]],
    device: torch.device,
) -> NDArray[np.float32]:
    network.eval()
    order = sorted(range(len(pieces)), key=lambda place: len(pieces[place]))
    found = []
    with torch.no_grad():
        for at in range(0, len(order), 256):
            some = order[at : at + 256]
            found.append(reader(padded(pieces[place] for place in some).to(device)).cpu().numpy())
    network.train()
    told = np.zeros((len(pieces), found[0].shape[1]), np.float32)
    told[order] = np.concatenate(found)
    return told
