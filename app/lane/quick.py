"""A connection of the lane that answers claims by itself, before ASGI begins.

uvicorn reads HTTP as ever. What is surely refused needs no task, no events and no waiting, and a
claim that is being decided needs nothing but to be told; all else, and whatever is unusual about
a request, takes the whole way.
"""

import asyncio
from typing import Any, ClassVar, Final, cast

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from app.lane.answers import Headers, lines_of
from app.lane.application import Begun, LaneApplication
from app.lane.asked import MOST_REMEMBERED_BYTES, Scope

# With one of these a request is unusual.
_UNUSUAL: Final = frozenset({b"connection", b"expect", b"transfer-encoding", b"upgrade"})


class _Waiting:
    """Stands where uvicorn keeps a request that is being answered: the next ones wait for it."""

    def __init__(self) -> None:
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True
        self.message_event = asyncio.Event()


class QuickProtocol(HttpToolsProtocol):
    """One connection; `lane` is set before the first."""

    lane: ClassVar[LaneApplication | None] = None
    defaults: ClassVar[tuple[Headers, bytes]] = ([], b"")

    def __init__(self, *given: Any, **more: Any) -> None:
        """No request is being read."""
        super().__init__(*given, **more)
        self._kept: bytes | None = None  # the body of a request that may be answered at once
        self._is_unusual = False
        self._idle_since = 0.0
        self._idle_timer: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._idle_since = self.loop.time()
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin another request."""
        super().on_message_begin()
        self._is_unusual = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, as uvicorn does."""
        name = name.lower()
        if name in _UNUSUAL:
            self._is_unusual = True
            super().on_header(name, value)
        else:
            self.headers.append((name, value))

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
        begun = None if self.lane is None else self.lane.begin(scope, self._kept)
        if begun is None:
            self._go_the_whole_way()
            super().on_message_complete()
            return
        self._kept = None
        decision = begun.waits_for
        if decision is None:
            self._answer(begun)
            self._rest()
            return
        waiting = _Waiting()
        self.cycle = cast("RequestResponseCycle", waiting)
        decision.add_done_callback(lambda _: self._finish(waiting, begun))

    def _finish(self, waiting: "_Waiting", begun: Begun) -> None:
        """Answer a claim that was being decided, unless its client has gone."""
        if not self.transport.is_closing():
            self._answer(begun)
        waiting.response_complete = True
        if not waiting.keep_alive:  # the lane is being closed
            self.transport.close()
        self._rest()

    def _answer(self, begun: Begun) -> None:
        status, rest = cast("LaneApplication", self.lane).finish(begun)
        self.transport.write(b"%b%b%b" % (STATUS_LINE[status], self._defaults(), rest))

    def _defaults(self) -> bytes:
        """Return what uvicorn says to everybody; it makes that anew each second."""
        given = self.server_state.default_headers
        if QuickProtocol.defaults[0] is not given:
            QuickProtocol.defaults = (given, lines_of(given))
        return QuickProtocol.defaults[1]

    def _rest(self) -> None:
        """Go on with what was sent meanwhile, or hang up when nothing comes for long.

        uvicorn sets a timer after each answer and ends it at the next request; here one timer looks
        when something came last.
        """
        if self.pipeline:
            self.on_response_complete()
            return
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._look_if_idle)

    def _look_if_idle(self) -> None:
        self._idle_timer = None
        is_busy = self.cycle is not None and not self.cycle.response_complete
        idle = 0.0 if is_busy else self.loop.time() - self._idle_since
        if idle >= self.timeout_keep_alive:
            self.timeout_keep_alive_handler()
        elif not self.transport.is_closing():
            wait = self.timeout_keep_alive - idle
            self._idle_timer = self.loop.call_later(wait, self._look_if_idle)

    def _may_be_quick(self) -> bool:
        is_free = self.cycle is None or self.cycle.response_complete
        if self._is_unusual or not is_free or self.pipeline or self.parser.get_method() != b"POST":
            return False
        if self.parser.get_http_version() != "1.1" or self.transport.is_closing():
            return False
        if self.flow.write_paused:  # the client does not read its answers
            return False
        self.scope["method"], self.scope["path"] = "POST", self.url.decode("latin-1")
        return True

    def _go_the_whole_way(self) -> None:
        kept, self._kept = self._kept, None
        super().on_headers_complete()
        if kept:
            super().on_body(kept)
