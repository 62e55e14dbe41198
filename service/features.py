"""What a text looks like besides its words: the structure features of the model, as a scikit-learn transformer."""

import re
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import FeatureUnion

from service.domain import Comment
from service.lexicon import ATTRIBUTES, STRENGTHS, Lexicon
from service.signals import RULES, read

SIGNALS = (
    "links", "link_shortener", "link_markup", "hidden_link", "contact_phone", "contact_messaging", "contact_email",
    "shouting", "repeated_characters", "repeated_lines", "foreign_script", "mixed_scripts", "direct_insult",
)  # fmt: skip
LISTS = tuple(f"{attribute}_{strength}" for attribute in ATTRIBUTES for strength in STRENGTHS)
PERSONS = {
    "second_person": frozenset(["tu", "te", "t", "toi", "ton", "ta", "tes", "vous", "vos", "votre"]),
    "third_person": frozenset(["il", "elle", "ils", "elles", "eux", "leur", "leurs", "ces", "cette", "ce"]),
    "first_person": frozenset(["je", "j", "me", "m", "moi", "mon", "ma", "mes", "nous", "notre", "nos"]),
    "negation": frozenset(["ne", "n", "pas", "jamais", "rien"]),
}
MARKS = {"exclamation": "!", "question": "?", "quotes": '«»"“”', "digits": "0123456789", "euro": "€$£"}
SYMBOL = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff]")


class StructureFeatures(TransformerMixin, BaseEstimator):
    """Count what rules see in a text: signals, lexicon hits, persons addressed, punctuation, length.

    Counts are compressed with log(1 + count), so that one feature never drowns the words.

    Parameters
    ----------
    lexicon : Lexicon
        The word lists at the time of training. They travel with the fitted model: a later edit of the lists changes
        what the rules see, never what the model scores.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon

    def fit(self, X: Iterable[str], y: Any = None) -> Self:
        """Learn nothing; there is nothing to learn."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: Iterable[str]) -> NDArray[np.float32]:
        """Return an array of shape (n_texts, n_features)."""
        return np.array([self._row(text) for text in X], dtype=np.float32).reshape(
            -1, len(self.get_feature_names_out())
        )

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns."""
        return np.array([*SIGNALS, *LISTS, *PERSONS, *MARKS, "symbols", "words", "capitals"], dtype=object)

    def _row(self, text: str) -> list[float]:
        reading = read(Comment(text), self.lexicon)
        signals = {signal.code: signal.value for rule in RULES for signal in rule(reading)}
        hits = [f"{hit.entry.attribute}_{hit.entry.strength}" for hit in reading.hits]
        forms = [word.form for word in reading.words]
        counts = [
            *(signals.get(code, 0) for code in SIGNALS),
            *(hits.count(name) for name in LISTS),
            *(sum(form in persons for form in forms) for persons in PERSONS.values()),
            *(sum(map(text.count, marks)) for marks in MARKS.values()),
            len(SYMBOL.findall(text)),
            len(forms),
        ]
        return [*np.log1p(counts), sum(map(str.isupper, text)) / max(1, len(text))]


class SideBySide(FeatureUnion):
    """A FeatureUnion of which one text costs a fifth less: its row is put together by hand instead of by `hstack`."""

    def transform(self, X: Iterable[str], **params: Any) -> Any:
        """Return a sparse matrix of shape (n_texts, n_features), as a FeatureUnion does."""
        texts = list(X)
        if len(texts) != 1:
            return super().transform(texts, **params)
        columns, values, width = [], [], 0
        for _, transformer, weight in self._iter():
            block = transformer.transform(texts)
            places, found = (block.indices, block.data) if issparse(block) else (np.arange(block.shape[1]), block[0])
            columns.append(places + width)
            values.append(found if weight is None else found * weight)
            width += block.shape[1]
        row = np.concatenate(columns)
        return csr_matrix((np.concatenate(values), row, [0, len(row)]), shape=(1, width))
