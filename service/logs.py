"""One JSON line an event, with the request's id; never a comment's text, a name, an address or a key."""

import logging.config
import re
import traceback
import uuid
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from service.settings import Settings

log = structlog.stdlib.get_logger("vigie")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
QUOTING = re.compile(r"^(Invalid request|Error handling request)\b.*", re.DOTALL)


def request_id(sent: str | None) -> str:
    """Return the id that the caller sent, if it is a plain one, or a new one."""
    return sent if sent and REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex


def where(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Replace an exception by its class and the lines it passed: its message might quote what a reader wrote."""
    found: Any = event.pop("exc_info", None)
    if isinstance(found, BaseException):
        found = (type(found), found, found.__traceback__)
    if isinstance(found, tuple) and found[0] is not None:
        kind, _, trace = found
        event["exception"] = kind.__name__
        event["where"] = _lines(trace)
    return event


def unquoted(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Cut what gunicorn quotes of a request that it cannot read or answer: address, header, query."""
    event["event"] = QUOTING.sub(r"\1", str(event["event"]))
    return event


def config(settings: Settings) -> dict[str, Any]:
    """Return the `logging` configuration of the process: our events and gunicorn's through one formatter."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        where,
    ]
    renderer = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    level = settings.log_level.upper()
    handled = {"handlers": ["out"], "level": level, "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*shared, structlog.stdlib.PositionalArgumentsFormatter(), unquoted],
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            }
        },
        "handlers": {
            "out": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "structured"}
        },
        "loggers": {
            "vigie": handled,
            "gunicorn.error": handled | {"level": "INFO" if level == "DEBUG" else level},  # debug tells every path
            "gunicorn.access": {"handlers": [], "propagate": False},
        },
        "root": {"handlers": ["out"], "level": "WARNING"},
    }


def configure(settings: Settings) -> None:
    """Configure logging of this process."""
    logging.config.dictConfig(config(settings))


def _lines(trace: TracebackType | None) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
