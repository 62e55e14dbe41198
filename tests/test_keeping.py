"""Commands about people: accounts, labels for training, the right to see and to be forgotten, retention."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select, update

from service import store
from service.accounts import sign_in
from service.cli import main
from service.domain import Comment, Decision, Judgement, Reason, Submission, Verdict
from service.intake import shortened
from service.keys import digest
from service.store import keys as store_keys
from service.store import members, tables, verdicts
from service.store.acts import Who
from training import __main__ as training
from training.examples import Example
from training.own import read_plain

PASSWORD = "correcte-agrafe-cheval"
NOW = datetime.now(UTC)
Vigie = Callable[..., Result]


@pytest.fixture(autouse=True)
def database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty_database: Path) -> Path:
    for name in os.environ:
        if name.startswith("VIGIE_"):
            monkeypatch.delenv(name)
    path = tmp_path / "vigie.db"
    shutil.copy(empty_database, path)
    monkeypatch.setenv("VIGIE_DATABASE", f"sqlite:///{path}")
    return path


@pytest.fixture
def engine(database: Path) -> Iterator[Engine]:
    engine = store.open_engine(f"sqlite:///{database}")
    yield engine
    engine.dispose()


def vigie(*arguments: str, **more: Any) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="vigie", **more)


def keep(engine: Engine, number: int, decision: Decision = Decision.hold, *, days: int = 0, **comment: Any) -> str:
    reasons = (Reason("insult", "…", Decision.hold, "insult", 0.7, 0.5),) if decision is Decision.hold else ()
    judgement = Judgement(decision, reasons, {"insult": 0.7}, (), "m", "p")
    said = Comment(**{"text": f"Texte introuvable numéro {number}", "name": "Zoé Introuvable", **comment})
    id = f"00000000-0000-0000-0000-{number:012}"  # noqa: A001 - of a submission
    store.add(engine, [Submission(id, "default", NOW - timedelta(days=days), said, judgement)])
    return id


def judge(engine: Engine, id: str, verdict: Verdict) -> int:
    return verdicts.give(engine, id, verdict, Who(actor="Anne"), NOW).id


# Accounts.


def test_an_account_is_opened_closed_and_given_a_new_password(engine: Engine) -> None:
    assert 0 == vigie("moderator", "add", "Anne", "--password", PASSWORD).exit_code
    assert sign_in(engine, "Anne", PASSWORD, None, NOW)
    assert "Anne has an account already" in vigie("moderator", "add", "Anne", "--password", PASSWORD).output
    assert 0 == vigie("moderator", "disable", "Anne").exit_code
    assert sign_in(engine, "Anne", PASSWORD, None, NOW) is None
    assert 0 == vigie("moderator", "reset", "Anne", input=f"{PASSWORD}-2\n{PASSWORD}-2\n").exit_code
    assert sign_in(engine, "Anne", f"{PASSWORD}-2", None, NOW)
    assert "moderator" == members.all_moderators(engine)[0].role


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "Anne", "--password", "court"), "au moins 12 caractères"),
        (("add", " ", "--password", PASSWORD), "expected a name of 1 to 100 characters"),
        (("add", "x" * 101, "--password", PASSWORD), "expected a name of 1 to 100 characters"),
        (("disable", "Personne"), "found none of Personne"),
        (("reset", "Personne", "--password", PASSWORD), "found none of Personne"),
    ],
)
def test_what_cannot_be_is_told(arguments: tuple[str, ...], told: str) -> None:
    found = vigie("moderator", *arguments)

    assert found.exit_code in (1, 2)
    assert told in found.output


# Labels.


def test_verdicts_become_a_file_that_training_reads(engine: Engine, tmp_path: Path) -> None:
    judge(engine, keep(engine, 1), Verdict(Decision.reject, {"toxicity": 1, "insult": 1}, "OFFENSIVE"))
    judge(engine, keep(engine, 2), Verdict(Decision.accept, {"toxicity": 0}))
    judge(engine, keep(engine, 3), Verdict(Decision.reject, {}))  # teaches nothing
    keep(engine, 4)  # no verdict
    number = judge(engine, keep(engine, 5), Verdict(Decision.accept, {"toxicity": 0}))
    with engine.begin() as connection:
        connection.execute(update(tables.verdicts).where(tables.verdicts.c.id == number).values(withdrawn_at=NOW))
    file = tmp_path / "verdicts.jsonl"
    found = vigie("export", "labels", "--output", str(file))
    learnt = read_plain(file)

    assert (0, "2 verdict(s)\n") == (found.exit_code, found.stderr)
    assert [{"toxicity": 1.0, "insult": 1.0}, {"toxicity": 0.0}] == [example.labels for example in learnt]
    assert {("Anne", NOW.isoformat())} == {(example.by, example.at) for example in learnt}
    assert "m" == json.loads(file.read_text("utf-8").splitlines()[0])["model"]
    assert "0 verdict(s)\n" == vigie("export", "labels", "--since", f"{NOW + timedelta(days=1):%Y-%m-%d}").stderr


def test_training_learns_from_the_store_itself(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--verdicts` gives what an exported file would, and leaves no file behind."""
    judge(engine, keep(engine, 1), Verdict(Decision.reject, {"toxicity": 1}))
    learnt: list[Example] = []

    def gathered(recipe: Any, root: Any, plain: tuple[Path, ...], authored: Path) -> Any:
        learnt.extend(example for path in plain for example in read_plain(path))
        raise click.ClickException(str(plain[0]))

    monkeypatch.setattr(training, "_gather", gathered)
    found = CliRunner().invoke(training.main, ["train", "--authored-only", "--verdicts"])
    monkeypatch.setenv("VIGIE_DATABASE", "sqlite:////nowhere/at/all.db")
    lost = CliRunner().invoke(training.main, ["train", "--authored-only", "--verdicts"])

    assert "1 verdict(s) of the store" in found.output
    assert [("own/verdicts", "Anne", {"toxicity": 1.0})] == [(e.corpus, e.by, e.labels) for e in learnt]
    assert not Path(found.output.splitlines()[-1].removeprefix("Error: ")).exists()
    assert 1 == lost.exit_code
    assert "unable to open database file" in lost.output


# The right to see, and to be forgotten.


def test_everything_about_an_author_can_be_seen(engine: Engine) -> None:
    judge(engine, keep(engine, 1, author_id="7", email="zoe@example.org"), Verdict(Decision.accept, {}, note="ok"))
    keep(engine, 2, author_id="8")
    [found] = json.loads(vigie("author", "export", "--id", "7").stdout)

    assert ("Texte introuvable numéro 1", "zoe@example.org") == (found["comment"], found["email"])
    assert ["hold"] == [judgement["decision"] for judgement in found["judgements"]]
    assert ["ok"] == [verdict["note"] for verdict in found["verdicts"]]
    assert 2 == len(json.loads(vigie("author", "export", "--name", "Zoé Introuvable").stdout))


def test_an_erased_author_is_nowhere_in_the_file(engine: Engine, database: Path) -> None:
    for number in range(20):
        judge(engine, keep(engine, number, author_id="7"), Verdict(Decision.accept, {}, note="Introuvable aussi"))
    keep(engine, 30, author_id="8", name="Luc", text="Celui-ci reste")
    found = vigie("author", "erase", "--id", "7", "--yes")
    engine.dispose()
    files = b"".join(path.read_bytes() for path in database.parent.glob("vigie.db*"))

    assert "20 comment(s) erased\n" == found.stdout
    assert b"Celui-ci reste" in files
    assert b"ntrouvable" not in files


def test_an_erasure_is_asked_about_and_needs_an_author(engine: Engine) -> None:
    keep(engine, 1, author_id="7")

    assert 1 == vigie("author", "erase", "--id", "7", input="n\n").exit_code
    assert "expected --id, --email or --name" in vigie("author", "erase", "--yes").output
    assert 1 == len(json.loads(vigie("author", "export", "--id", "7").stdout))


def test_what_is_old_is_forgotten_by_its_kind(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, days in (("ACCEPTED", "30"), ("HELD", "0"), ("REJECTED", "100"), ("ACTS", "10")):
        monkeypatch.setenv(f"VIGIE_KEEP_{kind}_DAYS", days)
    ids = {
        "young": keep(engine, 1, Decision.accept, days=29),
        "old": keep(engine, 2, Decision.accept, days=31),
        "waits for ever": keep(engine, 3, days=1000),
        "held, then accepted": keep(engine, 4, days=31),
        "held, then rejected": keep(engine, 5, days=31),
        "rejected long ago": keep(engine, 6, Decision.reject, days=101),
    }
    judge(engine, ids["held, then accepted"], Verdict(Decision.accept, {}))
    judge(engine, ids["held, then rejected"], Verdict(Decision.reject, {}))
    with engine.begin() as connection:
        connection.execute(update(tables.acts).values(at=NOW - timedelta(days=11)))
    found = vigie("forget")
    with engine.connect() as connection:
        left = set(connection.execute(select(tables.submissions.c.id)).scalars())

    assert "accepted: 2, rejected: 1, acts: 2\n" == found.stdout
    assert {ids["young"], ids["waits for ever"], ids["held, then rejected"]} == left


def test_a_policy_is_tried_on_what_is_kept(engine: Engine, tmp_path: Path) -> None:
    """All have an insult score of 0.7; whoever holds from 0.8 lets them pass."""
    for number, decision in enumerate((Decision.accept, Decision.reject, Decision.reject)):
        judge(engine, keep(engine, number), Verdict(decision, {}))
    keep(engine, 9)
    keep(engine, 10, days=10)
    policy = tmp_path / "mild.toml"
    policy.write_text("[attributes.insult]\nhold = 0.8\nreject = false\n", "utf-8")
    found = vigie("backtest", "--policy", str(policy), "--since", f"{NOW - timedelta(days=1):%Y-%m-%d}").output
    rows = [line.split() for line in found.splitlines()]

    assert "4 comment(s), policy " in found
    assert ["hold", "4", "0", "0"] in rows
    assert ["was", "hold", "1", "2"] in rows
    assert ["would", "be", "accept", "1", "2"] in rows
    assert "5 comment(s)" in vigie("backtest").output


@pytest.mark.parametrize(
    ("ip", "kept"),
    [("192.0.2.77", "192.0.2.0"), ("2001:db8:1:2:3::4", "2001:db8:1::"), ("::1", "::")],
)
def test_an_address_is_shortened(ip: str, kept: str) -> None:
    assert kept == shortened(ip)


def test_a_key_is_made_told_and_revoked(engine: Engine) -> None:
    made = vigie("key", "new", "--note", "le serveur", "--rate", "60")
    key = made.output.strip()

    assert (0, 12) == (made.exit_code, len(key))
    assert store_keys.known(engine)[digest(key)].site == "default"
    listed = vigie("key", "list").output
    assert "1  default  judge+verdict  60/min" in listed
    assert "never used" in listed
    assert key not in listed
    assert 0 == vigie("key", "revoke", "1").exit_code
    assert store_keys.known(engine)[digest(key)].revoked_at
    assert "revoked" in vigie("key", "list").output
    assert 1 == vigie("key", "revoke", "1").exit_code


def test_a_key_is_for_a_site_that_there_is() -> None:
    told = vigie("key", "new", "--site", "gazette")

    assert 2 == told.exit_code
    assert "expected one of the sites default, found gazette" in told.output
