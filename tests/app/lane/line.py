"""A connection to the lane, without a network: what is sent, and what comes back."""

import asyncio
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from app.lane.quick import QuickProtocol
from app.sample_campaigns import MadeCampaign
from tests.app.lane.driver import Lane

BODY = b'{"quantity":1}'


class Wire(asyncio.Transport):
    """A connection whose other end keeps what it is sent."""

    def __init__(self) -> None:
        """Nothing was sent."""
        super().__init__()
        self.sent = b""
        self.is_over = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Say who is at the other end."""
        return {"peername": ("127.0.0.1", 5), "sockname": ("127.0.0.1", 80)}.get(name, default)

    def write(self, data: Any) -> None:
        """Keep it."""
        self.sent += data

    def is_closing(self) -> bool:
        """Say whether it was closed."""
        return self.is_over

    def close(self) -> None:
        """Close."""
        self.is_over = True

    def pause_reading(self) -> None:
        """All was read already."""

    def resume_reading(self) -> None:
        """All was read already."""


class Line:
    """A connection to the lane, in the lane's own loop."""

    def __init__(self, lane: Lane) -> None:
        """Connect."""
        self.lane = lane
        self.wire = Wire()
        lane.run(self._connect())

    def send(self, *pieces: bytes) -> None:
        """Send pieces, each in a turn of its own, and wait until all is answered."""
        self.lane.run(self._send(pieces))

    @property
    def answers(self) -> list[bytes]:
        """Return the answers so far."""
        return [b"HTTP/1.1 " + part for part in self.wire.sent.split(b"HTTP/1.1 ")[1:]]

    async def _connect(self) -> None:
        config = uvicorn.Config(
            self.lane.application, log_config=None, access_log=False, ws="none", interface="asgi3"
        )
        config.load()
        self.protocol = QuickProtocol(
            config=config,
            server_state=ServerState(),
            app_state={},
            _loop=asyncio.get_running_loop(),
        )
        self.protocol.connection_made(self.wire)

    async def _send(self, pieces: tuple[bytes, ...]) -> None:
        for piece in pieces:
            self.protocol.data_received(piece)
            await asyncio.sleep(0.01)
        for _ in range(500):
            await asyncio.sleep(0.01)
            cycle = self.protocol.cycle
            if not self.protocol.tasks and (cycle is None or cycle.response_complete):
                return
        raise AssertionError(self.wire.sent)


def asked(made: MadeCampaign, token: str, key: str = "k", **changes: Any) -> bytes:
    """Return a claim as it travels."""
    more, body = changes.get("more", b""), changes.get("body", BODY)
    return (
        (
            f"{changes.get('method', 'POST')} /v1/campaigns/{made.id}/claims"
            f" HTTP/{changes.get('version', '1.1')}\r\nHost: lane\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Authorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n"
        ).encode()
        + more
        + b"\r\n"
        + body
    )
