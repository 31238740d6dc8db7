"""An open loop: each request has a moment at which it is due, whoever still waits for an answer.

A request that cannot be sent in time, because the machine or the server is busy, is late from the
moment on at which it was due; so a slow answer cannot hide those that it held up.
"""

import select
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

PATIENCE_SECONDS: Final = 30.0
# The system's poll counts in milliseconds: nearer to the next moment it is asked without waiting.
SHORTEST_WAIT_SECONDS: Final = 0.001
HOW: Final = (
    "; an open loop, each claim timed from the moment at which it was due; its client, in Python,"
    " shares the two cores with lane, Redis and PostgreSQL; load average {load:.1f}"
)


@dataclass(frozen=True, slots=True)
class Shot:
    """A request as bytes, and when it is due: seconds after the start."""

    due: float
    request: bytes


@dataclass(frozen=True, slots=True)
class Hit:
    """The answer to a shot: its status and body, and when it was there: seconds after its due."""

    status: int
    took: float
    body: bytes


@dataclass(eq=False)
class _Line:
    """A connection: what it waits for, and what came of the answer so far."""

    wire: socket.socket
    shot: int = -1
    held: bytes = field(default=b"", repr=False)


class Volley:
    """Sends shots over connections that are open before the first is due."""

    def __init__(self, url: str, *, connections: int) -> None:
        """Connect."""
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._poll = select.epoll()
        self._lines: dict[int, _Line] = {}
        self._free: deque[_Line] = deque()
        for _ in range(connections):
            self._connect()

    def fire(self, shots: Sequence[Shot], *, start: float) -> list[Hit]:
        """Send each when it is due, `start` being of `perf_counter`; return the answers in order.

        `TimeoutError` when they do not all come.
        """
        hits: dict[int, Hit] = {}
        next_shot, waiting = 0, deque[int]()
        while len(hits) < len(shots):
            now = perf_counter() - start
            while next_shot < len(shots) and shots[next_shot].due <= now:
                waiting.append(next_shot)
                next_shot += 1
            while waiting and self._free:
                self._send(waiting.popleft(), shots)
            if now > shots[-1].due + PATIENCE_SECONDS:
                raise TimeoutError(f"{len(shots) - len(hits)} of {len(shots)} are not answered")
            for number, _ in self._poll.poll(_wait(shots, next_shot, now)):
                self._receive(self._lines[number], shots, hits, start)
        return [hits[shot] for shot in range(len(shots))]

    def close(self) -> None:
        """Hang up."""
        for line in self._lines.values():
            line.wire.close()
        self._poll.close()

    def _connect(self) -> None:
        wire = socket.create_connection(self._address, timeout=PATIENCE_SECONDS)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = _Line(wire)
        self._lines[wire.fileno()] = line
        self._poll.register(wire, select.EPOLLIN)
        self._free.append(line)

    def _send(self, shot: int, shots: Sequence[Shot]) -> None:
        line = self._free.popleft()
        line.shot = shot
        line.wire.sendall(shots[shot].request)

    def _receive(
        self, line: _Line, shots: Sequence[Shot], hits: dict[int, Hit], start: float
    ) -> None:
        piece = line.wire.recv(65_536)
        if not piece:
            self._give_up(line)
            return
        line.held += piece
        answer = _take_answer(line.held)
        if answer is None:
            return
        status, body = answer
        shot, line.shot, line.held = line.shot, -1, b""
        hits[shot] = Hit(status, perf_counter() - start - shots[shot].due, body)
        self._free.append(line)

    def _give_up(self, line: _Line) -> None:
        """Take another connection for one that the server has closed while nothing was asked."""
        if line.shot >= 0:
            raise ConnectionError("the server hung up instead of answering")
        self._free.remove(line)
        del self._lines[line.wire.fileno()]
        line.wire.close()
        self._connect()


def _wait(shots: Sequence[Shot], next_shot: int, now: float) -> float:
    if next_shot == len(shots):
        return 0.1
    left = shots[next_shot].due - now
    return left if left > SHORTEST_WAIT_SECONDS else 0


def _take_answer(held: bytes) -> tuple[int, bytes] | None:
    """Return status and body of a whole answer, None as long as it is not whole."""
    head, found, body = held.partition(b"\r\n\r\n")
    if not found:
        return None
    at = head.lower().index(b"content-length:") + 15
    length = int(head[at:].split(b"\r\n", 1)[0])
    return (int(head[9:12]), body) if len(body) >= length else None
