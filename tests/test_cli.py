"""The `vigie` command: what it writes, its exit codes, and one sentence for whatever stands in the way."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service import cli, store
from service.cli import main
from service.model import Model

HELD = "Espèce de connard, tu es un abruti !"
GOOD = "Merci pour cet article."
Vigie = Callable[..., Result]


class WouldServe(Exception):  # noqa: N818 - nothing is wrong
    """What gunicorn would have been started with."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty_database: Path) -> Path:
    """Set a database of the test's own and no other setting; a start ends before it becomes gunicorn."""

    def instead(executable: str, command: list[str], environment: dict[str, str]) -> None:
        raise WouldServe(command, environment)

    for name in os.environ:
        if name.startswith("VIGIE_"):
            monkeypatch.delenv(name)
    database = tmp_path / "vigie.db"
    shutil.copy(empty_database, database)
    monkeypatch.setenv("VIGIE_DATABASE", f"sqlite:///{database}")
    monkeypatch.setattr("service.cli.os.execve", instead)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return database


@pytest.fixture
def vigie() -> Vigie:
    def run(*arguments: str | Path, **more: Any) -> Result:
        return CliRunner().invoke(main, list(map(str, arguments)), prog_name="vigie", **more)

    return run


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, model: Model) -> None:
    """Do not load the release again for each command."""
    monkeypatch.setattr(cli, "load_model", lambda models, version=None: model)


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: Model) -> Path:
    """A folder with a copy of the release in service, to be spoilt."""
    folder = tmp_path / "models"
    shutil.copytree(model.folder, folder / model.version)
    shutil.copy(model.folder.parent / "current.toml", folder)
    monkeypatch.setenv("VIGIE_MODELS", str(folder))
    return folder


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n") if line]


def stopped(result: Result, *words: str) -> None:
    """Assert that a command ended by one sentence on stderr that says *words*, with exit code 1 and no traceback."""
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert (1, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith("Error: ")
    assert 1 == len(result.stderr.splitlines()), result.stderr
    for word in words:
        assert word in result.stderr


def write(path: Path, *members: Any) -> Path:
    path.write_text("".join(json.dumps(member, ensure_ascii=False) + "\n" for member in members), "utf-8")
    return path


def test_lines_are_judged_in_order_and_keep_their_fields(vigie: Vigie, quick: None, tmp_path: Path) -> None:
    sent = [
        {"id": 7, "comment": HELD, "author": {"é": [1, None, 2.5]}},
        {"comment": GOOD, "name": "Zoé", "error": "d'autrefois"},  # a field of theirs that is named as one of ours
        {"comment": "👍", "store": "whatever", "x": "\u2028"},
    ]
    result = vigie("score", write(tmp_path / "in.jsonl", *sent))
    told = rows(result.stdout)

    assert (0, "") == (result.exit_code, result.stderr)
    assert ["hold", "accept", "accept"] == [row["decision"] for row in told]
    for before, after in zip(sent, told, strict=True):
        assert [*before, "decision", "reasons", "scores", "model", "policy"] == list(after)
        assert before.items() <= after.items()
    assert told[0]["reasons"][0]["code"] in told[0]["scores"]


def test_bad_lines_are_kept_with_their_error_and_told_by_number(vigie: Vigie, quick: None, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    lines = [
        json.dumps({"comment": GOOD}).encode(),
        b"{",
        b"",
        b"[]",
        b'{"id": 5}',
        b'{"comment": " "}',
        b'{"comment": 5}',
        b'{"comment": "a\\u0000b"}',
        b'{"comment": "\\ud800b"}',  # cannot be written again
        b'{"comment": "a", "x": NaN}',
        b'{"comment": "a", "x": 1e999}',
        b'{"comment": "\xff"}',
        b"[" * 100_000,
        b'{"comment": "a", "name": ' + b"9" * 5000 + b"}",
        json.dumps({"comment": HELD}).encode(),
    ]
    file.write_bytes(b"\n".join(lines))
    result = vigie("score", file)
    told = rows(result.stdout)

    assert 1 == result.exit_code
    assert len(lines) == len(told)
    assert [1, 15] == [number for number, row in enumerate(told, 1) if "decision" in row]
    assert {"id": 5, "error": "comment: S'il vous plaît entrez votre commentaire!"} == told[4]
    assert {"comment": 5, "error": "comment: Ce champ doit être un texte."} == told[6]
    assert all(row["error"] for number, row in enumerate(told, 1) if number not in {1, 15})
    *named, last = result.stderr.splitlines()
    assert [f"line {n}" for n in range(2, 15)] == [line.split(":")[0] for line in named]
    assert "Error: 13 line(s) could not be judged" == last


@pytest.mark.parametrize(
    ("sent", "decisions"),
    [
        (b"", []),
        (b'{"comment": "Merci."}', ["accept"]),  # no line break at the end
        (b'{"comment": "Merci."}\r\n{"comment": "Merci."}\r\n', ["accept", "accept"]),
        (b'\xef\xbb\xbf{"comment": "Merci."}\n', ["accept"]),  # a byte order mark
        (b'{"comment": "a\\nb"}\n', ["accept"]),
    ],
)
def test_standard_input_is_read_when_no_file_is_named(
    vigie: Vigie, quick: None, sent: bytes, decisions: list[str]
) -> None:
    for arguments in (["score"], ["score", "-"]):
        result = vigie(*arguments, input=sent)

        assert 0 == result.exit_code, result.stderr
        assert decisions == [row["decision"] for row in rows(result.stdout)]


def test_the_result_may_go_to_a_file(vigie: Vigie, quick: None, tmp_path: Path) -> None:
    result = vigie("score", write(tmp_path / "in.jsonl", {"comment": HELD}), "--output", tmp_path / "out.jsonl")

    assert (0, "") == (result.exit_code, result.stdout)
    assert ["hold"] == [row["decision"] for row in rows((tmp_path / "out.jsonl").read_text("utf-8"))]


def test_ten_thousand_lines_never_wait_together(
    vigie: Vigie, quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Model
) -> None:
    sizes: list[int] = []
    judged = cli._judged

    def watched(moderation: Any, batch: list[Any]) -> Iterator[Any]:
        sizes.append(len(batch))
        return judged(moderation, batch)

    monkeypatch.setattr(cli, "_judged", watched)
    result = vigie("score", write(tmp_path / "in.jsonl", *({"n": n, "comment": "Oui."} for n in range(10_000))))

    assert 0 == result.exit_code
    assert list(range(10_000)) == [row["n"] for row in rows(result.stdout)]
    assert 10_000 == sum(sizes)
    assert max(sizes) <= 1000


def test_scoring_stores_nothing(vigie: Vigie, quick: None, environment: Path, tmp_path: Path) -> None:
    environment.unlink()

    assert 0 == vigie("score", write(tmp_path / "in.jsonl", {"comment": GOOD})).exit_code
    assert 0 == vigie("judge", GOOD).exit_code
    assert not environment.exists()


def test_one_text_is_judged_with_its_reasons_in_french(vigie: Vigie, quick: None) -> None:
    held, good = vigie("judge", HELD), vigie("judge", GOOD)

    assert "hold" == held.stdout.splitlines()[0]
    assert "hold   insult_words: Le commentaire contient une injure. « connard »" in held.stdout
    assert "≥" in held.stdout
    assert (0, "accept\n") == (good.exit_code, good.stdout)


def test_one_text_is_judged_as_the_api_does(vigie: Vigie, quick: None) -> None:
    told = json.loads(vigie("judge", HELD, "--json", "--name", "Zoé").stdout)

    assert ["decision", "reasons", "scores", "model", "policy"] == list(told)
    assert "hold" == told["decision"]


@pytest.mark.parametrize("arguments", [["", "comment"], [" \u200b", "comment"], ["a\x00b", "comment"]])
def test_a_text_that_is_none_is_wrong_usage(vigie: Vigie, quick: None, arguments: list[str]) -> None:
    text, field = arguments
    result = vigie("judge", text)

    assert 2 == result.exit_code
    assert f"Error: {field}: " in result.stderr


@pytest.mark.parametrize(
    "command", ["", "serve", "score", "judge", "db", "db upgrade", "model", "model check", "model use"]
)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_explains_itself(
    vigie: Vigie, monkeypatch: pytest.MonkeyPatch, command: str, option: str
) -> None:
    monkeypatch.setenv("VIGIE_WRONG", "a help needs no settings")
    result = vigie(*command.split(), option)

    assert 0 == result.exit_code
    assert len(result.stdout.splitlines()) > 4


@pytest.mark.parametrize(
    "arguments",
    [["nothing"], ["judge"], ["judge", "a", "b"], ["score", "no-such-file"], ["score", "--nothing"], ["model", "use"],
     ["db"], ["score", "--output"]],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_exit_code_2(vigie: Vigie, quick: None, arguments: list[str]) -> None:
    result = vigie(*arguments)

    assert 2 == result.exit_code
    assert "" == result.stdout


def test_the_version_is_told(vigie: Vigie) -> None:
    assert vigie("--version").stdout.startswith("vigie, version ")


def test_the_tables_are_made_and_made_again(vigie: Vigie, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VIGIE_DATABASE", f"sqlite:///{tmp_path / 'new' / 'vigie.db'}")

    for _ in range(2):
        assert 0 == vigie("db", "upgrade").exit_code
    engine = store.open_engine(f"sqlite:///{tmp_path / 'new' / 'vigie.db'}")
    store.check(engine)
    engine.dispose()


def test_a_good_start_becomes_gunicorn(vigie: Vigie, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_PORT", str(free_port()))
    result = vigie("serve")

    assert isinstance(result.exception, WouldServe)
    command, environment = result.exception.args
    assert command[1:3] == ["-m", "gunicorn"]
    assert "service.wsgi:app" == command[-1]
    assert Path(environment["PROMETHEUS_MULTIPROC_DIR"]).is_dir()
    assert f"http://127.0.0.1:{os.environ['VIGIE_PORT']}/essai" in result.stderr


def test_the_release_in_service_is_checked(vigie: Vigie, model: Model) -> None:
    result = vigie("model", "check")

    assert 0 == result.exit_code, result.stderr
    assert f"model {model.version}, policy {model.version}: " in result.stdout


def test_a_roll_out_can_be_taken_back(vigie: Vigie, models: Path, model: Model) -> None:
    before = (models / "current.toml").read_text("utf-8")
    shutil.copytree(models / model.version, models / "next")
    out = vigie("model", "use", "next")

    assert (0, f"model next is in service from the next start or SIGHUP on (was: {model.version})\n") == (
        out.exit_code,
        out.stdout,
    )
    assert "model next," in vigie("model", "check").stdout
    back = vigie("model", "use", model.version)
    assert 0 == back.exit_code
    assert before == (models / "current.toml").read_text("utf-8")


def test_a_broken_release_is_not_rolled_out(vigie: Vigie, models: Path, model: Model) -> None:
    before = (models / "current.toml").read_bytes()
    shutil.copytree(models / model.version, models / "next")
    flip(models / "next" / "policy.toml")

    stopped(vigie("model", "use", "next"), "policy.toml", "expected sha256")
    stopped(vigie("model", "use", "nothing"), "nothing", "release.json")
    stopped(vigie("model", "check", "next"), "policy.toml", "expected sha256")
    assert before == (models / "current.toml").read_bytes()
    assert not list(models.glob(".*"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def flip(path: Path) -> None:
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) // 2] ^= 1
    path.write_bytes(spoilt)


def _release(models: Path, **changes: Any) -> None:
    """Change release.json and make current.toml agree with it."""
    (path,) = models.glob("*/release.json")
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (models / "current.toml").write_text(f'version = "{path.parent.name}"\nsha256 = "{digest}"\n', "utf-8")


SPOILT: dict[str, tuple[Callable[[Path], Any], tuple[str, ...]]] = {
    "flipped byte in the model": (lambda m: flip(next(m.glob("*/model.joblib"))), ("model.joblib", "expected sha256")),
    "flipped byte in its card": (lambda m: flip(next(m.glob("*/card.md"))), ("card.md", "expected sha256")),
    "flipped byte in release.json": (
        lambda m: flip(next(m.glob("*/release.json"))),
        ("release.json", "expected sha256"),
    ),
    "no model": (lambda m: next(m.glob("*/model.joblib")).unlink(), ("model.joblib", "No such file")),
    "a folder for a model": (
        lambda m: (next(m.glob("*/model.joblib")).unlink(), (m / next(m.glob("2*")).name / "model.joblib").mkdir()),
        ("model.joblib", "Is a directory"),
    ),
    "no release in service": (lambda m: (m / "current.toml").unlink(), ("current.toml", "expected version and sha256")),
    "current.toml is no TOML": (lambda m: (m / "current.toml").write_text("version"), ("current.toml",)),
    "a release that is not there": (
        lambda m: (m / "current.toml").write_text('version = "x"\nsha256 = "x"'),
        ("release.json", "No such file"),
    ),
    "another library": (
        lambda m: _release(m, libraries={"scikit-learn": "0.1.0"}),
        ("expected scikit-learn 0.1.0", "found "),
    ),
    "a library that is not there": (
        lambda m: _release(m, libraries={"no-such-library": "1"}),
        ("expected no-such-library 1",),
    ),
    "another reading of texts": (
        lambda m: _release(m, probes=[{"text": "Merci.", "scores": {"toxicity": 0.999}}]),
        ("expected the scores", "found"),
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_release_stops_the_start(vigie: Vigie, models: Path, name: str) -> None:
    spoil, words = SPOILT[name]
    spoil(models)

    stopped(vigie("serve"), *words)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("VIGIE_DATABSE", "x", ("VIGIE_DATABSE is not a setting of Vigie", "VIGIE_DATABASE")),
        ("VIGIE_PORT", "http", ("VIGIE_PORT",)),
        ("VIGIE_WORKERS", "0", ("VIGIE_WORKERS",)),
        ("VIGIE_LOG_LEVEL", "loud", ("VIGIE_LOG_LEVEL", "debug")),
        ("VIGIE_MODELS", "/nowhere", ("/nowhere/current.toml",)),
        ("VIGIE_POLICY", "/nowhere.toml", ("/nowhere.toml", "expected a readable TOML file")),
        ("VIGIE_POLICY", "/", ("expected a readable TOML file",)),
        ("VIGIE_DATABASE", "mysql://u:secret@h/d", ("expected a database URL",)),
        ("VIGIE_DATABASE", "postgresql://u:secret@h:port/d", ("expected a database URL",)),
        ("VIGIE_DATABASE", "postgresql://u:secret@127.0.0.1:1/d", ("OperationalError", "refused")),
        ("VIGIE_DATABASE", "sqlite:////dev/null/vigie.db", ("unable to open database file",)),
        ("VIGIE_DATABASE", "sqlite:////", ("unable to open database file",)),
        ("VIGIE_DATABASE", "sqlite:///no-such-folder/vigie.db", ("unable to open database file",)),
        ("VIGIE_DATABASE", "sqlite:///new.db", ("found None: run `vigie db upgrade`",)),
        ("VIGIE_HOST", "192.0.2.1", ("expected 192.0.2.1:8000 to be free to serve on",)),
        ("VIGIE_HOST", "no such host", ("expected no such host:8000 to be free to serve on",)),
    ],
)
def test_a_bad_setting_stops_the_start(
    vigie: Vigie, quick: None, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest,
    variable: str, value: str, words: tuple[str, ...],
) -> None:  # fmt: skip
    if variable == "VIGIE_MODELS":
        monkeypatch.undo()  # this one needs the real loader, and nothing else
        monkeypatch.setattr("service.cli.os.execve", lambda *_: pytest.fail("it started"))
    monkeypatch.setenv(variable, value)
    result = vigie("serve")

    stopped(result, *words)
    assert "secret" not in result.stderr


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("[attributes.toxicity", ("expected a readable TOML file",)),
        ("[attributes.nastiness]\nhold = 0.5", ("[attributes.nastiness] is unknown", "toxicity")),
        ("[attributes.toxicity]\nhold = 2", ("hold = 2", "expected false or a number above 0, up to 1")),
        ("[attributes.toxicity]\nhold = 0.9\nreject = 0.5", ("rejects from 0.5 but holds from 0.9",)),
        ("[signals.links]\nban = 1", ("ban is unknown",)),
        ("hold = 1", ("hold unknown",)),
        ("\xff", ("expected a readable TOML file",)),
    ],
)
def test_a_bad_policy_of_the_site_stops_the_start(
    vigie: Vigie, quick: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, policy: str, words: tuple[str, ...]
) -> None:
    (tmp_path / "site.toml").write_text(policy, "latin-1")
    monkeypatch.setenv("VIGIE_POLICY", str(tmp_path / "site.toml"))

    stopped(vigie("serve"), "site.toml", *words)
    stopped(vigie("judge", GOOD), "site.toml", *words)


def test_a_port_that_is_taken_stops_the_start(vigie: Vigie, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("VIGIE_PORT", str(port))

        stopped(vigie("serve"), f"expected 127.0.0.1:{port} to be free to serve on", "Address already in use")


def test_a_database_under_a_file_cannot_be_made(vigie: Vigie, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VIGIE_DATABASE", f"sqlite:///{tmp_path / 'file' / 'vigie.db'}")

    stopped(vigie("db", "upgrade"), str(tmp_path / "file"), "File exists")


def test_tables_of_a_later_version_stop_the_start(vigie: Vigie, quick: None, environment: Path) -> None:
    engine = store.open_engine(f"sqlite:///{environment}")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()

    stopped(vigie("serve"), "found 9999")
    stopped(vigie("db", "upgrade"), "9999")


def test_a_database_that_cannot_be_written_stops_the_start(
    vigie: Vigie, quick: None, monkeypatch: pytest.MonkeyPatch, empty_database: Path
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # pytest's own folders are closed to others
        folder = Path(name)
        shutil.copy(empty_database, folder / "vigie.db")
        (folder / "vigie.db").chmod(0o444)
        folder.chmod(0o555)
        monkeypatch.setenv("VIGIE_DATABASE", f"sqlite:///{folder / 'vigie.db'}")
        monkeypatch.setenv("VIGIE_PORT", str(free_port()))
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)  # root may write what nobody may
        try:
            result = vigie("serve")
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)

    stopped(result, "database")


def test_the_command_itself_ends_by_one_sentence(tmp_path: Path) -> None:
    for environment, words in (
        ({"VIGIE_TRY_PAGES": "on"}, "VIGIE_TRY_PAGES is not a setting of Vigie"),
        ({"VIGIE_DATABASE": f"sqlite:///{tmp_path / 'none' / 'vigie.db'}"}, "unable to open database file"),
    ):
        ran = subprocess.run(
            [Path(sys.executable).with_name("vigie"), "serve"],
            env={"PATH": os.environ["PATH"], **environment}, cwd=tmp_path, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip

        assert (1, "") == (ran.returncode, ran.stdout)
        assert 1 == len(ran.stderr.splitlines()), ran.stderr
        assert words in ran.stderr


def test_a_reader_that_goes_away_ends_scoring_quietly(tmp_path: Path) -> None:
    file = write(tmp_path / "in.jsonl", *({"comment": "Oui. " * 20} for _ in range(3000)))
    with subprocess.Popen(
        [Path(sys.executable).with_name("vigie"), "score", file],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"]},
    ) as scoring:  # fmt: skip
        assert scoring.stdout is not None
        assert "decision" in json.loads(scoring.stdout.readline())
        scoring.stdout.close()
        assert scoring.stderr is not None
        said = scoring.stderr.read()

    assert 1 == scoring.returncode
    assert "Traceback" not in said
