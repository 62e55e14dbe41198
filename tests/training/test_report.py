"""Tables of the card: what it costs to find more, and the most confident errors, without a third party's text."""

import json
from pathlib import Path

import numpy as np

from service.domain import ATTRIBUTES
from service.lexicon import load_lexicon
from service.policy import Limits, Policy
from training.evaluate import errors, newsroom, tolls
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


def test_the_examination_counts_what_is_decided_on_each_kind(tmp_path: Path) -> None:
    """Clear toxic comments are scored 0.9, all others 0.1; a limit of 0.5 holds."""
    spam = {"toxicity": 0, "spam": 1}
    kinds = [
        ({"toxicity": 1, "spam": 0}, True),
        ({"toxicity": 1, "spam": 0}, False),
        (spam, True),
        ({"toxicity": 0, "spam": 0}, True),
    ]
    path = tmp_path / "newsroom.jsonl"
    path.write_text(
        "".join(
            json.dumps({"comment": f"texte {number}", "name": "Zoé", "labels": labels, "clear": clear}) + "\n"
            for number, (labels, clear) in enumerate(kinds * 40)
        )
    )

    class Scores:
        def predict_proba(self, texts: list[str]) -> np.ndarray:
            return np.array([[0.9 if int(text.split()[1]) % 4 == 0 else 0.1] * len(ATTRIBUTES) for text in texts])

    policy = Policy("test", {"toxicity": Limits(hold=0.5)}, {})
    found = newsroom(Scores(), policy, load_lexicon(), [path])  # type: ignore[arg-type]

    assert {"good": 40, "spam": 40, "spam, clear": 40, "toxicity": 80, "toxicity, clear": 40} == {
        name: taken["rows"] for name, taken in found["decisions"].items()
    }
    assert (0.5, 1.0, 0.0) == tuple(
        found["decisions"][name]["hold"] for name in ("toxicity", "toxicity, clear", "good")
    )
    assert (120, 0.75) == (found["toxicity"]["rows"], found["toxicity"]["auc"])


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
