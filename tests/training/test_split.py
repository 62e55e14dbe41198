"""Parts and folds: decided by the group alone, for ever."""

from collections import Counter

import pytest

from training.recipe import read_recipe
from training.split import PARTS, fold_of, part_of

SHARES = {"train": 0.85, "test": 0.15}
GROUPS = [f"{number:016x}" for number in range(20_000)]


@pytest.mark.parametrize(
    ("group", "part", "fold"),
    [
        # Written down once. If one moves, every release so far was tested on rows that the next one learns from.
        ("0000000000000000", "train", 0),
        ("ffffffffffffffff", "train", 1),
        ("0123456789abcdef", "train", 4),
        ("2cb4b1431b84ec15", "train", 3),
        ("cc2e6066853a53ad", "train", 4),
        ("c000000000000000", "test", 1),
        ("3100000000000000", "test", 2),
        ("a", "train", 2),
        ("é", "train", 2),
    ],
)
def test_a_group_never_moves(group: str, part: str, fold: int) -> None:
    assert part == part_of(group, SHARES)
    assert fold == fold_of(group, 5)


def test_the_recipe_still_has_the_shares_that_the_groups_were_pinned_with() -> None:
    assert SHARES == read_recipe().split
    assert pytest.approx(1) == sum(SHARES.values())


def test_each_part_has_its_share() -> None:
    counted = Counter(part_of(group, SHARES) for group in GROUPS)

    assert set(PARTS) == set(counted)
    for part, share in SHARES.items():
        assert counted[part] / len(GROUPS) == pytest.approx(share, abs=0.01)


def test_another_share_moves_only_what_it_must() -> None:
    more_to_learn = {"train": 0.9, "test": 0.1}
    moved = {(part_of(group, SHARES), part_of(group, more_to_learn)) for group in GROUPS}

    assert {("train", "train"), ("test", "train"), ("test", "test")} == moved


@pytest.mark.parametrize("part", PARTS)
def test_a_part_may_have_everything(part: str) -> None:
    shares = dict.fromkeys(PARTS, 0.0) | {part: 1.0}

    assert {part} == {part_of(group, shares) for group in GROUPS[:200]}


def test_shares_that_add_up_to_a_little_less_lose_no_group() -> None:
    assert "test" == part_of("a", {"train": 0.0, "test": 0.0})


def test_folds_are_equal_and_know_nothing_of_the_parts() -> None:
    for part in PARTS:
        folds = Counter(fold_of(group, 5) for group in GROUPS if part_of(group, SHARES) == part)
        assert [0, 1, 2, 3, 4] == sorted(folds)
        assert max(folds.values()) < 1.15 * min(folds.values())
