"""Tables of the card: what it costs to find more, and the most confident errors, without a third party's text."""

import numpy as np

from service.domain import ATTRIBUTES
from training.evaluate import errors, tolls
from training.examples import Example
from training.material import Material

SPAM = ATTRIBUTES.index("spam")


def test_to_find_more_costs_more() -> None:
    truth = np.array([1.0] * 20 + [0.0] * 20)
    scores = np.concatenate([np.linspace(0.3, 0.9, 20), np.linspace(0.0, 0.6, 20)])
    table = tolls(truth, scores, good=1 - truth)
    limits, costs = zip(*((toll["limit"], toll["good_held"]) for toll in table.values()), strict=True)

    assert ["50%", "60%", "70%", "80%", "90%"] == list(table)
    assert sorted(limits, reverse=True) == list(limits)
    assert sorted(costs) == list(costs)
    for share, limit in zip((0.5, 0.6, 0.7, 0.8, 0.9), limits, strict=True):
        assert np.mean(scores[:20] >= limit) >= share
    assert costs[-1] == np.mean(scores[20:] >= limits[-1])


def test_good_comments_count_as_often_as_they_stand_for() -> None:
    truth = np.array([1.0] * 20 + [0.0, 0.0])
    scores = np.array([0.5] * 20 + [0.9, 0.1])

    assert 0.25 == tolls(truth, scores, good=np.array([0.0] * 20 + [1.0, 3.0]))["50%"]["good_held"]


def test_unknown_labels_and_few_rows_make_no_table() -> None:
    assert {} == tolls(np.array([1.0, np.nan, 0.0]), np.array([0.9, 0.9, 0.1]), np.array([0.0, 0.0, 1.0]))


def test_errors_are_named_by_row_and_kind_never_by_text() -> None:
    labels = np.zeros((4, len(ATTRIBUTES)))
    labels[:2, 0] = 1
    texts = ["quelque chose", "autre chose", "rien du tout", "bonjour"]
    examples = [
        Example(
            "authored/x" if row % 2 else "mlma", str(row), text, {}, "fr", str(row), kind="veiled" if row % 2 else ""
        )
        for row, text in enumerate(texts)
    ]
    material = Material(  # type: ignore[arg-type]
        examples, texts, labels, labels, np.full(4, np.nan), np.ones(4), np.array(["test"] * 4), {}, None
    )
    scores = np.zeros((4, len(ATTRIBUTES)))
    scores[:, 0] = [0.1, 0.2, 0.3, 0.9]
    found = errors(material, np.arange(4), scores, most=1)

    assert [{"corpus": "mlma", "row": "0", "kind": "", "score": 0.1}] == found["missed"]
    assert [{"corpus": "authored/x", "row": "3", "kind": "veiled", "score": 0.9}] == found["false alarms"]
    assert not any(text in str(found) for text in texts)
