"""Structure features: what is counted, and scikit-learn's own conventions for an estimator."""

from collections.abc import Callable

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.pipeline import make_union
from sklearn.utils import estimator_checks as checks

from service.features import SideBySide, StructureFeatures
from service.lexicon import Lexicon, load_lexicon

LEXICON = load_lexicon()


@pytest.fixture
def features() -> StructureFeatures:
    return StructureFeatures(LEXICON)


def row(features: StructureFeatures, text: str) -> dict[str, float]:
    return dict(zip(features.get_feature_names_out(), features.transform([text])[0].tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "column", "count"),
    [
        ("https://exemple.fr et www.exemple.org", "links", 2),
        ("Quel connard", "insult_strong", 1),
        ("Quel abruti, quel clown", "insult_mild", 2),
        ("Offre de prêt", "spam_strong", 1),
        ("Tu es un abruti", "direct_insult", 1),
        ("Tu sais, je t'ai vu", "second_person", 2),
        ("Je pense que nous avons tort", "first_person", 2),
        ("Ils viennent, eux", "third_person", 2),
        ("Il ne dort jamais", "negation", 2),
        ("Bravo !!", "exclamation", 2),
        ("Quoi ? Comment ?", "question", 2),
        ("« Non », dit-il", "quotes", 2),
        ("En 1944", "digits", 4),
        ("50 €", "euro", 1),
        ("👍👍", "symbols", 2),
        ("Trois petits mots", "words", 3),
    ],
)
def test_counts_are_compressed(features: StructureFeatures, text: str, column: str, count: int) -> None:
    assert np.log1p(count) == pytest.approx(row(features, text)[column], abs=1e-6)


def test_capitals_are_a_share(features: StructureFeatures) -> None:
    assert 0.5 == row(features, "ABcd")["capitals"]


def test_nothing_is_counted_in_an_empty_text(features: StructureFeatures) -> None:
    assert set(row(features, "").values()) == {0.0}


def test_a_text_counts_alike_alone_and_among_others(features: StructureFeatures) -> None:
    texts = ["", "Quel connard !", "https://exemple.fr", "\ud800"]
    together = features.transform(texts)

    assert (4, len(features.get_feature_names_out())) == together.shape
    assert np.float32 == together.dtype
    assert [features.transform([text])[0].tolist() for text in texts] == together.tolist()


def test_no_texts_give_no_rows(features: StructureFeatures) -> None:
    assert (0, len(features.get_feature_names_out())) == features.transform([]).shape


@given(st.text(st.characters() | st.sampled_from("aé1@*!.\0\u200b\ud800"), max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_has_finite_features_that_are_not_negative(text: str) -> None:
    counted = StructureFeatures(LEXICON).transform([text])

    assert np.isfinite(counted).all()
    assert (counted >= 0).all()


def test_names_are_unique_and_survive_a_union(features: StructureFeatures) -> None:
    names = make_union(features).fit(["a"]).get_feature_names_out().tolist()

    assert len(set(names)) == len(names) == features.transform(["a"]).shape[1]


# scikit-learn's conventions. Of the checks of `parametrize_with_checks`, those are run that give an estimator no data,
# or that do not look at it. The others feed `transform` matrices of numbers, sparse or complex ones, NaN or 1-D arrays,
# and ask for ValueError and `n_features_in_`: there are no columns in a text. `check_fit_check_is_fitted` asks that an
# estimator be unfitted before `fit`; this one has nothing to learn and says so.
@pytest.mark.parametrize(
    "check",
    [
        checks.check_estimator_cloneable,
        checks.check_estimator_repr,
        checks.check_estimator_tags_renamed,
        checks.check_valid_tag_types,
        checks.check_mixin_order,
        checks.check_no_attributes_set_in_init,
        checks.check_do_not_raise_errors_in_init_or_set_params,
        checks.check_parameters_default_constructible,
        checks.check_get_params_invariance,
        checks.check_set_params,
        checks.check_dont_overwrite_parameters,
        checks.check_estimators_overwrite_params,
        checks.check_estimators_fit_returns_self,
        checks.check_transformer_n_iter,
    ],
    ids=lambda check: check.__name__,
)
def test_a_check_of_scikit_learn_passes(
    check: Callable[[str, StructureFeatures], None], features: StructureFeatures
) -> None:
    check(type(features).__name__, features)


def test_a_clone_has_the_same_words_and_fitting_learns_nothing(features: StructureFeatures) -> None:
    copy = clone(features)

    assert copy is not features
    assert isinstance(copy.get_params()["lexicon"], Lexicon)
    assert features.fit(["un texte"]) is features
    assert {"lexicon"} == set(vars(features))
    assert copy.transform(["Quel connard"]).tolist() == features.transform(["Quel connard"]).tolist()


def test_the_word_lists_travel_with_the_features(features: StructureFeatures, tmp_path) -> None:
    joblib.dump(StructureFeatures(Lexicon({}, {})), tmp_path / "empty.joblib")
    joblib.dump(features, tmp_path / "full.joblib")
    empty, full = (joblib.load(tmp_path / name) for name in ("empty.joblib", "full.joblib"))

    assert 0 == row(empty, "Quel connard")["insult_strong"] < row(full, "Quel connard")["insult_strong"]


def test_one_text_side_by_side_is_a_row_of_the_union() -> None:
    """The shortcut for one text gives what the common way gives."""
    union = SideBySide(
        [
            ("words", HashingVectorizer(n_features=64)),
            ("structure", StructureFeatures(load_lexicon())),
            ("none", "drop"),
        ],
        transformer_weights={"structure": 0.5},
    )
    texts = ["Merci bien, à vous tous !", "", "Espèce d'idiot"]
    together = union.transform(texts)

    for place, text in enumerate(texts):
        assert np.allclose(together[[place]].toarray(), union.transform([text]).toarray())
        assert np.allclose(together[[place]].toarray(), union.transform(iter([text])).toarray())
