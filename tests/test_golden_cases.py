"""The golden cases of `cases/decisions.toml`, judged by the release in service."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from service.domain import Comment
from service.lexicon import load_lexicon
from service.model import Model
from service.moderation import Moderation
from service.policy import load_policy

CASES = tomllib.loads((Path(__file__).parent / "cases" / "decisions.toml").read_text("utf-8"))["case"]


@pytest.fixture(scope="module")
def moderation(model: Model) -> Moderation:
    return Moderation(load_lexicon(), model, load_policy(model.folder / "policy.toml"))


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_a_golden_case_keeps_its_decision(moderation: Moderation, case: dict[str, Any]) -> None:
    judgement = moderation.judge(Comment(case["comment"], case.get("name", "Claire")))

    assert case["decision"] == judgement.decision.name
    assert set(case.get("reasons", [])) <= {reason.code for reason in judgement.reasons}
    assert bool(judgement.reasons) == (judgement.decision.name != "accept")


def test_the_golden_cases_are_spread_over_the_three_decisions() -> None:
    decided = [case["decision"] for case in CASES]

    assert len(decided) >= 30
    assert min(map(decided.count, ("accept", "hold", "reject"))) >= 5
