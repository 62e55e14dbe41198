"""The `vigie` command. Exit codes: 0 done, 1 something stands in the way (one sentence on stderr), 2 wrong usage."""

import json
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import click
from marshmallow import ValidationError
from tqdm import tqdm

from service import keeping, logs, rollout, store
from service.domain import Judgement
from service.lexicon import LexiconError, load_lexicon
from service.model import ModelError, load_model
from service.moderation import Moderation
from service.policy import PolicyError, load_policy
from service.schemas import JudgementSchema, comment_schema
from service.settings import ROOT, Settings, SettingsError
from service.store import keys
from service.text import is_blank

FAULTS = (SettingsError, ModelError, PolicyError, LexiconError, store.StoreError)
BATCH = 256


class Commands(click.Group):
    """Tells every fault that may be expected in one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FAULTS as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vigie")
def main() -> None:
    """Vigie: moderation of comments for French-language news sites."""


@main.command()
def serve() -> None:
    """Serve on VIGIE_HOST:VIGIE_PORT with gunicorn, after checking all that a start needs."""
    settings = Settings.from_env()
    _moderation(settings)
    engine = store.open_engine(settings.database)
    store.check(engine)
    keyless = not keys.known(engine)
    _check_port(settings)
    figures = tempfile.mkdtemp(prefix="vigie-metrics-")
    if settings.try_page != "off":
        host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - only told
        click.echo(f"Essayez : http://{host}:{settings.port}/essai", err=True)
    if keyless:  # in the log, which is all that an operator of containers sees
        logs.configure(settings)
        logs.log.warning("Sans clé, Vigie ne répond qu'à cette machine : `vigie key new` en fait une.")
    sys.stderr.flush()
    os.chdir(ROOT)
    command = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "service.wsgi:app"]
    os.execve(sys.executable, command, {**os.environ, "PROMETHEUS_MULTIPROC_DIR": figures})


@main.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option(
    "--output", type=click.File("w", encoding="utf-8"), default="-", help="Where to write; default: standard output"
)
def score(file: Any, output: TextIO) -> None:
    """Judge comments in JSON Lines, FILE or standard input; nothing is stored.

    Each line is an object with at least `comment`. It is written again, in order, with decision, scores and reasons. A
    line that cannot be judged is kept with `error` and named on stderr by its number; the exit code is then 1.
    """
    if Path(output.name).exists() and Path(file.name).exists() and Path(output.name).samefile(file.name):
        raise click.UsageError(f"--output {output.name} is the input itself")
    moderation = _moderation(Settings.from_env())
    faults = 0
    size = os.fstat(file.fileno()).st_size if file is not sys.stdin.buffer else None
    with tqdm(total=size, unit="B", unit_scale=True, disable=None, file=sys.stderr) as bar:
        lines = enumerate(iter(file.readline, b""), start=1)
        while batch := list(islice(lines, BATCH)):
            for number, row, fault in _judged(moderation, batch):
                if fault:
                    faults += 1
                    bar.write(f"line {number}: {fault}", file=sys.stderr)
                output.write(json.dumps(row, ensure_ascii=False) + "\n")
            bar.update(sum(len(line) for _, line in batch))
    if faults:
        raise click.ClickException(f"{faults} line(s) could not be judged")


@main.command()
@click.argument("text")
@click.option("--name", default="Anonyme", help="Name of the author")
@click.option("--json", "as_json", is_flag=True, help="Answer as the API does")
def judge(text: str, name: str, as_json: bool) -> None:
    """Judge one TEXT and say why, in French; nothing is stored."""
    try:
        received = comment_schema(2**20, 2**30).load({"name": name, "comment": text})
    except ValidationError as error:
        raise click.UsageError(_told(error)) from error
    judgement = _moderation(Settings.from_env()).judge(received.comment)
    if as_json:
        click.echo(json.dumps(_shown(judgement), ensure_ascii=False, indent=2))
        return
    click.echo(judgement.decision.name)
    for reason in judgement.reasons:
        score = "" if reason.score is None else f" ({reason.score:.2f} ≥ {reason.threshold:.2f})"
        words = ", ".join(f"« {span.text} »" for span in reason.spans)
        click.echo(f"  {reason.decision.name:6} {reason.code}: {reason.message}{score} {words}".rstrip())


@main.group()
def db() -> None:
    """The database."""


@db.command()
def upgrade() -> None:
    """Make the tables, or bring them to this version."""
    settings = Settings.from_env()
    engine = store.open_engine(settings.database)
    store.upgrade(engine)
    store.check(engine)


@main.group()
def model() -> None:
    """The releases under VIGIE_MODELS."""


@model.command()
@click.argument("version", required=False)
def check(version: str | None) -> None:
    """Check the release in service (or VERSION) as a start would, and its policy."""
    settings = Settings.from_env()
    loaded = load_model(settings.models, version)
    policy = load_policy(loaded.folder / "policy.toml", settings.policy)
    click.echo(f"model {loaded.version}, policy {policy.version}: digests, libraries and probe texts are right")


@model.command()
@click.argument("version")
def use(version: str) -> None:
    """Put VERSION in service from the next start or SIGHUP on; the same command with the former one takes it back."""
    settings = Settings.from_env()
    was = rollout.use(settings.models, version, settings.policy)
    click.echo(f"model {version} is in service from the next start or SIGHUP on (was: {was})")


for command in (keeping.export, keeping.backtest, keeping.forget, keeping.author, keeping.key, keeping.moderator):
    main.add_command(command)


def _moderation(settings: Settings) -> Moderation:
    loaded = load_model(settings.models)
    return Moderation(load_lexicon(), loaded, load_policy(loaded.folder / "policy.toml", settings.policy))


def _check_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host.strip("[]"), settings.port))
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise SettingsError(f"expected {where} to be free to serve on, found: {error.strerror}") from error


def _judged(moderation: Moderation, batch: list[tuple[int, bytes]]) -> Iterator[tuple[int, dict[str, Any], str]]:
    schema = comment_schema(2**20, 2**30)
    rows: list[tuple[int, dict[str, Any], Any, str]] = []
    for number, line in batch:
        row: dict[str, Any] = {}
        received, fault = None, ""
        try:
            row = _object(line)
            name = row.get("name")
            unnamed = name is None or (isinstance(name, str) and is_blank(name))
            received = schema.load({"name": "Anonyme" if unnamed else name, "comment": row.get("comment")})
        except (ValueError, RecursionError, ValidationError) as error:
            row["error"] = fault = _told(error)
        rows.append((number, row, received, fault))
    judgements = iter(moderation.judge_all([received.comment for _, _, received, _ in rows if received]))
    for number, row, received, fault in rows:
        yield number, row | _shown(next(judgements)) if received else row, fault


def _object(line: bytes) -> dict[str, Any]:
    row = json.loads(line.decode("utf-8-sig"))
    if not isinstance(row, dict):
        raise ValueError(f"expected a JSON object, found {type(row).__name__}")  # noqa: TRY004 - as what json says
    json.dumps(row, ensure_ascii=False, allow_nan=False).encode()  # NaN, half a surrogate pair: cannot be written again
    return row


def _told(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{field}: {' '.join(told)}" for field, told in error.messages_dict.items())
    unreadable = isinstance(error, UnicodeError | json.JSONDecodeError | RecursionError)
    return "expected JSON in UTF-8" if unreadable else str(error)


def _shown(judgement: Judgement) -> dict[str, Any]:
    shown: dict[str, Any] = JudgementSchema(exclude=["id"]).dump(judgement)
    return shown


if __name__ == "__main__":
    main()
