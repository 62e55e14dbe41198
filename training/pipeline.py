"""The model before it has learnt: one scikit-learn Pipeline from raw text to probabilities."""

from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.pipeline import Pipeline

from service.domain import ATTRIBUTES
from service.encoder import SentenceEncoder
from service.features import SideBySide, StructureFeatures
from service.heads import AttributeHeads
from service.lexicon import Lexicon
from service.text import normalize
from training.recipe import Recipe


def build_pipeline(recipe: Recipe, lexicon: Lexicon, encoder: Path) -> Pipeline:
    """Return the unfitted pipeline of *recipe*: texts, an iterable of n_texts strings, to (n_texts, n_attributes).

    encoder : folder with the fine-tuned encoder. Everything in the pipeline can be unpickled by the service alone. Only
    the heads learn: all features are the same whatever they are fitted on, so that they are made once for all folds.
    """
    shared = {
        "preprocessor": normalize,
        "n_features": 2 ** recipe.features["hash_bits"],
        "alternate_sign": False,
        "dtype": np.float32,
    }
    features = SideBySide(
        [
            ("characters", HashingVectorizer(analyzer="char_wb", ngram_range=_range(recipe, "characters"), **shared)),
            (
                "words",
                HashingVectorizer(
                    tokenizer=str.split, token_pattern=None, ngram_range=_range(recipe, "words"), **shared
                ),
            ),
            ("structure", StructureFeatures(lexicon)),
            ("encoder", SentenceEncoder(str(encoder), recipe.encoder["window"])),
        ],
        transformer_weights={name: recipe.features[name + "_weight"] for name in ("structure", "encoder")},
    )
    return Pipeline([("features", features), ("heads", AttributeHeads(ATTRIBUTES, **recipe.heads))])


def _range(recipe: Recipe, name: str) -> tuple[int, int]:
    low, high = recipe.features[name]
    return low, high
