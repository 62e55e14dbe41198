"""The whole circle: comments are held, people decide, a model learns of it, is compared, put in service, taken back."""

import dataclasses
import functools
import itertools
import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from service.accounts import hash_password
from service.app import create_app
from service.cli import main as vigie
from service.model import current, load_model
from service.settings import ROOT, Settings
from service.store import members
from training import evaluate
from training.champion import against, decisions_beside
from training.material import AUTHORED, gather
from training.measures import ranking
from training.recipe import read_recipe
from training.release import make_release
from training.told import summary

PASSWORD = "correcte-agrafe-cheval"
FRUIT = ("pommes", "poires", "cerises", "prunes", "figues", "noix", "kiwis", "coings", "mangues", "olives")
TOWNS = ("Brest", "Lille", "Lyon", "Metz", "Nice", "Pau")
NEW = "Le zorglub doré est un remède pour les framboises de Toulouse, tout le monde en veut."


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder of releases with a copy of the one in service."""
    version, _ = current(ROOT / "models")
    shutil.copytree(ROOT / "models" / version, tmp_path / "models" / version)
    shutil.copy(ROOT / "models" / "current.toml", tmp_path / "models" / "current.toml")
    return tmp_path / "models"


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "ranking", functools.partial(ranking, repeats=20))
    monkeypatch.setattr("training.release.against", functools.partial(against, repeats=20))
    monkeypatch.setattr("training.release.decisions_beside", functools.partial(decisions_beside, repeats=20))


def opened(settings: Settings, made: list[Flask]) -> FlaskClient:
    made.append(create_app(settings))
    return made[-1].test_client()


def send(client: FlaskClient, comment: str, path: str = "/v1/comments", **more: Any) -> dict[str, Any]:
    told = client.post(path, json={"name": "Claire", "comment": comment, **more}).json
    assert told
    return dict(told)


@pytest.mark.usefixtures("few_draws")
def test_what_moderators_decide_comes_back_as_a_better_model(
    settings: Settings, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Flask] = []
    premoderate = tmp_path / "policy.toml"  # this newsroom reads newcomers first
    premoderate.write_text("[signals.first_comment]\nhold = 1\n", "utf-8")
    settings = dataclasses.replace(settings, models=models, policy=premoderate)
    client = opened(settings, made)
    before = send(client, NEW, "/v1/comments:preview")
    assert "accept" == before["decision"]

    # Sixty advertise a product that no corpus knows, sixty do not. All are held.
    texts = {}
    for fruit, town in itertools.product(FRUIT, TOWNS):
        texts[f"Le zorglub doré est un remède pour les {fruit} de {town}, tout le monde en veut."] = "spam"
        texts[f"Le marché de {town} manque de {fruit} cette année, c'est dommage."] = "accept"
    ids = {}
    for number, text in enumerate(texts):
        held = send(client, text, author_id=str(number), ip=f"10.{number}.0.1")
        assert "hold" == held["decision"]
        ids[held["id"]] = texts[text]

    # A moderator judges them in the console.
    engine = made[0].extensions["vigie"].engine
    members.add_moderator(engine, "Anne", "moderator", hash_password(PASSWORD), datetime.now(UTC))
    client.post("/moderation/connexion", data={"name": "Anne", "password": PASSWORD})
    token = re.search(r'name="form_token" value="([^"]+)"', client.get("/moderation/essai").text)
    assert token
    for _ in ids:
        taken = client.get("/moderation/suivant").location.split("?")[0].rsplit("/", 1)[1]
        form = {"form_token": token[1], "decision": ids[taken]}
        assert 303 == client.post(f"/moderation/commentaires/{taken}/verdict", data=form).status_code
    assert "Rien n’attend" in client.get("/moderation/").text

    # Their verdicts are exported and learnt from.
    for name, value in (("DATABASE", settings.database), ("MODELS", models), ("POLICY", premoderate)):
        monkeypatch.setenv(f"VIGIE_{name}", str(value))
    run: Callable[..., Any] = lambda *words: CliRunner().invoke(vigie, words, catch_exceptions=False)  # noqa: E731
    verdicts = tmp_path / "verdicts.jsonl"
    assert "120 verdict(s)" in run("export", "labels", "--output", str(verdicts)).stderr
    authored = tmp_path / "authored"
    authored.mkdir()
    for name in ("benign", "insults", "spam"):
        lines = (AUTHORED / f"{name}.jsonl").read_text("utf-8").splitlines(keepends=True)
        (authored / f"{name}.jsonl").write_text("".join(lines[::3]), "utf-8")
    full = read_recipe()
    features = {**full.features, "characters": [3, 3], "words": [1, 1], "hash_bits": 12}
    recipe = dataclasses.replace(full, features=features)
    material = gather(recipe, root=None, authored=authored, plain=[verdicts])
    served = load_model(models)
    candidate = make_release(
        recipe, material, models, "2000.01.01", root=None, encoder=served.folder, champion=served, gates=False,
        progress=lambda line: None,
    )  # fmt: skip

    # The comparison is shown, with the way forward and back; the newest verdicts were not learnt.
    assert "24 verdicts, les plus récents, ne sont pas appris" in material.told[0]
    metrics = json.loads((candidate / "metrics.json").read_text("utf-8"))
    assert f"Pour revenir en arrière : vigie model use {served.version}" in summary(metrics, "2000.01.01")

    # Rolled out, the same comment is decided otherwise; rolled back, as before.
    assert 0 == run("model", "use", "2000.01.01").exit_code
    after = send(opened(settings, made), NEW, "/v1/comments:preview")
    assert after["scores"]["spam"] > before["scores"]["spam"] + 0.3
    assert "accept" != after["decision"]
    assert "spam" in {reason["code"] for reason in after["reasons"]}
    assert 0 == run("model", "use", served.version).exit_code
    assert before == send(opened(settings, made), NEW, "/v1/comments:preview")
    for app in made:
        app.extensions["vigie"].engine.dispose()
