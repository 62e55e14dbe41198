"""Commands about people and what is kept of them: accounts, labels, the right to see and to be forgotten."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, TextIO

import click
from sqlalchemy import Engine

from service import keys, store
from service.accounts import hash_password
from service.domain import Decision
from service.model import current
from service.policy import Policy, load_policy, reasons
from service.settings import Settings
from service.sites import Site, load_sites
from service.store import keys as store_keys
from service.store import labels, members, shadows
from service.store.acts import Who
from service.store.shadows import Compared
from service.text import is_blank


@click.group()
def export() -> None:
    """What leaves the store."""


@export.command(name="labels")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Verdicts from that day on")
@click.option(
    "--output", type=click.File("w", encoding="utf-8"), default="-", help="Where to write; default: standard output"
)
@click.option("--site", help="Verdicts of that site alone")
def export_labels(since: datetime | None, output: TextIO, site: str | None) -> None:
    """Write what verdicts teach, in JSON Lines: `python -m training train --examples FILE` learns from it."""
    click.echo(f"{write_labels(output, since, site)} verdict(s)", err=True)


def write_labels(output: TextIO, since: datetime | None = None, site: str | None = None) -> int:
    """Write what the verdicts of the store teach, of one site or all, in JSON Lines; return how many lines.

    Raises StoreError when the store cannot be read, SettingsError for settings that name none.
    """
    rows = 0
    moment = since.replace(tzinfo=UTC) if since else None
    for name in [_site(site).name] if site else load_sites(Settings.from_env()):
        for row in labels.labels(_engine(), name, moment):
            output.write(json.dumps(row, ensure_ascii=False) + "\n")
            rows += 1
    return rows


@click.command()
@click.option(
    "--policy",
    "site_policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Limits laid over the release's, as VIGIE_POLICY would  [default: VIGIE_POLICY]",
)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Comments from that day on")
@click.option("--site", help="The site whose comments are meant  [default: VIGIE_SITE]")
@click.option("--shadow", is_flag=True, help="What VIGIE_SHADOW_MODEL and VIGIE_SHADOW_POLICY have judged beside")
def backtest(site_policy: Path | None, since: datetime | None, site: str | None, shadow: bool) -> None:
    """Tell what a policy would have decided on what is kept, and how often people would have agreed.

    Nothing is scored again: each comment keeps the scores and signals that it was judged by, whatever model that was.
    """
    settings, of = Settings.from_env(), _site(site)
    version = (settings.shadow_model if shadow else None) or current(settings.models)[0]
    chosen = (settings.shadow_policy or settings.policy) if shadow else (site_policy or of.policy)
    policy = load_policy(settings.models / version / "policy.toml", chosen)
    moment = since.replace(tzinfo=UTC) if since else None
    found = (
        shadows.compared(_engine(), of.name, version, policy.version, moment)
        if shadow
        else _tried(policy, of.name, moment)
    )
    changes: Counter[tuple[Decision, Decision]] = Counter()
    agreed: Counter[tuple[str, Decision, Decision]] = Counter()
    for was, would, verdict in found:
        changes[was, would] += 1
        if verdict is not None:
            agreed["was", was, verdict] += 1
            agreed["would be", would, verdict] += 1
    click.echo(f"{changes.total()} comment(s), {f'model {version}, ' if shadow else ''}policy {policy.version}\n")
    click.echo("decided    would be:  accept    hold  reject")
    for old in Decision:
        click.echo(f"{old.name:20}" + "".join(f"{changes[old, new]:8}" for new in Decision))
    if agreed:
        click.echo("\nOf those that a person judged:")
        click.echo(f"{'':24}accepted  rejected")
        for decision, when in product(Decision, ("was", "would be")):
            told = "".join(f"{agreed[when, decision, verdict]:10}" for verdict in (Decision.accept, Decision.reject))
            click.echo(f"{when + ' ' + decision.name:22}{told}")


def _tried(policy: Policy, site: str, since: datetime | None) -> Iterator[Compared]:
    for was, verdict in labels.judged(_engine(), site, since):
        would = max((reason.decision for reason in reasons(policy, was.scores, was.signals)), default=Decision.accept)
        yield was.decision, would, verdict


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
    gone = labels.forget(_engine(), before)
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
    return click.option("--site", help="The site that they write to  [default: VIGIE_SITE]")(command)


@author.command(name="export")
@who
def export_author(site: str | None, **wanted: str | None) -> None:
    """Write everything that is kept of an author as one JSON list."""
    found = labels.author(_engine(), _site(site).name, _author(wanted))
    click.echo(json.dumps(found, ensure_ascii=False, indent=1))


@author.command(name="erase")
@who
@click.confirmation_option(prompt="Erase everything that is kept of this author?")
def erase_author(site: str | None, **wanted: str | None) -> None:
    """Erase everything that is kept of an author; it cannot be taken back."""
    engine = _engine()
    gone = labels.erase_author(engine, _site(site).name, _author(wanted), Who(actor="vigie author"), datetime.now(UTC))
    labels.scrub(engine)
    click.echo(f"{gone} comment(s) erased")


def _author(wanted: Mapping[str, str | None]) -> dict[str, str]:
    told = {name: value for name, value in wanted.items() if value}
    if not told:
        raise click.UsageError("expected --id, --email or --name")
    return told


@click.group()
def key() -> None:
    """The keys with which sites' programs ask; without any, only this machine is served."""


@key.command()
@click.option("--site", help="A site of VIGIE_SITES  [default: VIGIE_SITE]")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(keys.SCOPES), default=keys.USUAL_SCOPES,
              show_default=True, help="What it may do; may be given several times")  # fmt: skip
@click.option("--rate", type=click.IntRange(min=1), default=keys.USUAL_RATE, show_default=True,
              help="Comments a minute")  # fmt: skip
@click.option("--note", default="", help="To know it again: the program, the server")
def new(site: str | None, scopes: tuple[str, ...], rate: int, note: str) -> None:
    """Make a key and show it, this once: only its digest is kept."""
    of, minted = _site(site).name, keys.mint()
    store_keys.add(_engine(), keys.digest(minted), of, scopes, rate, note[:200], "vigie key", datetime.now(UTC))
    click.echo(minted)


@key.command(name="list")
def list_keys() -> None:
    """Tell every key, by its number."""
    for one in store_keys.listed(_engine()):
        used = f"used {one.used_at:%Y-%m-%d}" if one.used_at else "never used"
        revoked = f", revoked {one.revoked_at:%Y-%m-%d}" if one.revoked_at else ""
        made = f"made {one.made_at:%Y-%m-%d} by {one.made_by}"
        click.echo(f"{one.id}  {one.site}  {'+'.join(one.scopes)}  {one.rate}/min  {made}, {used}{revoked}  {one.note}")


@key.command()
@click.argument("number", type=int)
def revoke(number: int) -> None:
    """End the key of that NUMBER; the service knows it within seconds."""
    if not store_keys.revoke(_engine(), number, datetime.now(UTC)):
        raise click.ClickException(f"expected the number of a key in force, found {number}")
    click.echo(f"key {number} is revoked")


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


def _site(name: str | None) -> Site:
    settings = Settings.from_env()
    sites = load_sites(settings)
    if (name or settings.site) not in sites:
        raise click.UsageError(f"expected one of the sites {', '.join(sites)}, found {name}")
    return sites[name or settings.site]


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
