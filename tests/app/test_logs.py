"""The log pipeline: one form for all, and no secrets by name, type or look."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from app import logs
from kit.crypto import new_token
from shop.cards.models import Card, CardStatus

PHONE = "13800138000"


class PhoneNumber:
    """A value object whose text tells everything."""

    def __repr__(self) -> str:
        """Tell everything, as careless classes do."""
        return PHONE


@pytest.fixture
def lines() -> Iterator[Any]:
    """Configure the pipeline, and return a function that reads the lines written so far."""
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    stream = io.StringIO()
    logs.configure(level="INFO", form="json", stream=stream)
    stream = io.StringIO()
    logs.configure(level="INFO", form="json", stream=stream)

    def read() -> list[dict[str, Any]]:
        written = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert written
        return written

    yield read
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raising
    logging.captureWarnings(False)
    structlog.reset_defaults()


class TestOnePipeline:
    """Lines of structlog and of the standard library come out alike."""

    def test_both_are_json_with_the_request_id(self, lines: Any) -> None:
        """Bind a request id and log through both."""
        structlog.contextvars.bind_contextvars(request_id="r-1")
        logging.getLogger("shop.x").info("stdlib", extra={"order_no": "TO1"})
        structlog.get_logger("shop.y").info("structured", order_no="TO2")
        structlog.contextvars.clear_contextvars()
        first, second = lines()
        assert (first["event"], first["order_no"], first["request_id"]) == ("stdlib", "TO1", "r-1")
        assert (second["event"], second["order_no"], second["request_id"]) == (
            "structured",
            "TO2",
            "r-1",
        )
        assert {"timestamp", "level", "logger"} <= set(first) & set(second)


class TestL187Secrets:
    """Canaries of every kind never reach a line."""

    @pytest.mark.parametrize(
        "name",
        ["token", "access_token", "phone", "openid", "open_id", "code", "session_key", "password"],
    )
    def test_l187_by_name(self, lines: Any, name: str) -> None:
        """A field with such a name is not written."""
        logging.getLogger("x").info("said", extra={name: "canary-1"})
        logging.getLogger("x").info("said", extra={"nested": {name: ["canary-1"]}})
        assert "canary" not in json.dumps(lines())

    @pytest.mark.parametrize(
        "value",
        [
            SecretStr("canary-2"),
            b"canary-2",
            PhoneNumber(),
            Card(status=CardStatus.FREE, sealed=b"canary-2"),
            [b"canary-2", {"x": SecretStr("canary-2")}],
        ],
    )
    def test_l187_by_type(self, lines: Any, value: object) -> None:
        """An object is named by its type and never shown."""
        logging.getLogger("x").info("said", extra={"thing": value})
        text = json.dumps(lines())
        assert "canary" not in text
        assert PHONE not in text

    def test_l187_by_look(self, lines: Any) -> None:
        """A phone number, a token, or a query string inside a sentence is blanked."""
        token = new_token()
        logging.getLogger("x").warning("call %s failed", f"https://h/p?secret=canary&c={token}")
        logging.getLogger("x").warning("told +86%s and %s", PHONE, f"Bearer {token}")
        text = json.dumps(lines())
        assert "canary" not in text
        assert token not in text
        assert PHONE not in text

    def test_l187_exceptions_of_others_tell_no_message(self, lines: Any) -> None:
        """A driver's message quotes rows and URLs; only its type and place are written."""
        try:
            int(f"canary-{PHONE}")
        except ValueError:
            logging.getLogger("x").exception("failed")
        (line,) = lines()
        assert "canary" not in json.dumps(line)
        assert "builtins.ValueError" in line["exception"]
        assert "test_logs.py" in line["exception"]
