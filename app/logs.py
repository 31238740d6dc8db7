"""One pipeline for every log line, ours and the libraries', that tells no secrets."""

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import date, timedelta
from enum import Enum
from pathlib import PurePath
from types import TracebackType
from typing import Any, Final, TextIO
from uuid import UUID

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from kit.db import Base

REDACTED: Final = "[redacted]"
MOST_DEPTH: Final = 4
OUR_PACKAGES: Final = ("app", "config", "kit", "miniprogram_api", "public_site", "shop")

# A field with one of these in its name is never written, whatever it holds.
_SECRET_PARTS: Final = re.compile(
    r"token|secret|passw|authori[sz]ation|cookie|phone|mobile|open_?id|union_?id|session_?key"
    r"|credential|api_?key|private_?key|plaintext|ciphertext|sealed",
    re.IGNORECASE,
)
_SECRET_NAMES: Final = frozenset({"code", "codes", "key", "keys", "body", "headers", "params"})

# What such things look like inside a sentence.
_SECRET_TEXTS: Final = (
    (re.compile(r"\bbearer\s+\S+", re.IGNORECASE), f"Bearer {REDACTED}"),
    (re.compile(r"(?<=[\w/])\?[^\s\"'<>)\]]+"), f"?{REDACTED}"),
    (re.compile(r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d{9}(?!\d)"), REDACTED),
    (
        re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Z])[A-Za-z0-9_-]{43}(?![\w-])"),
        REDACTED,
    ),
)

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(*, level: str, form: str, stream: TextIO | None = None) -> None:
    """Send every log line to `stream` as JSON, or as text when `form` is "console".

    The stream is standard error unless another is given.
    """
    shared = _shared_processors()
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=False)
        if form == "console"
        else structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=True)
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These tell whole URLs, and with them what stands in the query.
    for name in ("urllib3", "requests", "wechatpy", "wechatpayv3", "werkzeug"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # it tells of every ring
    logging.captureWarnings(True)
    # A line that cannot be formatted would be printed with its arguments, past the pipeline.
    logging.raiseExceptions = False
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace whatever must not be written, by the field's name, its type and its look."""
    for name in list(event):
        if not name.startswith("_"):  # structlog's own
            event[name] = _redact_field(name, event[name], depth=0)
    return event


def tell_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Write the trace of `exc_info`: places and types, and messages of our own exceptions only.

    Messages of drivers and clients quote parameters, rows and URLs.
    """
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    exc = given if isinstance(given, BaseException) else given[1] if given else None
    if exc is not None:
        event["exception"] = "\n".join(_trace(exc))
    return event


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        tell_exception,
        redact,
    ]


def _redact_field(name: str, value: Any, *, depth: int) -> Any:
    if name.lower() in _SECRET_NAMES or _SECRET_PARTS.search(name):
        return REDACTED
    return _redact_value(value, depth=depth)


def _redact_value(value: Any, *, depth: int) -> Any:
    if isinstance(value, str):
        return _redact_text(value.value if isinstance(value, Enum) else value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, UUID | date | timedelta | PurePath):
        return str(value)
    if depth < MOST_DEPTH and isinstance(value, Mapping):
        return {
            str(name): _redact_field(str(name), item, depth=depth + 1)
            for name, item in value.items()
        }
    if depth < MOST_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_redact_value(item, depth=depth + 1) for item in value]
    # Of any other object only the type is written, and of a row of ours which one it is.
    row = f" {getattr(value, 'id', '')}" if isinstance(value, Base) else ""
    return f"<{type(value).__name__}{row}>"


def _redact_text(text: str) -> str:
    for pattern, instead in _SECRET_TEXTS:
        text = pattern.sub(instead, text)
    return text


def _trace(exc: BaseException) -> list[str]:
    lines: list[str] = []
    cause = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
    if cause is not None:
        lines.extend(_trace(cause))
        lines.append("which led to:")
    for frame in traceback.extract_tb(exc.__traceback__):
        lines.append(f"  {PurePath(frame.filename).name}:{frame.lineno} {frame.name}")
    lines.append(_name_exception(exc))
    return lines


def _name_exception(exc: BaseException) -> str:
    kind = type(exc)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__.split(".")[0] in OUR_PACKAGES:
        return f"{name}: {_redact_text(str(exc))}"
    state = getattr(getattr(exc, "orig", exc), "sqlstate", None)
    return f"{name} (SQLSTATE {state})" if state else name
