"""The sentence encoder of the release in service: what PyTorch said, any text, long texts, threads, forks, pickles."""

import itertools
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_union
from sklearn.utils import estimator_checks as checks

from service import encoder as room
from service.domain import ATTRIBUTES
from service.encoder import ABOUT, BEGIN, END, SentenceEncoder
from service.model import current
from service.settings import ROOT
from service.text import reveal

FOLDER = ROOT / "models" / current(ROOT / "models")[0]
TEXTS = [
    "Merci pour cet article.",
    "Espèce de c0nnard !",
    "x",
    "Привет",
    "😡",
    "",
    "mot " * 400,
    "La pluie revient jeudi.",
]


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder(str(FOLDER))


@pytest.fixture(scope="module")
def about() -> dict[str, object]:
    found: dict[str, object] = json.loads((FOLDER / ABOUT).read_text("utf-8"))
    return found


def test_it_says_what_pytorch_said(encoder: SentenceEncoder, about: dict[str, list[dict[str, object]]]) -> None:
    """Within the tolerance that its maker states: embedding rows are kept in 8 bits, weights in 16."""
    odds = encoder.transform([str(probe["text"]) for probe in about["probes"]])[:, -len(ATTRIBUTES) :]

    assert len(about["probes"]) > 5
    assert np.abs(odds - [probe["log_odds"] for probe in about["probes"]]).max() <= about["tolerance"]


def test_its_tokenizer_gives_the_ids_of_the_reference(
    encoder: SentenceEncoder, about: dict[str, list[dict[str, object]]]
) -> None:
    """But for unknown signs that follow one another, which SentencePiece joins and the reference does not."""
    _, tokenizer = encoder._open()

    for probe in about["probes"]:
        found = [BEGIN, *tokenizer.encode(reveal(str(probe["text"]))), END]
        assert [piece for piece, _ in itertools.groupby(probe["ids"])] == [
            piece for piece, _ in itertools.groupby(found)
        ]


def test_a_batch_is_read_as_its_members_are(encoder: SentenceEncoder) -> None:
    together = encoder.transform(TEXTS)

    assert np.allclose(together, np.vstack([encoder.transform([text]) for text in TEXTS]), atol=1e-4)
    assert np.allclose(together[::-1], encoder.transform(TEXTS[::-1]), atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(), max_size=300))
def test_any_text_is_read(text: str) -> None:
    assert np.isfinite(SentenceEncoder(str(FOLDER)).transform([text])).all()


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\x00", "a\x00b", "\ud800", "x\udfff", "🤡" * 500, "ا" * 500,
         "سلام عليكم", "Здравствуйте", "a" * 65_000, "mot " * 16_250,
        "\n" * 1000, "​" * 100, "𝓬𝓸𝓷",
    ],
)  # fmt: skip
def test_no_text_is_too_strange(encoder: SentenceEncoder, text: str) -> None:
    row = encoder.transform([text])

    assert row.shape[0] == 1
    assert np.isfinite(row).all()


def test_the_worst_window_of_a_long_text_counts(encoder: SentenceEncoder) -> None:
    """An insult at the end of a long letter is found there, and the letter alone is no worse for its length."""
    letter = "Le conseil municipal examinera le budget de la voirie en mars prochain. " * 40
    insult = "Tu es un sale connard, ferme ta gueule !"
    toxicity = len(ATTRIBUTES) - ATTRIBUTES.index("toxicity")
    calm, long, short = encoder.transform([letter, letter + insult, insult])[:, -toxicity]

    assert calm < long
    assert long > calm + (short - calm) / 5


def test_every_piece_of_a_long_text_is_in_a_window() -> None:
    for length, window in itertools.product((0, 1, 61, 62, 63, 125, 126, 127, 222, 223, 1000), (64, 128)):
        pieces = list(range(10, 10 + length))
        windows = list(room.windows_of(pieces, window))

        assert set(pieces) == {piece for found in windows for piece in found[1:-1]}
        assert all(len(found) <= window for found in windows)
        assert all((BEGIN, END) == (found[0], found[-1]) for found in windows)


def test_a_call_of_the_runtime_is_bounded() -> None:
    windows = [[1] * length for length in [128] * 100 + [3] * 3000]
    batches = list(room._batches(windows))

    assert sorted(place for batch in batches for place in batch) == list(range(len(windows)))
    assert max(len(batch) * max(len(windows[place]) for place in batch) for batch in batches) <= room.AT_ONCE


def test_threads_may_share_it(encoder: SentenceEncoder) -> None:
    expected = encoder.transform(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for read in pool.map(lambda _: encoder.transform(TEXTS), range(12)):
            assert np.array_equal(expected, read)


def _read(encoder: SentenceEncoder, connection: object) -> None:
    connection.send(encoder.transform(TEXTS).tolist())  # type: ignore[attr-defined]


def test_a_fork_of_a_process_that_has_read_with_it_reads_on(encoder: SentenceEncoder) -> None:
    """As gunicorn does with preload_app: loaded once, forked, used in each worker."""
    expected = encoder.transform(TEXTS).tolist()
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_read, args=(encoder, there))
    child.start()
    there.close()
    found = here.recv() if here.poll(30) else None
    child.join(30)

    assert expected == found
    assert 0 == child.exitcode


def test_a_pickle_carries_neither_the_folder_nor_the_session(encoder: SentenceEncoder) -> None:
    encoder.transform(["x"])
    small = pickle.dumps(encoder)
    again = pickle.loads(small)

    assert len(small) < 1000
    with pytest.raises(FileNotFoundError, match=r"expected encoder\.onnx in the encoder's folder, found None"):
        again.transform(["x"])
    again.set_params(folder=str(FOLDER))
    assert np.array_equal(encoder.transform(["x"]), again.transform(["x"]))


def test_another_folder_is_opened_when_it_is_set(encoder: SentenceEncoder, tmp_path: Path) -> None:
    moved = clone(encoder)
    moved.transform(["x"])
    moved.set_params(folder=str(tmp_path))

    with pytest.raises(FileNotFoundError, match="found "):
        moved.transform(["x"])


# scikit-learn's own checks. Those that feed numbers instead of texts do not apply.


@pytest.fixture
def small() -> Iterator[SentenceEncoder]:
    return SentenceEncoder(str(FOLDER))


@pytest.mark.parametrize(
    "check",
    [
        checks.check_no_attributes_set_in_init,
        checks.check_parameters_default_constructible,
        checks.check_get_params_invariance,
        checks.check_set_params,
        checks.check_estimator_repr,
        checks.check_estimator_cloneable,
        checks.check_do_not_raise_errors_in_init_or_set_params,
    ],
    ids=lambda check: check.__name__,
)
def test_it_keeps_the_conventions_of_an_estimator(small: SentenceEncoder, check: object) -> None:
    check("SentenceEncoder", small)  # type: ignore[operator]


def test_it_stands_in_a_union_without_having_been_fitted(encoder: SentenceEncoder) -> None:
    union = make_union(clone(encoder), clone(encoder))

    assert 2 * encoder.transform(["x"]).shape[1] == union.fit_transform(["x", "y"]).shape[1]


def test_the_runtime_sends_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """onnxruntime 1.32 has telemetry: it writes `.ses` into the temporary folder and a cache into the home folder."""
    homes = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    code = f"from service.encoder import SentenceEncoder as E; E({str(FOLDER)!r}).transform(['x'])"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **homes}, cwd=ROOT, check=True, timeout=60)

    assert [] == list(tmp_path.iterdir())
    for library in Path(onnxruntime.__file__).parent.glob("capi/*.so*"):
        assert b"Microsoft12Applications6Events" not in library.read_bytes()
