"""What an operator may choose: the only file that reads the environment."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from environs import Env, EnvError, validate
from marshmallow import ValidationError

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "VIGIE_"
CORAL_ACCEPTS, CORAL_HOLDS, CORAL_FAULTS = ("none", "approve"), ("withhold", "flag"), ("hold", "skip")
OTHER_LANGUAGES = ("refuse", "score")


class SettingsError(ValueError):
    """The environment says something that cannot be; the message lists every fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every choice with its default. Field `x` is the variable VIGIE_X; docs/settings.md explains it."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    proxies: int = 0
    """How many proxies in front are trusted to say who asks, by what name and whether by TLS."""
    request_timeout: int = 30
    database: str = f"sqlite:///{ROOT / 'var' / 'vigie.db'}"
    models: Path = ROOT / "models"
    policy: Path | None = None
    shadow_model: str | None = None
    shadow_policy: Path | None = None
    """A release, or limits, or both, that judge beside those in service, without effect."""
    site: str = "default"
    sites: Path | None = None
    """What is different for each of several sites: service/sites.py."""
    public_url: str | None = None
    """Where clients reach this service, when that is not what they see of it (a proxy in front)."""
    time_zone: str = "Europe/Paris"
    addresses: str = "shortened"
    """Readers' IP addresses: off, shortened or full."""
    keep_accepted_days: int = 365
    keep_held_days: int = 365
    keep_rejected_days: int = 365
    keep_acts_days: int = 365
    """What `vigie forget` leaves; 0 keeps for ever."""
    max_name_bytes: int = 245
    max_comment_bytes: int = 65_525
    max_body_bytes: int = 1_048_576
    max_batch_bytes: int = 16_777_216
    webhook_url: str | None = None
    webhook_secret: str | None = None
    coral_secrets: tuple[str, ...] = ()
    """Any of them may have signed what Coral sends."""
    coral_fault: str = "hold"
    """What Coral is told of a comment that could not be judged: hold, or skip (Coral's own rules decide)."""
    coral_accept: str = "none"
    """What Coral is told of an accepted comment: none (no opinion: its own rules go on), or approve."""
    coral_hold: str = "withhold"
    """What Coral is told of a held comment: withhold, or flag (published, with a flag)."""
    coral_deadline: int = 160
    """Milliseconds within which Coral has its answer."""
    akismet_toxicity: bool = False
    """Whether what is toxic counts as spam for Akismet's clients."""
    other_languages: str = "refuse"
    """What Perspective's clients get for other languages than French: refuse (the protocol's error) or score."""
    try_page: str = "loopback"
    """loopback, on or off."""
    log_format: str = "json"
    """json or console."""
    log_level: str = "info"
    """debug, info, warning or error."""

    @classmethod
    def from_env(cls) -> "Settings":
        """Read the VIGIE_* variables.

        Raises SettingsError for a variable that is unknown or has an impossible value, all faults at once.
        """
        default = cls()
        known = {PREFIX + name.upper() for name in cls.__dataclass_fields__}
        faults = [
            f"{name} is not a setting of Vigie, expected one of {', '.join(sorted(known))}"
            for name in sorted(os.environ)
            if name.startswith(PREFIX) and name not in known
        ]
        env = Env(eager=False, prefix=PREFIX)
        positive, days = validate.Range(min=1), validate.Range(min=0, max=36_500)
        settings = cls(
            host=env.str("HOST", default.host),
            port=env.int("PORT", default.port, validate=validate.Range(min=1, max=65535)),
            workers=env.int("WORKERS", default.workers, validate=validate.Range(min=1, max=64)),
            proxies=env.int("PROXIES", default.proxies, validate=validate.Range(min=0, max=8)),
            request_timeout=env.int("REQUEST_TIMEOUT", default.request_timeout, validate=positive),
            database=env.str("DATABASE", default.database, validate=validate.Length(min=1)),
            models=env.path("MODELS", default.models),
            policy=env.path("POLICY", default.policy),
            shadow_model=env.str("SHADOW_MODEL", default.shadow_model),
            shadow_policy=env.path("SHADOW_POLICY", default.shadow_policy),
            site=env.str("SITE", default.site, validate=validate.Length(min=1, max=100)),
            sites=env.path("SITES", default.sites),
            public_url=env.str("PUBLIC_URL", default.public_url, validate=is_address),
            time_zone=env.str("TIME_ZONE", default.time_zone, validate=_is_time_zone),
            addresses=env.str("ADDRESSES", default.addresses, validate=validate.OneOf(["off", "shortened", "full"])),
            keep_accepted_days=env.int("KEEP_ACCEPTED_DAYS", default.keep_accepted_days, validate=days),
            keep_held_days=env.int("KEEP_HELD_DAYS", default.keep_held_days, validate=days),
            keep_rejected_days=env.int("KEEP_REJECTED_DAYS", default.keep_rejected_days, validate=days),
            keep_acts_days=env.int("KEEP_ACTS_DAYS", default.keep_acts_days, validate=days),
            max_name_bytes=env.int("MAX_NAME_BYTES", default.max_name_bytes, validate=positive),
            max_comment_bytes=env.int("MAX_COMMENT_BYTES", default.max_comment_bytes, validate=positive),
            max_body_bytes=env.int("MAX_BODY_BYTES", default.max_body_bytes, validate=positive),
            max_batch_bytes=env.int("MAX_BATCH_BYTES", default.max_batch_bytes, validate=positive),
            webhook_url=env.str("WEBHOOK_URL", default.webhook_url, validate=is_address),
            webhook_secret=env.str("WEBHOOK_SECRET", default.webhook_secret, validate=is_secret),
            coral_secrets=tuple(env.list("CORAL_SECRETS", [], validate=are_secrets) or ()),
            coral_accept=env.str("CORAL_ACCEPT", default.coral_accept, validate=validate.OneOf(CORAL_ACCEPTS)),
            coral_hold=env.str("CORAL_HOLD", default.coral_hold, validate=validate.OneOf(CORAL_HOLDS)),
            coral_fault=env.str("CORAL_FAULT", default.coral_fault, validate=validate.OneOf(CORAL_FAULTS)),
            coral_deadline=env.int("CORAL_DEADLINE", default.coral_deadline, validate=validate.Range(min=20, max=9000)),
            akismet_toxicity=env.bool("AKISMET_TOXICITY", default.akismet_toxicity),
            other_languages=env.str(
                "OTHER_LANGUAGES", default.other_languages, validate=validate.OneOf(OTHER_LANGUAGES)
            ),
            try_page=env.str("TRY_PAGE", default.try_page, validate=validate.OneOf(["loopback", "on", "off"])),
            log_format=env.str("LOG_FORMAT", default.log_format, validate=validate.OneOf(["json", "console"])),
            log_level=env.str(
                "LOG_LEVEL", default.log_level, validate=validate.OneOf(["debug", "info", "warning", "error"])
            ),
        )
        try:
            env.seal()
        except EnvError as error:
            faults.append(str(error))
        if (settings.webhook_url is None) != (settings.webhook_secret is None):
            faults.append("VIGIE_WEBHOOK_URL and VIGIE_WEBHOOK_SECRET: expected both or none, found one")
        if faults:
            raise SettingsError("; ".join(faults))
        return settings


def is_address(url: str | None) -> None:
    """Raise ValidationError unless *url* is None or an address of the web."""
    if url is None:
        return
    try:
        parts = urlsplit(url)
        readable = url.isascii() and parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        readable = False
    if not readable:
        raise ValidationError("expected an address http://… or https://… in ASCII")


def is_secret(secret: str | None) -> None:
    """Raise ValidationError unless *secret* is None or long enough."""
    if secret is not None and len(secret) < 16:
        raise ValidationError("expected at least 16 characters")


def are_secrets(secrets: list[str]) -> None:
    """Raise ValidationError unless each of *secrets* is long enough."""
    for secret in secrets:
        is_secret(secret)


def _is_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(f"expected a time zone such as Europe/Paris, found {name!r}")
