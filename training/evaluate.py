"""How good a model and its policy are: every figure of the card, measured on rows they have not seen."""

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from service.domain import ATTRIBUTES, Comment, Decision, Signal
from service.lexicon import Lexicon
from service.policy import Policy, reasons
from service.signals import observe
from training import corpora
from training.material import Material, source
from training.measures import FEWEST, calibration, ranking, shares
from training.recipe import Recipe

NEWSROOM = sorted(Path(__file__).parent.glob("newsroom*.jsonl"))
Floats = NDArray[np.float64]
Progress = Callable[[str], None]


def evaluate(
    pipeline: Pipeline,
    policy: Policy,
    lexicon: Lexicon,
    material: Material,
    recipe: Recipe,
    *,
    root: Path | None,
    progress: Progress,
) -> dict[str, Any]:
    """Return the metrics of a release; nothing of the test part has been used before."""
    test = material.rows(part="test")
    progress(f"test part: {len(test)} rows")
    texts = material.texts
    scores = pipeline.predict_proba([texts[row] for row in test])
    truth = material.labels[test]
    sources = np.array([source(material.examples[row]) for row in test])
    metrics: dict[str, Any] = {
        "rows": {part: len(material.rows(part=part)) for part in ("train", "test")},
        "attributes": {
            name: measured
            for column, name in enumerate(ATTRIBUTES)
            if (measured := _attribute(truth[:, column], scores[:, column], sources, recipe.seed))
        },
    }
    reference = np.flatnonzero(np.isin(sources, recipe.reference["corpora"]))
    taken = decide_all(policy, lexicon, material, test[reference], scores[reference])
    metrics["decisions"] = decisions(material, test[reference], taken)
    metrics["site"] = site(recipe, material, test[reference], taken)
    good = reference_good(recipe, material, test[reference])
    metrics["tolls"] = {
        name: table
        for column, name in enumerate(ATTRIBUTES)
        if (table := tolls(truth[reference][:, column], scores[reference][:, column], good))
    }
    metrics["errors"] = errors(material, test[reference], scores[reference])
    progress("signals on the rows that no limit of theirs was derived from")
    metrics["signals"] = signals(lexicon, material, test[reference])
    metrics["newsroom"] = newsroom(pipeline, policy, lexicon)
    if root is not None and not any(key == "hatecheck" for key, _ in corpora.missing(root)):
        progress("HateCheck (measured with, never trained on)")
        metrics["hatecheck"] = hatecheck(pipeline, policy, root)
        metrics["identities"] = identities(root, pipeline, policy)
    return metrics


def _attribute(truth: Floats, scores: Floats, sources: NDArray[np.str_], seed: int) -> dict[str, Any] | None:
    known = ~np.isnan(truth)
    overall = ranking(truth[known], scores[known], seed=seed)
    if overall is None:
        return None
    by_source = {
        str(name): measured
        for name in np.unique(sources)
        if (measured := ranking(truth[known & (sources == name)], scores[known & (sources == name)], seed=seed))
    }
    return {**overall, "calibration": calibration(truth[known], scores[known]), "sources": by_source}


def decide(policy: Policy, scores: Mapping[str, float], seen: Sequence[Signal]) -> Decision:
    """Return the decision of *policy*, as the service takes it."""
    return max((reason.decision for reason in reasons(policy, scores, seen)), default=Decision.accept)


def decide_all(
    policy: Policy, lexicon: Lexicon, material: Material, rows: NDArray[np.intp], scores: Floats
) -> list[str]:
    """Return what would be decided on each of *rows*, whose *scores* are of shape (n_rows, n_attributes)."""
    decided = []
    for row, line in zip(rows, scores, strict=True):
        example = material.examples[int(row)]
        seen = observe(Comment(example.text, example.name), lexicon)
        decided.append(decide(policy, dict(zip(ATTRIBUTES, map(float, line), strict=True)), seen).name)
    return decided


def decisions(material: Material, rows: NDArray[np.intp], decided: Sequence[str]) -> dict[str, Any]:
    """Return the shares of decisions: on good and bad comments, by attribute and by kind of authored example."""
    taken: dict[str, list[str]] = defaultdict(list)
    good, bad = material.good(), material.bad()
    for row, decision in zip(rows, decided, strict=True):
        example = material.examples[int(row)]
        if good[row]:
            taken["good"].append(decision)
            taken[f"good: {source(example)}"].append(decision)
        if bad[row]:
            taken["bad"].append(decision)
        for name in ATTRIBUTES:
            if example.labels.get(name, 0) >= 0.5:
                taken[f"bad: {name}" if bad[row] else f"not bad: {name}"].append(decision)
        if example.kind:
            taken[f"kind: {example.kind}"].append(decision)
    return {name: shares(found) for name, found in sorted(taken.items())}


def reference_good(recipe: Recipe, material: Material, rows: NDArray[np.intp]) -> Floats:
    """Return how many of a site's good comments each of *rows* stands for, as `[reference.good_weights]` says."""
    weights = recipe.reference["good_weights"]
    each = np.array([weights.get(material.examples[int(row)].corpus, 1.0) for row in rows], dtype=np.float64)
    return material.good()[rows] * each


def site(recipe: Recipe, material: Material, rows: NDArray[np.intp], decided: Sequence[str]) -> dict[str, float]:
    """Return the shares of decisions on a site's good comments."""
    total: dict[str, float] = dict.fromkeys(("accept", "hold", "reject"), 0.0)
    for weight, decision in zip(reference_good(recipe, material, rows), decided, strict=True):
        total[decision] += weight
    return {decision: weight / sum(total.values()) for decision, weight in total.items()}


def errors(
    material: Material, rows: NDArray[np.intp], scores: Floats, most: int = 12
) -> dict[str, list[dict[str, Any]]]:
    """Return the most confident errors in toxicity: by id, and our own by what they show."""
    column = ATTRIBUTES.index("toxicity")
    truth, given = material.labels[rows, column], scores[:, column]
    found = {}
    for name, wrong, order in (("missed", truth >= 0.5, given), ("false alarms", truth < 0.5, -given)):
        places = [place for place in np.argsort(order) if wrong[place]][:most]
        examples = [(material.examples[int(rows[place])], float(given[place])) for place in places]
        found[name] = [{"corpus": e.corpus, "row": e.row, "kind": e.kind, "score": score} for e, score in examples]
    return found


def signals(lexicon: Lexicon, material: Material, rows: Iterable[np.intp]) -> dict[str, dict[str, int]]:
    """Return how often each signal is seen on good and on bad comments."""
    good, bad = material.good(), material.bad()
    seen: dict[str, dict[str, int]] = defaultdict(lambda: {"good": 0, "bad": 0})
    for row in rows:
        example = material.examples[int(row)]
        for signal in observe(Comment(example.text, example.name), lexicon):
            seen[signal.code]["good"] += int(good[row])
            seen[signal.code]["bad"] += int(bad[row])
    return dict(sorted(seen.items()))


def hatecheck(pipeline: Pipeline, policy: Policy, root: Path) -> dict[str, Any]:
    """Return AUC of max(toxicity, identity_attack) over all cases, and per functionality the share held by scores."""
    cases = corpora.hatecheck_cases(root)
    scores = pipeline.predict_proba([example.text for example, _, _ in cases])
    worst = np.maximum(*(scores[:, ATTRIBUTES.index(name)] for name in ("toxicity", "identity_attack")))
    hateful = np.array(
        [example.labels["identity_attack"] >= 0.5 or example.labels.get("toxicity") == 1 for example, _, _ in cases]
    )
    held = [
        decide(policy, dict(zip(ATTRIBUTES, map(float, line), strict=True)), ()).name != "accept" for line in scores
    ]
    by_functionality: dict[str, list[int]] = defaultdict(list)
    for place, (_, functionality, _) in enumerate(cases):
        by_functionality[functionality].append(place)
    return {
        "all": ranking(hateful.astype(float), worst, seed=0),
        "functionalities": {
            name: {
                "rows": len(places),
                "hateful": bool(hateful[places[0]]),
                "held": float(np.mean([held[p] for p in places])),
            }
            for name, places in sorted(by_functionality.items())
        },
    }


def newsroom(pipeline: Pipeline, policy: Policy, lexicon: Lexicon, paths: Sequence[Path] = NEWSROOM) -> dict[str, Any]:
    """Return AUC of toxicity and the shares of decisions on our own examination, which nothing is fitted to.

    Its comments are as typical as we could write them; `clear` ones are those on which every moderator would agree.
    """
    records = [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]
    scores = pipeline.predict_proba([record["comment"] for record in records])
    taken: dict[str, list[str]] = defaultdict(list)
    for record, line in zip(records, scores, strict=True):
        seen = observe(Comment(record["comment"], record["name"]), lexicon)
        decision = decide(policy, dict(zip(ATTRIBUTES, map(float, line), strict=True)), seen).name
        kinds = [name for name in ("toxicity", "spam") if record["labels"][name]] or ["good"]
        for kind in kinds:
            taken[kind].append(decision)
            if record["clear"] and kind != "good":
                taken[f"{kind}, clear"].append(decision)
    read = [place for place, record in enumerate(records) if not record["labels"]["spam"]]
    truth = np.array([float(records[place]["labels"]["toxicity"]) for place in read])
    return {
        "toxicity": ranking(truth, scores[read, ATTRIBUTES.index("toxicity")], seed=0),
        "decisions": {name: shares(found) for name, found in sorted(taken.items())},
    }


def compare(ours: Mapping[str, float], answers: Path, seed: int) -> dict[str, Any]:
    """Return AUC and share found on the visible ToxiFrench rows.

    *ours* maps a message's id to our score, by a model that had not seen it; *answers* holds what peers said of it.
    """
    with answers.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["msg_id"] in ours]
    truth = np.array([float(row["label"]) for row in rows])
    table = {"Vigie (rows unseen)": ranking(truth, np.array([ours[row["msg_id"]] for row in rows]), seed=seed)}
    for name in rows[0] if rows else ():
        if name.endswith("_score"):
            given = np.array([float(row[name]) if row[name] else np.nan for row in rows])
            known = ~np.isnan(given)
            table[name.removesuffix("_score")] = ranking(truth[known], given[known], seed=seed)
    return table


def tolls(
    truth: Floats, scores: Floats, good: Floats, found: Sequence[float] = (0.5, 0.6, 0.7, 0.8, 0.9)
) -> dict[str, Any]:
    """Return for each share of an attribute's comments to be *found* the limit that does it, and its cost.

    truth, scores : (n_rows,), NaN truth for unknown; good : (n_rows,), how many of a site's good comments each is.
    The cost is the share of good comments at or above that limit.
    """
    positive = np.sort(scores[truth >= 0.5])
    if len(positive) < FEWEST or not good.sum():
        return {}
    table = {}
    for share in found:
        limit = positive[int(np.floor((1 - share) * len(positive)))]
        table[f"{share:.0%}"] = {"limit": float(limit), "good_held": float(good[scores >= limit].sum() / good.sum())}
    return table


def identities(root: Path, pipeline: Pipeline, policy: Policy) -> dict[str, Any]:
    """Return per target group of HateCheck the shares of harmless and of hateful cases that scores alone hold."""
    cases = [case for case in corpora.hatecheck_cases(root) if case[2]]
    scores = pipeline.predict_proba([example.text for example, _, _ in cases])
    held = [
        decide(policy, dict(zip(ATTRIBUTES, map(float, line), strict=True)), ()).name != "accept" for line in scores
    ]
    found: dict[str, dict[str, list[bool]]] = defaultdict(lambda: {"harmless": [], "hateful": []})
    for (example, _, group), taken in zip(cases, held, strict=True):
        found[group]["hateful" if example.labels["identity_attack"] >= 0.5 else "harmless"].append(taken)
    return {
        group: {
            kind: {"rows": len(rows), "held": float(np.mean(rows)) if rows else 0.0} for kind, rows in kinds.items()
        }
        for group, kinds in sorted(found.items())
    }
