"""What encoders that had not learnt a text say of it: kept by digest, put in the place of what the other one says."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import issparse

from service.encoder import SentenceEncoder
from service.lexicon import load_lexicon
from service.model import current
from service.settings import ROOT
from training.crossfit import CROSSFIT, features, key, read_crossfit, write_crossfit
from training.material import gather
from training.pipeline import build_pipeline
from training.recipe import read_recipe

SHIPPED = ROOT / "models" / current(ROOT / "models")[0]
TEXTS = ["Merci pour cet article.", "Espèce d'idiot !", "La pluie revient jeudi."]


@pytest.fixture(scope="module")
def said() -> np.ndarray:
    width = SentenceEncoder(str(SHIPPED)).transform(["x"]).shape[1]
    return np.random.default_rng(3).normal(size=(len(TEXTS), width))


def test_what_is_written_is_read(said: np.ndarray, tmp_path: Path) -> None:
    write_crossfit(tmp_path, TEXTS, said)
    found = read_crossfit(tmp_path)

    assert {key(text) for text in TEXTS} == set(found)
    for text, line in zip(TEXTS, said, strict=True):
        assert np.allclose(line, found[key(text)], atol=np.abs(said).max() / 250)  # 8 bits
    assert not any(text.encode() in (tmp_path / CROSSFIT).read_bytes() for text in TEXTS)


def test_an_encoder_without_such_a_file_has_learnt_nothing_of_ours(tmp_path: Path) -> None:
    assert {} == read_crossfit(tmp_path)


def test_keys_tell_texts_apart_and_take_any() -> None:
    texts = ["", "a", "A", "a ", "é", "\ud800", "x" * 65_000]

    assert len(texts) == len({key(text) for text in texts})


def test_heads_learn_from_cross_fitted_readings_where_the_encoder_learnt_the_text(said: np.ndarray) -> None:
    pipeline = build_pipeline(read_recipe(), load_lexicon(), SHIPPED)
    plain = pipeline[:-1].transform(TEXTS).toarray()
    told = features(pipeline, TEXTS, {key(TEXTS[1]): said[1]})
    weight = read_recipe().features["encoder_weight"]

    assert issparse(told)
    assert plain.shape == told.shape
    assert np.allclose(plain[[0, 2]], told.toarray()[[0, 2]], atol=1e-4)
    width = said.shape[1]
    assert np.allclose(plain[1, :-width], told.toarray()[1, :-width])
    assert np.allclose(weight * said[1], told.toarray()[1, -width:], atol=1e-5)
    assert np.array_equal(plain, pipeline[:-1].transform(TEXTS).toarray())  # the pipeline is whole again


def test_what_the_shipped_encoder_learnt_of_our_examples_is_beside_it() -> None:
    """So that a clone alone retrains the heads honestly."""
    material = gather(read_recipe(), root=None)
    told = read_crossfit(SHIPPED)
    train, test = ([key(material.texts[row]) in told for row in material.rows(part=part)] for part in ("train", "test"))

    assert np.mean(train) > 0.9  # lines that are younger than the encoder are new to it
    assert not any(test)
