"""What is said at the end of a training, to somebody who does not know what an interval is."""

from service.domain import ATTRIBUTES
from training.told import NAMES, summary

CHAMPION = {
    "version": "2026.01.01",
    "attributes": {
        "toxicity": {"low": 0.01, "high": 0.03},
        "threat": {"low": -0.04, "high": -0.01},
        "spam": {"low": -0.01, "high": 0.02},
    },
    "decisions": {
        "good comments held or rejected": {"champion": 0.094, "challenger": 0.081, "low": -0.02, "high": -0.005},
        "spam held or rejected": {"champion": 0.87, "challenger": 0.88, "low": -0.01, "high": 0.03},
    },
}


def test_better_worse_and_perhaps_chance_are_told_apart() -> None:
    told = "\n".join(summary({"champion": CHAMPION, "attributes": {}}, "2026.02.02"))

    assert "il reconnaît mieux : la toxicité\n" in told
    assert "il reconnaît moins bien : les menaces\n" in told
    assert "bons commentaires retenus ou refusés : 9,4 % → 8,1 %\n" in told
    assert "indésirables retenus ou refusés : 87,0 % → 88,0 % (différence peut-être due au hasard)\n" in told
    assert "vigie model use 2026.02.02\n" in told
    assert told.endswith("vigie model use 2026.01.01")


def test_without_a_champion_there_is_nothing_to_go_back_to() -> None:
    assert ["Sa fiche : models/x/card.md", "Pour le mettre en service : vigie model use x"] == summary(
        {"attributes": {}}, "x"
    )


def test_agreement_with_the_newest_verdicts_is_told() -> None:
    own = {"toxicity": {"sources": {"own": {"rows": 120, "auc": 0.912}}}}

    assert "Sur 120 de vos verdicts les plus récents" in summary({"attributes": own}, "x")[0]
    assert "91,2 % du temps" in summary({"attributes": own}, "x")[0]


def test_everything_that_is_compared_has_french_words() -> None:
    assert set(ATTRIBUTES) == set(NAMES)
