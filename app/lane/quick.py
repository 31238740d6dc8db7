"""A connection of the lane that answers what can be answered at once, before ASGI begins.

uvicorn reads HTTP as ever. What is surely refused needs no task, no events and no waiting; all
else, and whatever is unusual about a request, takes the whole way.
"""

from typing import Any, ClassVar, Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.lane.application import LaneApplication
from app.lane.asked import MOST_REMEMBERED_BYTES, Scope

# With one of these a request is unusual.
_UNUSUAL: Final = frozenset({b"connection", b"expect", b"transfer-encoding", b"upgrade"})


class QuickProtocol(HttpToolsProtocol):
    """One connection; `lane` is set before the first."""

    lane: ClassVar[LaneApplication | None] = None

    def __init__(self, *given: Any, **more: Any) -> None:
        """No request is being read."""
        super().__init__(*given, **more)
        self._kept: bytes | None = None  # the body of a request that may be answered at once

    def on_headers_complete(self) -> None:
        """Begin the whole way, unless the request may be answered at once."""
        self._kept = b"" if self._may_be_quick() else None
        if self._kept is None:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a short body, and go the whole way with any other."""
        if self._kept is None:
            super().on_body(body)
            return
        self._kept += body
        if len(self._kept) > MOST_REMEMBERED_BYTES:
            self._go_the_whole_way()

    def on_message_complete(self) -> None:
        """Answer at once, or go the whole way."""
        if self._kept is None:
            super().on_message_complete()
            return
        scope = cast("Scope", self.scope)
        answer = None if self.lane is None else self.lane.answer_at_once(scope, self._kept)
        if answer is None:
            self._go_the_whole_way()
            super().on_message_complete()
            return
        self._kept = None
        status, headers, body = answer
        lines = [STATUS_LINE[status]]
        for name, value in (*self.server_state.default_headers, *headers):
            lines += (name, b": ", value, b"\r\n")
        self.transport.write(b"".join((*lines, b"\r\n", body)))
        self.on_response_complete()

    def _may_be_quick(self) -> bool:
        is_free = self.cycle is None or self.cycle.response_complete
        if not is_free or self.pipeline or self.parser.get_method() != b"POST":
            return False
        if self.parser.get_http_version() != "1.1" or self.transport.is_closing():
            return False
        if self.flow.write_paused:  # the client does not read its answers
            return False
        if any(name in _UNUSUAL for name, _ in self.headers):
            return False
        self.scope["method"], self.scope["path"] = "POST", self.url.decode("latin-1")
        return True

    def _go_the_whole_way(self) -> None:
        kept, self._kept = self._kept, None
        super().on_headers_complete()
        if kept:
            super().on_body(kept)
