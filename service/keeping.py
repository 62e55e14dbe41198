"""Commands about people and what is kept of them: accounts, labels, the right to see and to be forgotten."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, TextIO

import click
from sqlalchemy import Engine

from service import store
from service.accounts import hash_password
from service.domain import Decision
from service.model import current
from service.policy import load_policy, reasons
from service.settings import Settings
from service.store import labels, members
from service.text import is_blank


@click.group()
def export() -> None:
    """What leaves the store."""


@export.command(name="labels")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Verdicts from that day on")
@click.option(
    "--output", type=click.File("w", encoding="utf-8"), default="-", help="Where to write; default: standard output"
)
def export_labels(since: datetime | None, output: TextIO) -> None:
    """Write what verdicts teach, in JSON Lines: `python -m training train --examples FILE` learns from it."""
    settings, rows = Settings.from_env(), 0
    moment = since.replace(tzinfo=UTC) if since else None
    for row in labels.labels(_engine(), settings.site, moment):
        output.write(json.dumps(row, ensure_ascii=False) + "\n")
        rows += 1
    click.echo(f"{rows} verdict(s)", err=True)


@click.command()
@click.option(
    "--policy",
    "site_policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Limits laid over the release's, as VIGIE_POLICY would  [default: VIGIE_POLICY]",
)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Comments from that day on")
def backtest(site_policy: Path | None, since: datetime | None) -> None:
    """Tell what a policy would have decided on what is kept, and how often people would have agreed.

    Nothing is scored again: each comment keeps the scores and signals that it was judged by, whatever model that was.
    """
    settings = Settings.from_env()
    folder = settings.models / current(settings.models)[0]
    policy = load_policy(folder / "policy.toml", site_policy or settings.policy)
    changes: Counter[tuple[Decision, Decision]] = Counter()
    agreed: Counter[tuple[str, Decision, Decision]] = Counter()
    for was, verdict in labels.judged(_engine(), settings.site, since.replace(tzinfo=UTC) if since else None):
        would = max((reason.decision for reason in reasons(policy, was.scores, was.signals)), default=Decision.accept)
        changes[was.decision, would] += 1
        if verdict is not None:
            agreed["was", was.decision, verdict] += 1
            agreed["would be", would, verdict] += 1
    click.echo(f"{changes.total()} comment(s), policy {policy.version}\n")
    click.echo("decided    would be:  accept    hold  reject")
    for old in Decision:
        click.echo(f"{old.name:20}" + "".join(f"{changes[old, new]:8}" for new in Decision))
    if agreed:
        click.echo("\nOf those that a person judged:")
        click.echo(f"{'':24}accepted  rejected")
        for decision, when in product(Decision, ("was", "would be")):
            told = "".join(f"{agreed[when, decision, verdict]:10}" for verdict in (Decision.accept, Decision.reject))
            click.echo(f"{when + ' ' + decision.name:22}{told}")


@click.command()
def forget() -> None:
    """Erase what is older than VIGIE_KEEP_…_DAYS allow: let it run once a day."""
    settings, now = Settings.from_env(), datetime.now(UTC)
    kept = {
        "accepted": settings.keep_accepted_days,
        "held": settings.keep_held_days,
        "rejected": settings.keep_rejected_days,
        "acts": settings.keep_acts_days,
    }
    before = {kind: now - timedelta(days=days) if days else None for kind, days in kept.items()}
    gone = labels.forget(_engine(), settings.site, before)
    click.echo(", ".join(f"{kind}: {number}" for kind, number in gone.items()) or "nothing is ever forgotten")


@click.group()
def author() -> None:
    """Everything about one author: their right to see it, and to have it erased."""


def who(command: Any) -> Any:
    """Add the options that say which author is meant."""
    for option, meant in (
        ("--name", "Exact name"),
        ("--email", "Exact e-mail address"),
        ("--id", "The site's author id"),
    ):
        command = click.option(option, "author_id" if option == "--id" else option[2:], help=meant)(command)
    return command


@author.command(name="export")
@who
def export_author(**wanted: str | None) -> None:
    """Write everything that is kept of an author as one JSON list."""
    found = labels.author(_engine(), Settings.from_env().site, _author(wanted))
    click.echo(json.dumps(found, ensure_ascii=False, indent=1))


@author.command(name="erase")
@who
@click.confirmation_option(prompt="Erase everything that is kept of this author?")
def erase_author(**wanted: str | None) -> None:
    """Erase everything that is kept of an author; it cannot be taken back."""
    gone = labels.erase_author(_engine(), Settings.from_env().site, _author(wanted))
    click.echo(f"{gone} comment(s) erased")


def _author(wanted: Mapping[str, str | None]) -> dict[str, str]:
    told = {name: value for name, value in wanted.items() if value}
    if not told:
        raise click.UsageError("expected --id, --email or --name")
    return told


@click.group()
def moderator() -> None:
    """The accounts of the console at /moderation."""


@moderator.command()
@click.argument("name")
@click.option("--administrator", is_flag=True, help="May open and close accounts")
@click.password_option(help="At least 12 characters; asked for when it is not given")
def add(name: str, administrator: bool, password: str) -> None:
    """Open an account for NAME."""
    role = "administrator" if administrator else "moderator"
    members.add_moderator(_engine(), _named(name), role, _hashed(password), datetime.now(UTC))
    click.echo(f"{name} may sign in at /moderation")


@moderator.command()
@click.argument("name")
@click.password_option(help="At least 12 characters; asked for when it is not given")
def reset(name: str, password: str) -> None:
    """Give NAME another password, and open the account again; whoever is signed in with it is signed out."""
    if not members.change_moderator(_engine(), name, password=_hashed(password), disabled=False):
        raise click.ClickException(f"expected the name of an account, found none of {name}")
    click.echo(f"{name} has a new password")


@moderator.command()
@click.argument("name")
def disable(name: str) -> None:
    """Close the account of NAME at once; its verdicts stay."""
    if not members.change_moderator(_engine(), name, disabled=True):
        raise click.ClickException(f"expected the name of an account, found none of {name}")
    click.echo(f"{name} may no longer sign in")


def _engine() -> Engine:
    engine = store.open_engine(Settings.from_env().database)
    store.check(engine)
    return engine


def _named(name: str) -> str:
    if is_blank(name) or len(name) > 100:
        raise click.UsageError("expected a name of 1 to 100 characters")
    return name.strip()


def _hashed(password: str) -> str:
    try:
        return hash_password(password)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
