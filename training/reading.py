"""What a network says of texts: what it has learnt to say, and what the published encoder said before."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import torch
from numpy.typing import NDArray
from torch import Tensor

from service.encoder import BEGIN, END
from service.text import reveal
from training.lessons import Lessons
from training.network import Network, load_pretrained, padded, resources


@dataclass
class Tokenizer:
    """From texts to rows of the network's cut table."""

    processor: sentencepiece.SentencePieceProcessor
    rows: NDArray[np.int64]
    """Piece id to row; `UNKNOWN` for pieces that were cut."""
    longest: int

    def __call__(self, text: str) -> NDArray[np.int64]:
        pieces = self.processor.encode(reveal(text))[: self.longest - 2]
        found: NDArray[np.int64] = self.rows[np.array([BEGIN, *pieces, END])]
        return found


def predict(network: Network, tokenizer: Tokenizer, texts: Sequence[str], device: torch.device) -> NDArray[np.float64]:
    """Return what the encoder says of *texts*, (n_texts, general + n_attributes): general reading, served log odds."""
    return _read(lambda rows: torch.cat(network(rows), dim=-1), network, tokenizer, texts, device)


@dataclass(frozen=True, slots=True)
class Published:
    """What the published encoder says of texts, by the principal components of its embeddings."""

    weight: NDArray[np.float32]
    """(general, 512): the components, from an embedding."""
    bias: NDArray[np.float32]
    readings: NDArray[np.float32]
    """(n_texts, general): what the general reading shall go on saying; NaN where a text is not French."""


def as_published(lessons: Lessons, params: Mapping[str, Any], work: Path) -> Published:
    """Return the general reading of the French texts, before anything is learnt; remembered in the folder *work*.

    All folds must share one basis, or heads could not learn from what one encoder says and be served by another: it
    comes from the whole vocabulary, whichever pieces a fold keeps. Its length is `general_length` on average.
    """
    french = np.flatnonzero(lessons.french)
    texts = [lessons.texts[int(row)] for row in french]
    mark = hashlib.sha256(
        "\0".join([*texts, str(params["general"]), str(params["general_length"])]).encode()
    ).hexdigest()
    stored = work / "published.npz"
    if stored.exists() and str((found := np.load(stored))["mark"]) == mark:
        return Published(found["weight"], found["bias"], found["readings"])
    folder = resources()
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sp.model"))
    pieces = processor.get_piece_size()
    network = Network(pieces + 2, 1, 1, 1, 1)
    load_pretrained(network, range(pieces), folder / "weights.npz")
    tokenizer = Tokenizer(processor, np.arange(pieces) + 2, params["longest"])
    embeddings = _read(network.embedding, network, tokenizer, texts, torch.device("cpu"))
    spread, directions = np.linalg.eigh(np.cov(embeddings, rowvar=False))
    weight = directions[:, ::-1][:, : params["general"]].T
    weight *= params["general_length"] / np.sqrt(spread[-params["general"] :].sum())
    bias = -weight @ embeddings.mean(axis=0)
    readings = np.full((len(lessons.texts), params["general"]), np.nan, np.float32)
    readings[french] = embeddings @ weight.T + bias
    published = Published(weight.astype(np.float32), bias.astype(np.float32), readings)
    work.mkdir(parents=True, exist_ok=True)
    np.savez(stored, mark=mark, weight=published.weight, bias=published.bias, readings=readings)
    return published


def _read(
    reader: Callable[[Tensor], Tensor],
    network: Network,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    device: torch.device,
) -> NDArray[np.float64]:
    network.eval()
    pieces = [tokenizer(text) for text in texts]
    order = sorted(range(len(pieces)), key=lambda place: len(pieces[place]))
    found = []
    with torch.no_grad():
        for at in range(0, len(order), 256):
            some = order[at : at + 256]
            found.append(reader(padded(pieces[place] for place in some).to(device)).cpu().numpy())
    network.train()
    told = np.zeros((len(texts), found[0].shape[1]))
    told[order] = np.concatenate(found)
    return told
