"""The steps of fine-tuning: which texts a step reads, and what it changes of the network."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from service.domain import ATTRIBUTES
from training.lessons import Lessons, disturbed
from training.network import PAD, Network, padded
from training.reading import Tokenizer, windows_side_by_side


@dataclass(frozen=True, slots=True)
class Batch:
    place: int
    chosen: NDArray[np.intp]
    rows: Tensor
    """(n_windows, n_places)"""
    owners: NDArray[np.intp]
    """(n_windows,): which of the chosen texts."""


def batches(
    lessons: Lessons, learnt: NDArray[np.intp], tokenizer: Tokenizer, params: Mapping[str, Any], seed: Sequence[int]
) -> Iterator[Batch]:
    """Yield the batches of one epoch: texts of like length together; *seed* decides which, and the order."""
    random = np.random.default_rng(seed)
    # A row comes as often as its weight says: on average, where that is a fraction. Repeats are disturbed anew.
    wanted = lessons.weights[learnt]
    times = np.floor(wanted) + (random.random(len(wanted)) < wanted % 1)
    drawn = random.permutation(np.repeat(learnt, times.astype(int)))
    pieces = []
    for row in drawn:
        text = lessons.texts[int(row)]
        if lessons.french[int(row)]:
            text = disturbed(text, random, params["disturb"])
        pieces.append([_thinned(window, random, params["drop"]) for window in tokenizer(text)])
    size = params["batch"]
    pool = size * 50
    together = []
    for at in range(0, len(drawn), pool):
        alike = sorted(range(at, min(at + pool, len(drawn))), key=lambda place: sum(map(len, pieces[place])))
        together += [alike[b : b + size] for b in range(0, len(alike), size)]
    for place, number in enumerate(random.permutation(len(together))):
        windows, owners = windows_side_by_side([pieces[at] for at in together[number]])
        yield Batch(place, drawn[together[number]], padded(windows), owners)


def _thinned(window: NDArray[np.int64], random: np.random.Generator, share: float) -> NDArray[np.int64]:
    """Return *window* without a *share* of its pieces, on average."""
    keep = random.random(len(window)) >= share
    return window[keep] if keep.any() else window


class State:
    """The network, its optimizers, the moving average of its weights and the best of those so far."""

    def __init__(self, network: Network, params: Mapping[str, Any], steps: int, known: NDArray[np.float64]) -> None:
        self.network, self.params, self.steps = network, params, max(1, steps)
        self.step, self.looks_since_best, self.best_mean, self.strayed = 0, 0, -1.0, 0.0
        self.at = (0, -1)
        head = [*network.read.parameters(), *network.decide.parameters()]
        bent = [network.bend, network.shift]
        apart = {id(parameter) for parameter in (*head, *bent, network.table.weight)}
        body = [parameter for parameter in network.parameters() if id(parameter) not in apart]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": body, "lr": params["rate"], "weight_decay": 0.01},
                {"params": head, "lr": params["head_rate"], "weight_decay": 0.01},
                {"params": bent, "lr": params["head_rate"], "weight_decay": params["bend_decay"]},
            ]
        )
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.squares = torch.zeros(network.table.weight.shape[0], device=network.table.weight.device)
        self.average = {n: p.detach().clone() for n, p in network.named_parameters() if n != "table.weight"}
        self.best: dict[str, Tensor] = {}
        self.looks: list[dict[str, float]] = []
        # An attribute that few rows tell of would otherwise be learnt last.
        self.rarity = torch.from_numpy(np.sqrt(known.max() / np.maximum(known, 1))).float().to(self.squares.device)

    def learn(
        self, batch: Batch, sources: NDArray[np.intp], lessons: Lessons, shall: Tensor, device: torch.device
    ) -> float:
        """Take one step; return the loss."""
        self.step += 1
        pace = min(1.0, self.step / self.params["warm_up"]) * max(0.02, 1 - self.step / self.steps)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * pace
        labels = torch.from_numpy(lessons.labels[batch.chosen]).float().to(device)
        known = (~labels.isnan()).float() * self.rarity
        source = torch.from_numpy(sources[batch.chosen]).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.params["half"]):
            general, odds = self.network(batch.rows.to(device), source[batch.owners])
        owners = torch.from_numpy(batch.owners).to(device)
        # Of each text the worst window counts, attribute by attribute, as it does in service.
        worst = torch.full_like(labels, -torch.inf).scatter_reduce(
            0, owners.unsqueeze(-1).expand_as(odds), odds.float(), "amax"
        )
        losses = functional.binary_cross_entropy_with_logits(worst, labels.nan_to_num(0.0), reduction="none")
        loss = (losses * known).sum() / known.sum().clamp(min=1.0)
        expected = shall[torch.from_numpy(batch.chosen[batch.owners]).to(device)]
        french = ~expected[:, 0].isnan()
        if french.any():
            strayed = (general.float()[french] - expected[french]).square().sum(dim=1).mean()
            strayed = strayed / self.params["general_length"] ** 2
            self.strayed += 0.02 * (float(strayed.detach()) - self.strayed)
            loss = loss + self.params["hold_on"] * strayed
        self.optimizer.zero_grad(set_to_none=True)
        self.network.table.weight.grad = None
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._dense(), 1.0)
        self.optimizer.step()
        self._learn_table(pace)
        decay = min(self.params["average"], (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, parameter in self.network.named_parameters():
                if name in self.average:
                    self.average[name].lerp_(parameter, 1 - decay)
        return float(loss.detach())

    def _dense(self) -> list[Tensor]:
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]

    def _learn_table(self, pace: float) -> None:
        """Row-wise Adagrad on just the rows of this batch."""
        table = self.network.table.weight
        assert table.grad is not None  # noqa: S101 - for the type checker: the batch is not empty
        grad = table.grad.coalesce()
        rows, values = grad.indices()[0], grad.values()
        keep = rows != PAD
        rows, values = rows[keep], values[keep]
        with torch.no_grad():
            self.squares[rows] += values.square().mean(dim=1)
            table[rows] -= self.params["table_rate"] * pace * values / (self.squares[rows].sqrt() + 1e-8).unsqueeze(1)

    def averaged(self) -> Network:
        """Return a network with the moving averages; the table is shared."""
        other: Network = Network(
            self.network.table.num_embeddings,
            len(ATTRIBUTES),
            self.network.bend.shape[0],
            self.params["width"],
            self.params["general"],
        ).to(self.network.table.weight.device)
        other.load_state_dict({**self.average, "table.weight": self.network.table.weight.detach()})
        other.level.eps = other.join.eps = self.network.join.eps
        return other

    def remember(self, figures: dict[str, float]) -> bool:
        """Keep the averaged weights when *figures* are the best so far."""
        self.looks.append({"step": self.step, **figures})
        better = figures["mean"] > self.best_mean
        if better:
            self.best_mean, self.looks_since_best = figures["mean"], 0
            self.best = {n: p.detach().cpu().clone() for n, p in self.averaged().state_dict().items()}
        else:
            self.looks_since_best += 1
        return better

    def best_network(self) -> Network:
        """Return the best state, on the CPU, ready to read."""
        other = self.averaged()
        other.load_state_dict(self.best)
        other.cpu().eval()
        return other

    def history(self) -> dict[str, Any]:
        """Return what was seen on the way."""
        return {"steps": self.step, "looks": self.looks}

    def dump(self) -> dict[str, Any]:
        """Return all that a resumed run needs."""
        kept = ("step", "at", "looks_since_best", "best_mean", "squares", "average", "best", "looks")
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            **{name: getattr(self, name) for name in kept},
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Go on from what `dump` returned."""
        self.network.load_state_dict(saved["network"])
        self.optimizer.load_state_dict(saved["optimizer"])
        for name in saved:
            if name not in ("network", "optimizer"):
                setattr(self, name, saved[name])
