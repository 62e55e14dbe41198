"""From a recipe to a release, on a part of our own examples and few features; and what keeps one from being made."""

import dataclasses
import functools
import json
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from service.domain import ATTRIBUTES
from service.lexicon import load_lexicon
from service.model import LIBRARIES, ModelError, current, digest, load_model
from service.policy import SIGNALS, load_policy
from service.settings import ROOT
from training import evaluate, release
from training.examples import accounts
from training.material import AUTHORED, Material, gather
from training.measures import ranking
from training.recipe import Recipe, read_recipe
from training.release import FOLDS, PROBES, GateError, Trained, make_release, missed_gates, policy_text, train

VERSION = "2000.01.01"
ENCODER = ROOT / "models" / current(ROOT / "models")[0]
"""As `make train` does: the encoder of the release in service."""
EVERY = 6
"""One line of so many is learnt from."""


@pytest.fixture(scope="module", autouse=True)
def few_draws() -> Iterator[None]:
    """The intervals need not be exact here, and 500 draws for each figure take longer than the training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "ranking", functools.partial(ranking, repeats=20))
        yield


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    full = read_recipe()
    features = {**full.features, "characters": [3, 3], "words": [1, 1], "hash_bits": 12}
    return dataclasses.replace(full, features=features, heads={**full.heads, "C": 0.05})


@pytest.fixture(scope="module")
def material(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("authored")
    for name in ("benign", "identity", "insults", "slang", "spam"):
        lines = (AUTHORED / f"{name}.jsonl").read_text("utf-8").splitlines(keepends=True)
        (folder / f"{name}.jsonl").write_text("".join(lines[::EVERY]), "utf-8")
    return gather(recipe, root=None, authored=folder)


@pytest.fixture(scope="module")
def trained(recipe: Recipe, material: Material) -> Trained:
    return train(recipe, material, load_lexicon(), ENCODER)


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch, trained: Trained) -> None:
    """Learning was done once; what is tested comes after it."""
    monkeypatch.setattr(release, "train", lambda *given: trained)


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def made(
    recipe: Recipe, material: Material, trained: Trained, told: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The folder of a release of *trained*, made without gates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release, "train", lambda *given: trained)
        models = tmp_path_factory.mktemp("models")
        yield make_release(
            recipe, material, models, VERSION, root=None, encoder=ENCODER, gates=False, progress=told.append
        )


# What is written.


def test_a_release_from_our_own_examples_alone_loads_and_scores(made: Path, trained: Trained) -> None:
    model = load_model(made.parent, VERSION)

    assert ATTRIBUTES == model.attributes
    assert np.allclose(
        trained.pipeline.predict_proba(list(PROBES)), [[*scores.values()] for scores in model.score(PROBES)], atol=1e-6
    )
    thanks, _, spam, _ = model.score(PROBES)
    assert spam["spam"] > thanks["spam"] + 0.2


def test_a_release_is_complete_and_every_file_is_accounted_for(made: Path) -> None:
    files = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    written = json.loads((made / "release.json").read_text("utf-8"))

    assert files == {*written["files"], "release.json"}
    assert files >= {"model.joblib", "policy.toml", "params.toml", "metrics.json", "card.md", "figures/decisions.svg"}
    assert written["files"] == {name: digest(made / name) for name in written["files"]}
    assert set(LIBRARIES) == set(written["libraries"])
    assert list(PROBES) == [probe["text"] for probe in written["probes"]]
    assert [made.name] == [path.name for path in made.parent.iterdir()]  # no draft beside it


def test_a_flipped_byte_of_what_was_just_written_is_refused(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / VERSION)
    (tmp_path / VERSION / "params.toml").write_text("seed = 1\n", "utf-8")

    with pytest.raises(ModelError, match=r"params\.toml: expected sha256"):
        load_model(tmp_path, VERSION)


def test_the_recipe_is_kept_with_the_release(made: Path, recipe: Recipe) -> None:
    assert recipe.text == (made / "params.toml").read_text("utf-8")


def test_the_card_tells_licences_rows_and_what_was_missed(made: Path, material: Material) -> None:
    card = (made / "card.md").read_text("utf-8")
    [account] = accounts(material.read)

    assert card.startswith(f"# Model card: Vigie {VERSION}\n")
    assert f"| {account.title} (`authored`) | Apache-2.0 | fr | {len(material.read['authored'])} |" in card
    for name, share in account.positive.items():
        assert f"{name} {100 * share:.1f} % of {account.known[name]}" in card
    assert f"{int((material.parts == 'test').sum())} rows tested" in card
    assert "**This release missed gates:**" in card
    assert "Intended use." in card
    assert "Uses to avoid." in card
    assert (made / "policy.toml").read_text("utf-8") in card
    # Peers and HateCheck were not there to be measured.
    assert "Beside its peers" not in card
    assert "HateCheck in French" not in card
    assert not any(text in card for text in material.texts if len(text) > 40)


def test_the_figures_of_the_card_are_those_of_the_metrics(made: Path) -> None:
    metrics = json.loads((made / "metrics.json").read_text("utf-8"))
    card = (made / "card.md").read_text("utf-8")

    assert "toxicity" in metrics["attributes"]
    for name, measured in metrics["attributes"].items():
        assert f"| {name} | {measured['rows']} ({measured['positives']}) | {measured['auc']:.3f} (" in card
    assert 1 == pytest.approx(sum(metrics["site"].values()))


def test_what_it_does_is_told(made: Path, told: list[str]) -> None:
    assert made.exists()
    assert told[0].startswith("training on ")
    assert "limits of the policy from the promises" in told


# What is learnt.


def test_the_test_part_is_not_learnt_from_and_the_rest_is_scored(trained: Trained, material: Material) -> None:
    assert trained.rows.tolist() == material.rows(part="train").tolist()
    assert set(trained.rows.tolist()).isdisjoint(material.rows(part="test").tolist())
    assert (len(trained.rows), len(ATTRIBUTES)) == trained.scores.shape
    assert ((trained.scores >= 0) & (trained.scores <= 1)).all()


def test_a_row_is_scored_by_a_model_that_had_not_seen_it(trained: Trained, material: Material) -> None:
    """Otherwise the limits would be derived from scores that are better than those of a stranger's comment."""
    seen = trained.pipeline.predict_proba([material.texts[row] for row in trained.rows])
    toxic = material.labels[trained.rows, ATTRIBUTES.index("toxicity")] >= 0.5
    column = ATTRIBUTES.index("toxicity")
    apart = [scores[toxic, column].mean() - scores[~toxic, column].mean() for scores in (seen, trained.scores)]

    assert 0 < apart[1] < apart[0]
    assert FOLDS > 1


def test_the_same_material_gives_the_same_release(recipe: Recipe, material: Material, trained: Trained) -> None:
    again = train(recipe, material, load_lexicon(), ENCODER)
    one, other = (policy_text(recipe, each, load_lexicon(), material, VERSION) for each in (trained, again))

    assert trained.scores.tolist() == again.scores.tolist()
    assert (
        trained.pipeline.predict_proba(material.texts[:50]).tolist()
        == again.pipeline.predict_proba(material.texts[:50]).tolist()
    )
    assert one == other


def test_the_policy_says_each_promise_and_what_became_of_it(made: Path, recipe: Recipe, trained: Trained) -> None:
    text = (made / "policy.toml").read_text("utf-8")
    policy = load_policy(made / "policy.toml")
    tables = tomllib.loads(text)

    assert (VERSION, set(ATTRIBUTES), set(SIGNALS)) == (policy.version, set(policy.attributes), set(policy.signals))
    for name in ATTRIBUTES:
        limits, promise = tables["attributes"][name], recipe.attributes.get(name)
        above = text.split(f"[attributes.{name}]")[0].splitlines()[-1]
        if promise is None:
            assert ({}, "# promise: none: only shown") == (limits, above)
        else:
            assert f"hold_false_alarms = {promise['hold_false_alarms']}" in above
    for code, promise in recipe.signals.items():
        assert promise["hold"] >= tables["signals"][code]["hold"]
        assert all(isinstance(limit, int) for limit in tables["signals"][code].values())
    assert trained.scores.max() <= 1


# What keeps a release from being written.


GATES = {"spam_caught_at_least": 1.01, "toxicity_auc_at_least": 1.02}


@pytest.mark.usefixtures("learnt")
def test_a_release_that_misses_gates_is_not_written(recipe: Recipe, material: Material, tmp_path: Path) -> None:
    strict = dataclasses.replace(recipe, gates=GATES)

    with pytest.raises(GateError, match=r"^spam_caught_at_least: expected 1\.01, found .+; toxicity_auc_at_least: .+$"):
        make_release(strict, material, tmp_path, VERSION, root=None, encoder=ENCODER, progress=lambda line: None)

    assert [] == list(tmp_path.iterdir())


def test_a_release_is_never_written_over(recipe: Recipe, material: Material, made: Path) -> None:
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}

    with pytest.raises(FileExistsError, match=f"{VERSION}: a release is never written over, choose another --version"):
        make_release(
            recipe, material, made.parent, VERSION, root=None, encoder=ENCODER, gates=False, progress=lambda line: None
        )

    assert before == {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("learnt")
def test_a_draft_is_removed_when_something_fails(
    recipe: Recipe, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(release, "evaluate", full)

    with pytest.raises(OSError, match="No space left"):
        make_release(
            recipe, material, tmp_path, VERSION, root=None, encoder=ENCODER, gates=False, progress=lambda line: None
        )

    assert [] == list(tmp_path.iterdir())


@pytest.mark.usefixtures("learnt")
def test_what_an_interrupted_run_left_is_cleared(
    recipe: Recipe, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f".{VERSION}.draft").mkdir()
    (tmp_path / f".{VERSION}.draft" / "stale").write_text("stale", "utf-8")
    found: list[list[str]] = []

    def stop(*given: object, **options: object) -> None:
        found.append([path.name for path in (tmp_path / f".{VERSION}.draft").iterdir()])
        raise KeyboardInterrupt

    monkeypatch.setattr(release, "evaluate", stop)

    with pytest.raises(KeyboardInterrupt):
        make_release(
            recipe, material, tmp_path, VERSION, root=None, encoder=ENCODER, gates=False, progress=lambda line: None
        )

    assert [["policy.toml"]] == found
    assert [] == list(tmp_path.iterdir())


METRICS = {
    "site": {"accept": 0.9, "hold": 0.09, "reject": 0.01},
    "decisions": {"bad: spam": {"accept": 0.1, "hold": 0.2, "reject": 0.7, "rows": 10}},
    "attributes": {
        "toxicity": {"auc": 0.8, "calibration": {"error": 0.02}},
        "spam": {"auc": 0.99, "calibration": {"error": 0.05}},
        "threat": {"auc": 0.6, "calibration": None},
    },
}


@pytest.mark.parametrize(
    ("gate", "limit", "missed"),
    [
        ("good_held_at_most", 0.09, None),
        ("good_held_at_most", 0.08, "good_held_at_most: expected 0.08, found 0.0900"),
        ("good_rejected_at_most", 0.01, None),
        ("good_rejected_at_most", 0.005, "good_rejected_at_most: expected 0.005, found 0.0100"),
        ("spam_caught_at_least", 0.9, None),
        ("spam_caught_at_least", 0.95, "spam_caught_at_least: expected 0.95, found 0.9000"),
        ("toxicity_auc_at_least", 0.8, None),
        ("toxicity_auc_at_least", 0.81, "toxicity_auc_at_least: expected 0.81, found 0.8000"),
        ("calibration_error_at_most", 0.05, None),  # that of the worst attribute
        ("calibration_error_at_most", 0.04, "calibration_error_at_most: expected 0.04, found 0.0500"),
    ],
)
def test_a_gate_is_missed_beyond_its_limit(recipe: Recipe, gate: str, limit: float, missed: str | None) -> None:
    gated = dataclasses.replace(recipe, gates={gate: limit})

    assert ([missed] if missed else []) == missed_gates(gated, METRICS)


def test_what_could_not_be_measured_passes_no_gate(recipe: Recipe) -> None:
    unmeasured = {**METRICS, "attributes": {}}

    assert ["toxicity_auc_at_least", "calibration_error_at_most"] == [
        line.split(":")[0] for line in missed_gates(recipe, unmeasured)
    ]


def test_every_gate_of_the_recipe_is_looked_at(recipe: Recipe) -> None:
    impossible: Callable[[str], float] = lambda gate: -1.0 if gate.endswith("most") else 2.0  # noqa: E731
    gated = dataclasses.replace(recipe, gates={gate: impossible(gate) for gate in recipe.gates})

    assert list(recipe.gates) == [line.split(":")[0] for line in missed_gates(gated, METRICS)]
