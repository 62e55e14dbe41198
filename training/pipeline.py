"""The model before it has learnt: one scikit-learn Pipeline from raw text to probabilities."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline

from service.domain import ATTRIBUTES
from service.features import StructureFeatures
from service.heads import AttributeHeads
from service.lexicon import Lexicon
from service.text import normalize
from training.recipe import Recipe


def build_pipeline(recipe: Recipe, lexicon: Lexicon) -> Pipeline:
    """Return the unfitted pipeline of *recipe*: texts, an iterable of n_texts strings, to (n_texts, n_attributes).

    Everything in it can be unpickled by the service alone. The sentence encoder will stand beside the n-grams as a
    fourth member of the union.
    """
    shared = {
        "preprocessor": normalize,
        "sublinear_tf": True,
        "min_df": recipe.features["least_rows"],
        "dtype": np.float32,
    }
    features = FeatureUnion(
        [
            ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=_range(recipe, "characters"), **shared)),
            (
                "words",
                TfidfVectorizer(tokenizer=str.split, token_pattern=None, ngram_range=_range(recipe, "words"), **shared),
            ),
            ("structure", StructureFeatures(lexicon)),
        ],
        transformer_weights={"structure": recipe.features["structure"]},
    )
    return Pipeline([("features", features), ("heads", AttributeHeads(ATTRIBUTES, **recipe.heads))])


def _range(recipe: Recipe, name: str) -> tuple[int, int]:
    low, high = recipe.features[name]
    return low, high
