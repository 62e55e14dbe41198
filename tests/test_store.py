"""What is remembered, on SQLite and on a real PostgreSQL: nothing acknowledged is lost, nothing is half stored."""

import dataclasses
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, delete, func, inspect, select

from service import store
from service.domain import Article, Comment, Decision, Judgement, Reason, Signal, Span, Submission, Verdict
from service.settings import ROOT
from service.store import StoreError, database, members, outbox, queue, verdicts, words
from service.store.acts import Who
from service.store.figures import figures
from service.store.labels import erase_author, forget
from service.store.verdicts import AlreadyJudgedError

NOW = datetime(2026, 11, 23, 18, 5, 30, 123456, tzinfo=UTC)
JUDGEMENT = Judgement(
    Decision.hold,
    (
        Reason("insult", "Rabaisse.", Decision.hold, "insult", 0.91, 0.7, (Span(0, 2, "é😀"), Span(3, 4, "a"))),
        Reason("links", "Trois liens.", Decision.accept),
    ),
    {"insult": 0.91, "spam": 0.000001},
    (Signal("links", 3, (Span(0, 1, "é"),)), Signal("shouting", 1)),
    "2026.11.23",
    "2026.11.23+abcd",
)  # fmt: skip
FULL = Comment(
    text="é😀 a\n\u200b'; DROP TABLE submissions; --",
    name="Zoé",
    email="zoe@exemple.fr",
    url="https://exemple.fr",
    article=Article("7", "https://exemple.fr/7", "Été"),
    author_id="42",
    parent_id="c-1",
    external_id="x-1",
    ip="2001:db8::1",
    user_agent="Mozilla/5.0",
    referrer="https://exemple.fr/",
    submitted_at=NOW - timedelta(seconds=3),
    role="abonné",
)
# Adds submissions for ever, one transaction each, and says the id of each when it is acknowledged.
WRITER = """
import sys, uuid
from datetime import UTC, datetime
from service import store
from service.domain import Comment, Decision, Judgement, Submission
url, prefix, many = sys.argv[1], sys.argv[2], int(sys.argv[3])
engine = store.open_engine(url)
judgement = Judgement(Decision.accept, (), {}, (), "m", "p")
for n in range(many):
    comment = Comment(text=prefix, external_id=f"shared-{n}" if n % 2 else None)
    (kept,) = store.add(engine, [Submission(str(uuid.uuid4()), "default", datetime.now(UTC), comment, judgement)])
    print(kept.id, flush=True)
"""


def submission(**changes: Any) -> Submission:
    return dataclasses.replace(
        Submission(str(uuid.uuid4()), "default", NOW, Comment(text="Merci."), JUDGEMENT), **changes
    )


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server of our own, on a free port of this machine, gone after the tests."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        if os.environ.get("CI") == "true":
            pytest.fail("expected PostgreSQL under /usr/lib/postgresql, found none: `make tools` installs it")
        pytest.skip("no PostgreSQL under /usr/lib/postgresql")
    folder = Path(tempfile.mkdtemp(prefix="vigie-pg-"))
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # initdb refuses to run as root
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(folder, "postgres", "postgres")

    def run(name: str, *arguments: str) -> None:
        ran = subprocess.run(
            [binaries[-1].with_name(name), "-D", folder / "data", *arguments],
            **user, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60, check=False,
        )  # fmt: skip
        assert 0 == ran.returncode, ran.stderr

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c timezone=Asia/Tokyo"
    try:
        run("initdb", "-U", "vigie", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        run("pg_ctl", "-l", str(folder / "log"), "-w", "-o", options, "start")
        try:
            yield f"postgresql://vigie@127.0.0.1:{port}"
        finally:
            run("pg_ctl", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server = request.getfixturevalue("postgresql")
    name = f"vigie_{secrets.token_hex(4)}"
    admin = store.open_engine(f"{server}/postgres").execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield f"{server}/{name}"
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """A database with its tables."""
    engine = store.open_engine(url)
    store.upgrade(engine)
    yield engine
    engine.dispose()


def counted(engine: Engine) -> tuple[int, int]:
    with engine.connect() as connection:
        submissions, judgements = (
            connection.scalar(select(func.count()).select_from(table))
            for table in (store.submissions, store.judgements)
        )
    return submissions, judgements


def start_writer(url: str, prefix: str, many: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, url, prefix, str(many)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_revisions_go_up_and_down_and_up_again(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    assert {*store.metadata.tables, "alembic_version"} == set(inspect(engine).get_table_names())
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert {"alembic_version"} == set(inspect(engine).get_table_names())
    with pytest.raises(StoreError, match="run `vigie db upgrade`"):
        store.check(engine)
    store.upgrade(engine)
    store.check(engine)


def test_the_tables_are_those_that_the_code_describes(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})

        assert [] == compare_metadata(context, store.metadata)


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    kept = store.add(engine, [submission()])
    store.upgrade(engine)

    assert kept == [store.find(engine, "default", id=kept[0].id)]


def test_tables_of_another_version_are_told(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StoreError, match=r"expected tables of revision \d+, found 9999"):
        store.check(engine)
    with pytest.raises(StoreError, match=r"expected tables of this version or an earlier one, found: .*9999"):
        store.upgrade(engine)


def test_a_database_without_tables_is_told(url: str) -> None:
    engine = store.open_engine(url)

    with pytest.raises(StoreError, match="found None: run `vigie db upgrade`"):
        store.check(engine)
    engine.dispose()


@pytest.mark.parametrize("comment", [FULL, Comment(text="Merci."), Comment(text="", name="")])
def test_what_is_stored_is_found_as_it_was(engine: Engine, comment: Comment) -> None:
    sent = submission(comment=comment)

    assert [sent] == store.add(engine, [sent])
    assert sent == store.find(engine, "default", id=sent.id)
    if comment.external_id:
        assert sent == store.find(engine, "default", external_id=comment.external_id)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),  # tomorrow in Tokyo, where no year 10000 is known
        datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=1))),  # an hour that Paris does not have
    ],
)
def test_a_moment_stays_what_it_was(engine: Engine, moment: datetime) -> None:
    sent = submission(comment=Comment(text="Merci.", submitted_at=moment))
    store.add(engine, [sent])
    found = store.find(engine, "default", id=sent.id)

    assert found is not None
    assert moment == found.comment.submitted_at
    assert found.comment.submitted_at is not None
    assert timedelta() == found.comment.submitted_at.utcoffset()


def test_what_was_never_stored_is_not_found(engine: Engine) -> None:
    sent = submission(comment=FULL)
    store.add(engine, [sent])

    assert store.find(engine, "default", id=str(uuid.uuid4())) is None
    assert store.find(engine, "default", external_id="x-2") is None
    assert store.find(engine, "another", id=sent.id) is None
    assert store.find(engine, "another", external_id="x-1") is None


def test_the_same_external_id_gives_the_first_submission(engine: Engine) -> None:
    first, again = submission(comment=FULL), submission(comment=dataclasses.replace(FULL, text="Autre."))
    elsewhere = submission(comment=FULL, site="another")

    assert [first] == store.add(engine, [first])
    assert [first, elsewhere] == store.add(engine, [again, elsewhere])
    assert (2, 2) == counted(engine)


def test_one_call_may_name_an_external_id_twice(engine: Engine) -> None:
    first, again, other = submission(comment=FULL), submission(comment=FULL), submission()

    assert [first, other, first] == store.add(engine, [first, other, again])
    assert (2, 2) == counted(engine)


def test_all_are_stored_or_none_and_no_data_is_told(engine: Engine) -> None:
    good = submission(comment=FULL)
    twin = submission(id=good.id, comment=Comment(text="Secret", name="Nathanaëlle"))

    with pytest.raises(StoreError) as told:
        store.add(engine, [good, twin])
    for word in ("Secret", "Nathanaëlle", good.id, "zoe@exemple.fr"):
        assert word not in str(told.value)
    assert (0, 0) == counted(engine)


def test_a_submission_takes_its_judgement_with_it(engine: Engine) -> None:
    sent = submission()
    store.add(engine, [sent, submission()])
    with engine.begin() as connection:
        connection.execute(delete(store.submissions).where(store.submissions.c.id == sent.id))

    assert (1, 1) == counted(engine)


def test_two_processes_that_write_at_once_lose_nothing(engine: Engine, url: str) -> None:
    writers = [start_writer(url, prefix, 100) for prefix in ("one", "two")]
    said = [writer.communicate(timeout=60)[0].split() for writer in writers]

    assert [0, 0] == [writer.returncode for writer in writers]
    assert [100, 100] == list(map(len, said))
    assert said[0][1::2] == said[1][1::2]  # both were given the one submission of each shared id
    assert (150, 150) == counted(engine)
    assert all(store.find(engine, "default", id=kept) for ids in said for kept in ids)


def test_what_was_acknowledged_is_there_after_kill_9(engine: Engine, url: str) -> None:
    writer = start_writer(url, "kill", 1_000_000)
    assert writer.stdout is not None
    said = [writer.stdout.readline().strip() for _ in range(30)]
    writer.send_signal(signal.SIGKILL)
    said += writer.stdout.read().split()
    writer.stdout.close()

    assert -signal.SIGKILL == writer.wait(timeout=10)
    whole = [kept for kept in said if len(kept) == 36]  # the last line may have been cut
    assert len(whole) >= 30
    assert all(store.find(engine, "default", id=kept) for kept in whole)
    submissions, judgements = counted(engine)
    assert submissions == judgements
    assert 0 <= submissions - len(whole) <= 1  # at most the one that was not yet said


def test_sqlite_writes_ahead_and_syncs_every_commit(tmp_path: Path) -> None:
    engine = store.open_engine(f"sqlite:///{tmp_path / 'store.db'}")
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()

    assert {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000} == found


def test_another_file_under_the_same_name_is_noticed(tmp_path: Path, empty_database: Path) -> None:
    # SQLite would go on writing to the old file: a restored backup would be neither read nor written.
    path = tmp_path / "store.db"
    shutil.copy(empty_database, path)
    engine = store.open_engine(f"sqlite:///{path}")
    sent = submission()
    store.add(engine, [sent])
    for file in tmp_path.glob("store.db*"):
        file.unlink()
    shutil.copy(empty_database, path)
    new = submission()
    store.add(engine, [new])

    assert store.find(engine, "default", id=sent.id) is None
    other = store.open_engine(f"sqlite:///{path}")
    assert new == store.find(other, "default", id=new.id)
    for each in (engine, other):
        each.dispose()


def test_the_folder_of_the_database_is_made(tmp_path: Path) -> None:
    engine = store.open_engine(f"sqlite:///{tmp_path / 'a' / 'b' / 'store.db'}")
    store.upgrade(engine)
    store.check(engine)
    engine.dispose()


@pytest.mark.parametrize(
    "wrong",
    ["", "vigie.db", "sqlite://", "mysql://localhost/vigie", "postgres://localhost/vigie", "http://localhost/",
     "postgresql://vigie:secret@localhost:port/vigie", "postgresql://vigie:secret@[::1/vigie"],
)  # fmt: skip
def test_an_address_of_no_supported_database_is_told(wrong: str) -> None:
    with pytest.raises(StoreError, match="expected a database URL sqlite:///… or postgresql://…") as told:
        store.open_engine(wrong)
    assert "secret" not in str(told.value)


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    engine = store.open_engine("postgresql://vigie:secret@127.0.0.1:1/vigie")

    with pytest.raises(StoreError) as told:
        store.check(engine)
    assert "secret" not in str(told.value)


# What the console asks, on both databases.


def test_a_search_minds_neither_case_nor_accents(engine: Engine) -> None:
    kept = store.add(engine, [submission(comment=Comment(text="L’ÉTÉ à Besançon, c'est 100 % génial", name="Zoé"))])
    now = datetime.now(UTC)

    for typed in ("été", "ETE", "l'ete", "besancon", "GENIAL", "100 %", "zoe"):
        assert kept == [entry.submission for entry in queue.search(engine, "default", typed, now)], typed
    for typed in ("_", "absent", "100 %%"):
        assert [] == queue.search(engine, "default", typed, now)


def test_the_queue_on_both_databases(engine: Engine) -> None:
    """Taken, passed, judged once, undone: on PostgreSQL as on SQLite."""
    held = [
        submission(
            comment=Comment(text=f"texte {number}", name="Zoé", email="Zoe@Example.org"),
            judgement=dataclasses.replace(JUDGEMENT, decision=Decision.hold, reasons=()),
        )
        for number in range(3)
    ]
    ids = [one.id for one in store.add(engine, held)]
    now = datetime.now(UTC)
    members.add_moderator(engine, "Anne", "moderator", "x", now)
    anne, lease = Who(actor="Anne", id=members.all_moderators(engine)[0].id), timedelta(minutes=5)
    first = queue.take_next(engine, "default", anne, now, lease)
    second = queue.take_next(engine, "default", anne, now, lease, passed=first)

    assert {first, second} < set(ids)
    assert first != second
    assert second != queue.take_next(engine, "default", anne, now, lease, passed=second, worst_first=True)
    given = verdicts.give(engine, str(first), Verdict(Decision.reject, {"spam": 1}), anne, now, told={"default"})
    with pytest.raises(AlreadyJudgedError):
        verdicts.give(engine, str(first), Verdict(Decision.accept, {}), anne, now)
    assert (2, {}, {}) == queue.counts(engine, "default")
    assert first == verdicts.withdraw(engine, given.id, anne, now, lease, told={"default"})
    assert 3 == queue.counts(engine, "default")[0]
    assert 2 == len(outbox.due(engine, now, lease))
    assert 2 == len(queue.by_author(engine, held[0], now))
    assert 3 == erase_author(engine, "default", {"email": "zoe@example.ORG"}, Who(actor="test"), datetime.now(UTC))
    with pytest.raises(verdicts.GoneError):
        verdicts.give(engine, ids[0], Verdict(Decision.accept, {}), anne, now)
    assert 30 == len(figures(engine, "default", now, ZoneInfo("Europe/Paris")).days)
    assert words.add(engine, "default", "patate", "hold", "Anne", now)
    assert not words.add(engine, "default", "patate", "hold", "Anne", now)
    assert ["patate"] == [listed.word for listed in words.listed(engine, "default", now)]
    assert {"accepted": 0} == forget(engine, {"accepted": now})
