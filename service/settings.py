"""What an operator may choose: the only file that reads the environment."""

import os
from dataclasses import dataclass
from pathlib import Path

from environs import Env, EnvError, validate

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "VIGIE_"


class SettingsError(ValueError):
    """The environment says something that cannot be; the message lists every fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every choice with its default. Field `x` is the variable VIGIE_X; docs/settings.md explains it."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    request_timeout: int = 30
    database: str = f"sqlite:///{ROOT / 'var' / 'vigie.db'}"
    models: Path = ROOT / "models"
    policy: Path | None = None
    site: str = "default"
    max_name_bytes: int = 245
    max_comment_bytes: int = 65_525
    max_body_bytes: int = 1_048_576
    max_batch_bytes: int = 16_777_216
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
        positive = validate.Range(min=1)
        settings = cls(
            host=env.str("HOST", default.host),
            port=env.int("PORT", default.port, validate=validate.Range(min=1, max=65535)),
            workers=env.int("WORKERS", default.workers, validate=validate.Range(min=1, max=64)),
            request_timeout=env.int("REQUEST_TIMEOUT", default.request_timeout, validate=positive),
            database=env.str("DATABASE", default.database, validate=validate.Length(min=1)),
            models=env.path("MODELS", default.models),
            policy=env.path("POLICY", default.policy),
            site=env.str("SITE", default.site, validate=validate.Length(min=1, max=100)),
            max_name_bytes=env.int("MAX_NAME_BYTES", default.max_name_bytes, validate=positive),
            max_comment_bytes=env.int("MAX_COMMENT_BYTES", default.max_comment_bytes, validate=positive),
            max_body_bytes=env.int("MAX_BODY_BYTES", default.max_body_bytes, validate=positive),
            max_batch_bytes=env.int("MAX_BATCH_BYTES", default.max_batch_bytes, validate=positive),
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
        if faults:
            raise SettingsError("; ".join(faults))
        return settings
