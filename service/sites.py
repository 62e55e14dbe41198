"""The news sites that this service judges for, and what is different for each."""

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from service.settings import (
    CORAL_ACCEPTS,
    CORAL_FAULTS,
    CORAL_HOLDS,
    OTHER_LANGUAGES,
    Settings,
    SettingsError,
    are_secrets,
    is_address,
    is_secret,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One news site. Each field means what the setting of that name means."""

    name: str
    policy: Path | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = None
    coral_secrets: tuple[str, ...] = ()
    coral_accept: str = "none"
    coral_hold: str = "withhold"
    coral_fault: str = "hold"
    akismet_toxicity: bool = False
    other_languages: str = "refuse"

    @property
    def is_told(self) -> bool:
        """Whether the site wants to be told of verdicts."""
        return self.webhook_url is not None


class SiteSchema(Schema):
    """One table of the file VIGIE_SITES."""

    policy = fields.String(validate=validate.Length(min=1))
    webhook_url = fields.String(validate=is_address)
    webhook_secret = fields.String(validate=is_secret)
    coral_secrets = fields.List(fields.String(), validate=are_secrets)
    coral_accept = fields.String(validate=validate.OneOf(CORAL_ACCEPTS))
    coral_hold = fields.String(validate=validate.OneOf(CORAL_HOLDS))
    coral_fault = fields.String(validate=validate.OneOf(CORAL_FAULTS))
    akismet_toxicity = fields.Boolean()
    other_languages = fields.String(validate=validate.OneOf(OTHER_LANGUAGES))


def load_sites(settings: Settings) -> Mapping[str, Site]:
    """Return every site by name, that of the settings first.

    The settings hold for every site, what its table in the file VIGIE_SITES says goes before. Where to tell a site of
    verdicts, and with which secrets it signs, are never shared.

    Raises SettingsError when the file cannot be read, or says something unknown.
    """
    names = ("policy", "coral_accept", "coral_hold", "coral_fault", "akismet_toxicity", "other_languages")
    common = {name: getattr(settings, name) for name in names}
    own = {name: getattr(settings, name) for name in ("webhook_url", "webhook_secret", "coral_secrets")}
    sites = {settings.site: Site(name=settings.site, **common, **own)}
    if settings.sites is None:
        return sites
    for name, table in _tables(settings.sites).items():
        site = replace(sites.get(name) or Site(name=name, **common), **_choices(settings.sites, name, table))
        if (site.webhook_url is None) != (site.webhook_secret is None):
            raise SettingsError(f"{settings.sites}: [{name}] expected webhook_url and webhook_secret, found one")
        sites[name] = site
    shared = Counter(secret for site in sites.values() for secret in set(site.coral_secrets))
    if any(number > 1 for number in shared.values()):
        raise SettingsError(f"{settings.sites}: expected coral_secrets of each site's own, found one in two sites")
    return sites


def _tables(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: expected a readable TOML file, found {error}") from error


def _choices(path: Path, name: str, table: Any) -> dict[str, Any]:
    if not isinstance(table, dict) or not 1 <= len(name) <= 100:
        raise SettingsError(f"{path}: expected a table for each site, [name], found {name!r}")
    try:
        told: dict[str, Any] = SiteSchema().load(table)
    except ValidationError as error:
        raise SettingsError(f"{path}: [{name}] {error.messages}") from error
    if "policy" in told:
        told["policy"] = path.parent / told["policy"]
    if "coral_secrets" in told:
        told["coral_secrets"] = tuple(told["coral_secrets"])
    return told
