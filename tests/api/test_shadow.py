"""A second policy or model judges beside the one in service: nobody feels it, and later it can be compared."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select

from service.cli import main
from service.model import current
from service.policy import PolicyError
from service.settings import Settings
from service.store import StoreError, shadows, tables

LINK = {"name": "Luc", "comment": "Les chiffres sont ici, tableau 4 : https://www.insee.fr/fr/statistiques"}
RUDE = {"name": "Zoé", "comment": "Quel connard, ce ministre !"}
Make = Callable[[Settings], Flask]


@pytest.fixture
def shaded(make_app: Make, settings: Settings, tmp_path: Path) -> Flask:
    """An app beside whose policy another one, strict with links, judges."""
    (tmp_path / "strict.toml").write_text("[signals.links]\nhold = 1")
    return make_app(dataclasses.replace(settings, shadow_policy=tmp_path / "strict.toml"))


def rows(app: Flask) -> list[Any]:
    with app.extensions["vigie"].engine.connect() as connection:
        return list(connection.execute(select(tables.shadows)))


def test_the_shadow_s_decision_is_kept_and_has_no_effect(shaded: Flask) -> None:
    answer = shaded.test_client().post("/v1/comments", json=LINK, buffered=True)
    answer.close()
    [kept] = rows(shaded)

    assert answer.json
    assert "accept" == answer.json["decision"]
    assert (answer.json["id"], "hold", "links") == (kept.submission_id, kept.decision, kept.reasons)
    assert kept.policy.startswith(f"{kept.model}+")
    assert answer.json["scores"] == kept.scores


def test_without_a_shadow_and_of_what_is_not_kept_nothing_is_written(app: Flask, shaded: Flask) -> None:
    app.test_client().post("/v1/comments", json=LINK).close()
    for path, more in (("/v1/comments", {"store": False}), ("/v1/comments:preview", {})):
        shaded.test_client().post(path, json=LINK | more).close()

    assert ([], []) == (rows(app), rows(shaded))


def test_each_comment_of_a_batch_is_followed_once(shaded: Flask) -> None:
    sent = [LINK | {"external_id": "1"}, RUDE, LINK | {"external_id": "1"}, {"name": ""}]
    client = shaded.test_client()
    client.post("/v1/comments:batch", json={"comments": sent}).close()
    client.post("/v1/comments", json=LINK | {"external_id": "1"}).close()

    assert ["hold", "hold"] == [row.decision for row in rows(shaded)]


@pytest.mark.parametrize("error", [StoreError("down"), ValueError("anything")])
def test_whatever_goes_wrong_in_the_shadow_nobody_feels(
    shaded: Flask, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(shadows, "add", fail)
    answer = shaded.test_client().post("/v1/comments", json=LINK)
    answer.close()

    assert 201 == answer.status_code


def test_another_model_judges_by_its_own_policy(make_app: Make, settings: Settings) -> None:
    served = current(settings.models)[0]
    app = make_app(dataclasses.replace(settings, shadow_model=served))
    app.test_client().post("/v1/comments", json=RUDE).close()

    assert [(served, served, "hold")] == [(row.model, row.policy, row.decision) for row in rows(app)]


def test_a_faulty_shadow_stops_the_start(make_app: Make, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(PolicyError):
        make_app(dataclasses.replace(settings, shadow_policy=tmp_path / "absent.toml"))


def test_what_would_have_been_decided_is_told(shaded: Flask, settings: Settings, tmp_path: Path) -> None:
    client = shaded.test_client()
    ids = []
    for sent in (LINK, RUDE):
        answer = client.post("/v1/comments", json=sent)
        assert answer.json
        ids.append(answer.json["id"])
        answer.close()
    client.post(f"/v1/comments/{ids[0]}/verdict", json={"decision": "reject"})
    variables = {"VIGIE_DATABASE": settings.database, "VIGIE_SHADOW_POLICY": str(tmp_path / "strict.toml")}
    told = CliRunner().invoke(main, ["backtest", "--shadow"], env=variables)

    assert 0 == told.exit_code, told.output
    assert "2 comment(s), model " in told.output
    assert ["accept", "0", "1", "0"] == told.output.split("decided    would be:  accept    hold  reject\n")[1].split()[
        :4
    ]
    assert f"{'would be hold':22}{0:10}{1:10}" in told.output
