"""From a recipe to a release: train, calibrate, derive the policy, measure, pass the gates, write."""

import importlib.metadata
import json
import os
import platform
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from service.domain import ATTRIBUTES, Comment
from service.encoder import ABOUT, GRAPH, TOKENIZER
from service.heads import AttributeHeads
from service.lexicon import Lexicon, load_lexicon
from service.model import LIBRARIES, Model, digest
from service.policy import SIGNALS, Policy, load_policy
from service.signals import observe
from training.champion import against, decisions_beside, surest_loss
from training.crossfit import CROSSFIT, features, read_crossfit
from training.evaluate import compare, decide_all, evaluate, reference_good
from training.examples import accounts
from training.material import Material, source
from training.pipeline import build_pipeline
from training.plots import draw
from training.recipe import Recipe
from training.relabels import agreement, read_relabels
from training.split import fold_of
from training.thresholds import Reference, hold_limit, reject_limit
from training.told import summary

FOLDS = 3
HERE = Path(__file__).parent
PROBES = (
    "Merci pour cet article, clair et bien documenté.",
    "Espèce d'abruti, tu ne comprends vraiment rien à rien !",
    "Prêt entre particuliers sans justificatif, contactez-moi sur WhatsApp +33 6 00 00 00 00",
    "Poutine est un dictateur, il tue des civils.",
)
"""Texts of ours whose scores a release writes down, so that the service can see whether it still reads as trained."""


class GateError(RuntimeError):
    """The model is not good enough to be released; the message lists every gate that it missed."""


def make_release(
    recipe: Recipe,
    material: Material,
    models: Path,
    version: str,
    *,
    root: Path | None,
    encoder: Path,
    champion: Model | None = None,
    gates: bool = True,
    progress: Callable[[str], None] = print,
) -> Path:
    """Train, measure and write `models/<version>/`; return that folder.

    encoder : folder of the fine-tuned encoder, which the release keeps a copy of.
    champion : the release in service, beside which the new one is measured; None for none.

    Nothing is written unless every gate of the recipe is passed, or *gates* is false (a clone alone has too few rows
    for some of them). Raises GateError, or FileExistsError: a release is never written over.
    """
    folder = models / version
    if folder.exists():
        raise FileExistsError(f"{folder}: a release is never written over, choose another --version")
    lexicon = load_lexicon()
    progress(f"training on {int(np.sum(material.parts != 'test'))} of {len(material.examples)} examples, cross-fitted")
    trained = train(recipe, material, lexicon, encoder)
    progress("limits of the policy from the promises")
    written = policy_text(recipe, trained, lexicon, material, version)
    draft = models / f".{version}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        (draft / "policy.toml").write_text(written, "utf-8")
        policy = load_policy(draft / "policy.toml")
        metrics = evaluate(trained.pipeline, policy, lexicon, material, recipe, root=root, progress=progress)
        metrics["agreement"] = {name: asdict(found) for name, found in agreement(read_relabels()).items()}
        metrics["encoder"] = json.loads((encoder / ABOUT).read_text("utf-8"))["history"]
        if root is not None:
            metrics |= peers(trained, material, root, recipe)
        if champion is not None:
            progress(f"beside release {champion.version}, on the same rows")
            metrics["champion"] = against(champion, trained.pipeline, material, recipe)
            metrics["champion"]["decisions"] = _decisions(champion, trained.pipeline, policy, lexicon, material, recipe)
        missed = missed_gates(recipe, metrics)
        if missed and gates:
            raise GateError("; ".join(missed))
        for name in (GRAPH, TOKENIZER, ABOUT, CROSSFIT):
            if (encoder / name).exists():
                shutil.copyfile(encoder / name, draft / name)
        joblib.dump(trained.pipeline, draft / "model.joblib", compress=("zlib", 6))
        (draft / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", "utf-8")
        (draft / "params.toml").write_text(recipe.text, "utf-8")
        (draft / "summary.txt").write_text("\n".join([*material.told, *summary(metrics, version)]) + "\n", "utf-8")
        figures = draw(metrics, draft / "figures")
        (draft / "card.md").write_text(_card(version, recipe, material, metrics, written, missed, figures), "utf-8")
        (draft / "release.json").write_text(
            json.dumps(_release(trained.pipeline, material, draft), indent=1) + "\n", "utf-8"
        )
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted and calibrated pipeline, with what it would have said of rows it has learnt from, had it not."""

    pipeline: Pipeline
    rows: NDArray[np.intp]
    """The rows outside the test part."""
    scores: NDArray[np.float64]
    """(n_rows, n_attributes): cross-fitted probabilities, by heads and encoders that had not seen the row's group."""


def train(recipe: Recipe, material: Material, lexicon: Lexicon, encoder: Path) -> Trained:
    """Fit on every row outside the test part; calibrate on cross-fitted decisions.

    Source: scikit-learn's `CalibratedClassifierCV(ensemble=False)` calibrates the same way.
    """
    rows = np.flatnonzero(material.parts != "test")
    folds = np.array([fold_of(material.examples[int(row)].group, FOLDS) for row in rows])
    labels, weights = material.labels[rows], material.weights[rows]
    lessons, forum = material.taught[rows], material.forum[rows]
    pipeline = build_pipeline(recipe, lexicon, encoder)
    pipeline.set_params(features__encoder__threads=os.cpu_count(), heads__n_jobs=-1)
    seen = features(pipeline, [material.texts[int(row)] for row in rows], read_crossfit(encoder))
    heads: AttributeHeads = pipeline[-1]
    decisions = np.zeros((len(rows), len(ATTRIBUTES)))
    for fold in range(FOLDS):
        unseen = folds == fold
        heads.fit(seen[~unseen], lessons[~unseen], weights[~unseen], forum[~unseen])
        decisions[unseen] = heads.decision_function(seen[unseen])
    heads.fit(seen, lessons, weights, forum).calibrate(decisions, labels, weights)
    pipeline.set_params(features__encoder__threads=1, heads__n_jobs=None)  # in the service a worker has one
    return Trained(pipeline, rows, heads.probabilities(decisions))


def policy_text(recipe: Recipe, trained: Trained, lexicon: Lexicon, material: Material, version: str) -> str:
    """Return policy.toml: limits of scores and of signals, from the reference rows outside the test part."""
    lines = [
        f"# Policy of release {version}. Written by training from the promises of params.toml; a site's own file may",
        "# lay other limits over it (docs/policy.md): `hold` and `reject` are the lowest score, or value of a signal,",
        "# that is held or rejected; what is not named never happens.",
        f'version = "{version}"',
    ]
    chosen = np.isin(trained.rows, material.rows(sources=recipe.reference["corpora"]))
    rows, scores = trained.rows[chosen], trained.scores[chosen]
    reference = _reference(recipe, material, rows)
    for column, name in enumerate(ATTRIBUTES):
        promise = recipe.attributes.get(name, {})
        lines += _table(f"attributes.{name}", promise, _limits(promise, scores[:, column], reference))
    # Rules learn nothing: any row outside the test part may say how often they are wrong.
    rows = material.rows(sources=recipe.reference["corpora"])
    rows = rows[material.parts[rows] != "test"]
    reference = _reference(recipe, material, rows)
    observed = [observe(Comment(e.text, e.name), lexicon) for e in map(material.examples.__getitem__, rows)]
    for code in SIGNALS:
        promise = recipe.signals.get(code, {})
        values = np.array([max((s.value for s in signals if s.code == code), default=0) for signals in observed], float)
        limits = _limits(promise, values, reference)
        lines += _table(f"signals.{code}", promise, {key: int(np.ceil(value)) for key, value in limits.items()})
    return "\n".join(lines) + "\n"


def peers(trained: Trained, material: Material, root: Path, recipe: Recipe) -> dict[str, Any]:
    """Return the comparison with other systems' stored answers, where they lie beside the corpora.

    Every row is scored by an encoder and heads that had not seen it: cross-fitted, or it is of the test part.
    """
    answers = root.parent / "peers" / "toxifrench.csv"
    if not answers.exists():
        return {}
    column = ATTRIBUTES.index("toxicity")
    test = material.rows(part="test", sources=["toxifrench"])
    ours = {
        material.examples[int(row)].row: float(line[column])
        for row, line in zip(trained.rows, trained.scores, strict=True)
        if source(material.examples[int(row)]) == "toxifrench"
    }
    tested = trained.pipeline.predict_proba([material.texts[row] for row in test])
    ours |= {material.examples[int(row)].row: float(line[column]) for row, line in zip(test, tested, strict=True)}
    return {"peers": compare(ours, answers, recipe.seed)}


def _decisions(
    champion: Model, pipeline: Pipeline, policy: Policy, lexicon: Lexicon, material: Material, recipe: Recipe
) -> dict[str, dict[str, float]]:
    """Return what the release in service, with its own policy, and the new one decide on the test part."""
    rows = material.rows(part="test", sources=recipe.reference["corpora"])
    texts = [material.texts[row] for row in rows]
    old = np.array([[scores[name] for name in ATTRIBUTES] for scores in champion.score(texts)])
    served = load_policy(champion.folder / "policy.toml")
    return decisions_beside(
        decide_all(served, lexicon, material, rows, old),
        decide_all(policy, lexicon, material, rows, pipeline.predict_proba(texts)),
        material,
        rows,
        recipe,
    )


def missed_gates(recipe: Recipe, metrics: Mapping[str, Any]) -> list[str]:
    """Return what *metrics* misses of the gates, in words."""
    spam = metrics["decisions"].get("bad: spam", {"accept": 0.0})
    good = metrics["site"]
    toxicity = metrics["attributes"].get("toxicity", {"auc": 0.0})
    worst = max((a["calibration"]["error"] for a in metrics["attributes"].values() if a["calibration"]), default=1.0)
    found = {
        "good_held_at_most": good["hold"],
        "good_rejected_at_most": good["reject"],
        "spam_caught_at_least": 1 - spam["accept"],
        "toxicity_auc_at_least": toxicity["auc"],
        "calibration_error_at_most": worst,
        "lost_to_champion_at_most": surest_loss(metrics.get("champion", {"attributes": {}})),
    }
    return [
        f"{gate}: expected {limit}, found {found[gate]:.4f}"
        for gate, limit in recipe.gates.items()
        if (found[gate] > limit if gate.endswith("most") else found[gate] < limit)
    ]


def _reference(recipe: Recipe, material: Material, rows: NDArray[np.intp]) -> Reference:
    """Return *rows* weighted so that they stand for a real site's comments, as `[reference]` describes it."""
    good = reference_good(recipe, material, rows)
    bad = material.bad()[rows].astype(float)
    spam = material.labels[rows, ATTRIBUTES.index("spam")] >= 0.5
    for kind, share in ((spam, recipe.reference["spam_share"]), (~spam, 1 - recipe.reference["spam_share"])):
        bad[kind] *= share / max(1.0, bad[kind].sum())
    return Reference(good, bad, recipe.reference["base_rate"])


def _limits(promise: Mapping[str, float], values: NDArray[np.float64], reference: Reference) -> dict[str, float]:
    limits: dict[str, float | None] = {"hold": promise.get("hold"), "reject": promise.get("reject")}
    if "hold_false_alarms" in promise:
        limits["hold"] = hold_limit(values, reference, promise["hold_false_alarms"])
    if "reject_precision" in promise:
        limits["reject"] = reject_limit(values, reference, promise["reject_precision"])
    hold, reject = limits["hold"], limits["reject"]
    if hold is not None and reject is not None and reject < hold:
        limits["hold"] = reject  # what is rejected from here on cannot be held only from higher up
    return {name: limit for name, limit in limits.items() if limit is not None}


def _table(name: str, promise: Mapping[str, float], limits: Mapping[str, float]) -> list[str]:
    told = ", ".join(f"{key} = {value}" for key, value in promise.items()) or "none: only shown"
    lines = ["", f"# promise: {told}", f"[{name}]"]
    if "reject_precision" in promise and "reject" not in limits:
        lines.append("# the data does not show that this precision can be kept: never rejected on this account alone")
    return lines + [
        f"{key} = {value if isinstance(value, int) else format(value, '.6f')}" for key, value in limits.items()
    ]


def _release(pipeline: Pipeline, material: Material, draft: Path) -> dict[str, Any]:
    files = sorted(path for path in draft.rglob("*") if path.is_file())
    probes = pipeline.predict_proba(list(PROBES))
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "attributes": list(ATTRIBUTES),
        "python": platform.python_version(),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "examples": {key: len(found) for key, found in material.read.items()},
        "files": {str(path.relative_to(draft)): digest(path) for path in files},
        "probes": [
            {
                "text": text,
                "scores": {name: round(float(value), 6) for name, value in zip(ATTRIBUTES, row, strict=True)},
            }
            for text, row in zip(PROBES, probes, strict=True)
        ],
    }


def _card(
    version: str, recipe: Recipe, material: Material, metrics: Any, policy: str, missed: Any, figures: Any
) -> str:
    environment = jinja2.Environment(  # noqa: S701 - Markdown, made of our own figures
        loader=jinja2.FileSystemLoader(HERE), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("card.md.j2").render(
        version=version,
        recipe=recipe,
        metrics=metrics,
        accounts=accounts(material.read),
        material_board=sum(source(example) == "board" for example in material.examples),
        duplicates=material.duplicates,
        policy=policy,
        missed=missed,
        figures=figures,
        attributes=ATTRIBUTES,
        recipes=(HERE / "recipes.md").read_text("utf-8"),
    )
