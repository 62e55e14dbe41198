"""What is learnt of moderators' verdicts: not too few, not one person's alone, nothing that is disputed."""

import pytest

from training.examples import Example, group_of
from training.recipe import read_recipe
from training.verdicts import guard

RULES = {"fewest": 3, "kept_back": 0.25, "most_of_one": 0.5}


def verdict(number: int, toxicity: float, by: str = "Anne", text: str = "") -> Example:
    text = text or f"texte {'abcdefghijklmnopqrstuvwxyz'[number]}"
    at = f"2026-11-{number + 1:02}T10:00:00+00:00"
    return Example("own/v", f"v{number}", text, {"toxicity": toxicity}, "fr", group_of(text), by=by, at=at)


MANY = [verdict(number, number % 2, "Anne" if number % 4 < 2 else "Bruno") for number in range(16)]


def test_the_newest_verdicts_are_kept_back() -> None:
    found = guard(MANY[::-1], RULES)

    assert 16 == len(found.examples)
    assert [f"v{number}" for number in range(12, 16)] == [
        example.row for example, later in zip(found.examples, found.later, strict=True) if later
    ]
    assert ["4 verdicts, les plus récents, ne sont pas appris : ils servent à vérifier le résultat."] == found.told


@pytest.mark.parametrize("few", [MANY[:4], MANY[1::2], MANY[::2], MANY[:1]])
def test_too_few_or_one_side_alone_teach_nothing(few: list[Example]) -> None:
    found = guard(few, RULES)

    assert [] == found.examples
    assert "il en faut au moins 3 de chaque côté" in found.told[0]


def test_a_file_without_provenance_is_taken_as_it_is() -> None:
    own = [Example("own/x", "1", "texte", {"toxicity": 1.0}, "fr", "g")]
    found = guard(own, RULES)

    assert (own, [1.0], [False], []) == (found.examples, found.weights.tolist(), found.later.tolist(), found.told)


def test_what_is_disputed_waits_for_a_second_look() -> None:
    again = [verdict(1, 0.0, "Bruno", text="Texte  B !"), verdict(2, 0.0, "Bruno", text="texte c")]  # b differs, c not
    found = guard([*MANY, *again], RULES)

    assert "v1" not in {example.row for example in found.examples}
    assert 2 == sum(example.row == "v2" for example in found.examples)
    assert "1 texte(s) jugés de deux façons sont laissés de côté, à revoir : v1, v1" == found.told[0]


def test_nobody_decides_alone_what_is_learnt() -> None:
    given = [verdict(number, number % 2, "Anne" if number < 12 else "Bruno") for number in range(16)]
    found = guard(given, RULES)
    by = [example.by for example in found.examples]
    total = {
        name: sum(w for w, who in zip(found.weights, by, strict=True) if who == name) for name in ("Anne", "Bruno")
    }

    assert total["Anne"] == pytest.approx(total["Bruno"])
    assert "Anne a rendu 12 des 16 verdicts" in found.told[-1]


def test_a_newsroom_with_one_moderator_may_learn_from_them() -> None:
    found = guard([verdict(number, number % 2) for number in range(16)], RULES)

    assert {1.0} == set(found.weights.tolist())


def test_the_recipe_has_the_rules() -> None:
    rules = read_recipe().verdicts

    assert set(RULES) == set(rules)
    assert 0 < rules["kept_back"] < 0.5 <= rules["most_of_one"] <= 1
