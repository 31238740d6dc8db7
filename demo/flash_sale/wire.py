"""HTTP for a crowd: one event loop, few connections kept open, an answer for every request."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from demo.wire import NO_ANSWER, Answer

TIMEOUT_SECONDS: Final = 20.0
MOST_CONNECTIONS: Final = 96  # to one address

Address = tuple[str, int]


class BadAnswer(Exception):
    """What came back is no answer in HTTP/1.1."""


class CrowdWire:
    """Sends requests of many members at once, over connections that they share."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        """Nothing is connected yet."""
        self._most = most
        self._ways: dict[Address, _Way] = {}

    async def ask(
        self,
        method: str,
        url: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request."""
        parts = urlsplit(url)
        address = (parts.hostname or "", parts.port or 80)
        way = self._ways.setdefault(address, _Way(address, self._most))
        try:
            async with way.turns, asyncio.timeout(TIMEOUT_SECONDS):
                return await way.exchange(_pack(method, parts, body, headers or {}))
        except (OSError, EOFError, BadAnswer) as failure:  # TimeoutError is an OSError
            return Answer(NO_ANSWER, {"code": type(failure).__name__})

    async def close(self) -> None:
        """Hang up."""
        for way in self._ways.values():
            await way.hang_up()


class _Way:
    """The connections to one address."""

    def __init__(self, address: Address, most: int) -> None:
        self.turns = asyncio.Semaphore(most)
        self._address = address
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def exchange(self, request: bytes) -> Answer:
        reader, writer = await self._connected()
        try:
            writer.write(request)
            answer, is_kept = await _read(reader)
        except BaseException:  # what still comes on it belongs to nobody
            await _close(writer)
            raise
        if is_kept:
            self._idle.append((reader, writer))
        else:
            await _close(writer)
        return answer

    async def hang_up(self) -> None:
        while self._idle:
            await _close(self._idle.pop()[1])

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not (reader.at_eof() or writer.is_closing()):
                return reader, writer
            await _close(writer)
        return await asyncio.open_connection(*self._address)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):  # the other side may have hung up before
        await writer.wait_closed()


def _pack(
    method: str, parts: SplitResult, body: Mapping[str, Any] | None, headers: Mapping[str, str]
) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append("Content-Type: application/json")
    if body is not None or method != "GET":
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + content


async def _read(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    """Return the answer, and whether the connection stays open."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    version, _, rest = head[0].partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise BadAnswer(head[0])
    pairs = (line.partition(":") for line in head[1:] if line)
    fields = {name.lower(): value.strip() for name, _, value in pairs}
    if "transfer-encoding" in fields:
        raise BadAnswer("an answer in pieces")  # nothing that is asked here answers so
    content = await reader.readexactly(int(fields.get("content-length", "0")))
    wait = fields.get("retry-after", "1")
    answer = Answer(int(rest[:3]), _values(content), float(wait) if wait.isdecimal() else 1.0)
    return answer, fields.get("connection", "").lower() != "close"


def _values(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {"items": found}
