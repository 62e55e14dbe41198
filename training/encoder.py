"""Fine-tune the sentence encoder on every corpus at hand, all attributes at once."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from service.domain import ATTRIBUTES
from service.text import reveal
from training.crossfit import write_crossfit
from training.lessons import OURS, Lessons
from training.network import UNKNOWN, Network, kept_pieces, load_pretrained, resources
from training.reading import Published, Tokenizer, as_published, predict
from training.steps import State, batches

Progress = Callable[[str], None]


def fine_tune(
    lessons: Lessons, params: Mapping[str, Any], work: Path, progress: Progress = print, *, looks: bool = True
) -> tuple[Network, Tokenizer, list[int], dict[str, Any]]:
    """Teach a network `params["runs"]` times, each time in another order, and average the weights.

    Return the average, its tokenizer, the kept pieces and what was seen on the way. Networks that begin the same and
    learn the same err differently; their average errs less than any, and costs no more than one. Source: model soups
    (Wortsman et al. 2022).

    params : the table [encoder] of the recipe. A run that was broken off goes on from its checkpoint in *work*.
    looks : whether the rows that are kept back say when to stop; without, the last state is the best.
    """
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
    tokenizer = Tokenizer(processor, rows, params["window"], params["longest"])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    published = as_published(lessons, params, work)
    progress(f"{len(learnt)} texts, {int(lessons.dev.sum())} kept back, {len(kept)} pieces, on {device.type}")
    work.mkdir(parents=True, exist_ok=True)
    found = []
    for run in range(params["runs"]):
        torch.manual_seed(params["seed"])  # all begin with the same weights
        names = len(set(lessons.sources) | {OURS})
        network = Network(len(kept) + 2, len(ATTRIBUTES), names, params["width"], params["general"], params["dropout"])
        load_pretrained(network, kept, folder / "weights.npz")
        network.start_general(published.weight, published.bias)
        found.append(
            _run(network.to(device), run, lessons, learnt, tokenizer, published, params, work, progress, looks)
        )
    network = _average([network for network, _ in found])
    history = {
        "steps": sum(told["steps"] for _, told in found),
        "looks": [look for _, told in found for look in told["looks"]],
    }
    history["best_dev"] = look(network, tokenizer, lessons, torch.device("cpu"))["mean"] if looks else 0.0
    progress(f"average of {len(found)}: dev {history['best_dev']:.4f}")
    return network, tokenizer, kept, history


def _run(
    network: Network,
    run: int,
    lessons: Lessons,
    learnt: NDArray[np.intp],
    tokenizer: Tokenizer,
    published: Published,
    params: Mapping[str, Any],
    work: Path,
    progress: Progress,
    looks: bool,
) -> tuple[Network, dict[str, Any]]:
    """Teach *network* in the order of *run*; return its best state, and what was seen on the way."""
    device = network.table.weight.device
    names = [OURS, *sorted(set(lessons.sources) - {OURS})]
    sources = np.array([names.index(source) for source in lessons.sources])
    shall = torch.from_numpy(published.readings).to(device)
    known = lessons.weights[learnt] @ ~np.isnan(lessons.labels[learnt])
    steps_an_epoch = max(1, int(lessons.weights[learnt].sum() / params["batch"]))
    state = State(network, params, params["epochs"] * steps_an_epoch, known)
    checkpoint = work / f"checkpoint-{run}.pt"
    if checkpoint.exists():
        state.load(torch.load(checkpoint, weights_only=False))
        progress(f"resumed run {run + 1} at step {state.step}")
    torch.manual_seed(params["seed"] + run)
    for epoch in range(params["epochs"]):
        for batch in batches(lessons, learnt, tokenizer, params, (params["seed"], epoch, run)):
            if (epoch, batch.place) <= state.at:
                continue  # learnt before the break
            state.at = (epoch, batch.place)
            loss = state.learn(batch, sources, lessons, shall, device)
            if looks and state.step % params["look"] == 0:
                figures = look(state.averaged(), tokenizer, lessons, device)
                better = state.remember(figures)
                progress(
                    f"run {run + 1} step {state.step}/{state.steps} loss {loss:.4f} strayed {state.strayed:.4f} "
                    f"dev {figures['mean']:.4f} "
                    + " ".join(f"{k} {v:.3f}" for k, v in figures.items() if k != "mean")
                    + (" *" if better else "")
                )
                torch.save(state.dump(), checkpoint)
                if state.looks_since_best >= params["patience"]:
                    progress("dev has stopped improving")
                    return state.best_network(), state.history()
    figures = look(state.averaged(), tokenizer, lessons, device) if looks else {"mean": 0.0}
    state.remember(figures)
    progress(f"end of run {run + 1}: dev {figures['mean']:.4f}")
    return state.best_network(), state.history()


def _average(networks: Sequence[Network]) -> Network:
    """Return the first of *networks* with the average of all their weights."""
    states = [network.state_dict() for network in networks]
    networks[0].load_state_dict(
        {name: torch.stack([state[name] for state in states]).mean(dim=0) for name in states[0]}
    )
    return networks[0]


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
            shorter = {**params, "runs": params["fold_runs"]}
            network, tokenizer, _, _ = fine_tune(lessons, shorter, into, progress, looks=False)
            np.save(stored, predict(network, tokenizer, back, torch.device("cpu")))
        texts += back
        odds.append(np.load(stored))
    write_crossfit(into, texts, np.concatenate(odds))


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
