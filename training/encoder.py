"""Fine-tune the sentence encoder on every corpus at hand, all attributes at once."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor
from torch.nn import functional

from service.domain import ATTRIBUTES
from service.text import reveal
from training.crossfit import write_crossfit
from training.lessons import OURS, Lessons, disturbed
from training.network import PAD, UNKNOWN, Network, kept_pieces, load_pretrained, padded, resources
from training.reading import Tokenizer, as_published, predict

Progress = Callable[[str], None]


def fine_tune(
    lessons: Lessons, params: Mapping[str, Any], work: Path, progress: Progress = print, *, looks: bool = True
) -> tuple[Network, Tokenizer, list[int], dict[str, Any]]:
    """Teach the network; return its best state, its tokenizer, the kept pieces and what was seen on the way.

    params : the table [encoder] of the recipe. A run that was broken off goes on from `work/checkpoint.pt`.
    looks : whether the rows that are kept back say when to stop; without, the last state is the best.
    """
    torch.manual_seed(params["seed"])
    torch.set_num_threads(params["threads"])
    folder = resources()
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sp.model"))
    learnt = np.flatnonzero(~lessons.dev & (lessons.weights > 0))
    seen: Counter[int] = Counter()
    for row in learnt:
        seen.update(processor.encode(reveal(lessons.texts[int(row)]))[: params["longest"]])
    kept = kept_pieces(processor, seen, params["rows"])
    rows = np.full(processor.get_piece_size(), UNKNOWN, np.int64)
    rows[kept] = np.arange(len(kept)) + 2
    tokenizer = Tokenizer(processor, rows, params["longest"])
    names = [OURS, *sorted(set(lessons.sources) - {OURS})]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = Network(len(kept) + 2, len(ATTRIBUTES), len(names), params["width"], params["general"], params["dropout"])
    load_pretrained(network, kept, folder / "weights.npz")
    network.to(device)
    published = as_published(lessons, params, work)
    network.start_general(published.weight, published.bias)
    shall = torch.from_numpy(published.readings).to(device)
    progress(f"{len(learnt)} texts, {int(lessons.dev.sum())} kept back, {len(kept)} pieces, on {device.type}")
    known = lessons.weights[learnt] @ ~np.isnan(lessons.labels[learnt])
    steps_an_epoch = max(1, int(lessons.weights[learnt].sum() / params["batch"]))
    state = _State(network, params, params["epochs"] * steps_an_epoch, known)
    work.mkdir(parents=True, exist_ok=True)
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists():
        state.load(torch.load(checkpoint, weights_only=False))
        progress(f"resumed at step {state.step}")
    sources = np.array([names.index(source) for source in lessons.sources])
    for epoch in range(params["epochs"]):
        for batch in _batches(lessons, learnt, tokenizer, params, epoch):
            if (epoch, batch.place) <= state.at:
                continue  # learnt before the break
            state.at = (epoch, batch.place)
            loss = state.learn(batch, sources, lessons, shall, device)
            if looks and state.step % params["look"] == 0:
                figures = look(state.averaged(), tokenizer, lessons, device)
                better = state.remember(figures)
                progress(
                    f"step {state.step}/{state.steps} loss {loss:.4f} strayed {state.strayed:.4f} "
                    f"dev {figures['mean']:.4f} "
                    + " ".join(f"{k} {v:.3f}" for k, v in figures.items() if k != "mean")
                    + (" *" if better else "")
                )
                torch.save(state.dump(), checkpoint)
                if state.looks_since_best >= params["patience"]:
                    progress("dev has stopped improving")
                    return state.best_network(), tokenizer, kept, state.history()
    figures = look(state.averaged(), tokenizer, lessons, device) if looks else {"mean": 0.0}
    state.remember(figures)
    progress(f"end: dev {figures['mean']:.4f}")
    return state.best_network(), tokenizer, kept, state.history()


def crossfit(
    lessons_of: Callable[[int], Lessons], params: Mapping[str, Any], into: Path, progress: Progress = print
) -> None:
    """Write into the folder *into* what encoders that had not learnt its fold say of each French text.

    lessons_of : from a fold, one of `params["folds"]`, to lessons that keep it back. A fold that is there already is
    not learnt again.
    """
    texts: list[str] = []
    odds = []
    for fold in range(params["folds"]):
        stored = into / f"fold-{fold}.npy"
        lessons = lessons_of(fold)
        back = np.unique([lessons.texts[int(row)] for row in np.flatnonzero(lessons.dev)]).tolist()
        if not stored.exists():
            progress(f"without fold {fold + 1} of {params['folds']}")
            network, tokenizer, _, _ = fine_tune(lessons, params, into, progress, looks=False)
            np.save(stored, predict(network, tokenizer, back, torch.device("cpu")))
        texts += back
        odds.append(np.load(stored))
    write_crossfit(into, texts, np.concatenate(odds))


@dataclass(frozen=True, slots=True)
class _Batch:
    place: int
    chosen: NDArray[np.intp]
    rows: Tensor


def _batches(
    lessons: Lessons, learnt: NDArray[np.intp], tokenizer: Tokenizer, params: Mapping[str, Any], epoch: int
) -> Iterator[_Batch]:
    """Yield the batches of one epoch: texts of like length together; seed and epoch decide which, and the order."""
    random = np.random.default_rng((params["seed"], epoch))
    # A row comes as often as its weight says: on average, where that is a fraction. Repeats are disturbed anew.
    wanted = lessons.weights[learnt]
    times = np.floor(wanted) + (random.random(len(wanted)) < wanted % 1)
    drawn = random.permutation(np.repeat(learnt, times.astype(int)))
    pieces = []
    for row in drawn:
        text = lessons.texts[int(row)]
        if lessons.french[int(row)]:
            text = disturbed(text, random, params["disturb"])
        found = tokenizer(text)
        keep = random.random(len(found)) >= params["drop"]
        pieces.append(found[keep] if keep.any() else found)
    size = params["batch"]
    pool = size * 50
    batches = []
    for at in range(0, len(drawn), pool):
        alike = sorted(range(at, min(at + pool, len(drawn))), key=lambda place: len(pieces[place]))
        batches += [alike[b : b + size] for b in range(0, len(alike), size)]
    for place, number in enumerate(random.permutation(len(batches))):
        yield _Batch(place, drawn[batches[number]], padded(pieces[at] for at in batches[number]))


def look(network: Network, tokenizer: Tokenizer, lessons: Lessons, device: torch.device) -> dict[str, float]:
    """Return the AUC per dev group and attribute, where there are rows enough, and their mean."""
    rows = np.flatnonzero(lessons.dev)
    scores = predict(network, tokenizer, [lessons.texts[int(row)] for row in rows], device)
    groups = np.array([lessons.groups[int(row)] for row in rows])
    figures = {}
    for group in sorted(set(groups) - {""}):
        for name in ("toxicity", "insult", "identity_attack", "threat", "spam"):
            column = ATTRIBUTES.index(name)
            truth = lessons.labels[rows, column]
            known = (groups == group) & ~np.isnan(truth)
            positive = truth[known] >= 0.5
            if min(positive.sum(), (~positive).sum()) >= 10:
                odds = scores[known, column - len(ATTRIBUTES)]
                figures[f"{group}:{name}"] = float(roc_auc_score(positive, odds))
    return {"mean": float(np.mean(list(figures.values()))) if figures else 0.0, **figures}


class _State:
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
        self, batch: _Batch, sources: NDArray[np.intp], lessons: Lessons, shall: Tensor, device: torch.device
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
            general, odds = self.network(batch.rows.to(device), source)
        losses = functional.binary_cross_entropy_with_logits(odds.float(), labels.nan_to_num(0.0), reduction="none")
        loss = (losses * known).sum() / known.sum().clamp(min=1.0)
        expected = shall[torch.from_numpy(batch.chosen).to(device)]
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
        return {"steps": self.step, "best_dev": self.best_mean, "looks": self.looks}

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
