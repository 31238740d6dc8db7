"""A lane in an event loop of its own thread, asked as a server would ask it."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from uuid import UUID, uuid4

from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.lane.application import LaneApplication, LaneParts
from app.lane.door import ClaimDoor
from flash_sale.challenges import ProofOfWork
from flash_sale.entry import Doorman
from flash_sale.gate import AsyncGate, Gate
from flash_sale.lane.desk import LaneDesk
from kit.clock import monotonic_seconds
from tests.miniprogram_api.world import METRICS_KEY, World

WAIT_SECONDS = 30


@dataclass
class Answer:
    """What the lane answered."""

    status_code: int
    headers: dict[str, str]
    data: bytes

    def get_json(self) -> Any:
        """Return the body."""
        return json.loads(self.data)


@dataclass
class WorldClock:
    """The world's clock, as the lane reads it."""

    world: World

    def __call__(self) -> datetime:
        """Return the present moment."""
        return self.world.now

    tell = __call__


@dataclass
class Request:
    """One request to the lane."""

    path: str
    method: str = "POST"
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    client: str = "127.0.0.1"

    def scope(self) -> dict[str, Any]:
        """Return it as ASGI tells it."""
        headers = (
            {"content-length": str(len(self.body)), **self.headers} if self.body else (self.headers)
        )
        return {
            "type": "http",
            "method": self.method,
            "path": self.path,
            "scheme": "http",
            "client": (self.client, 1234),
            "headers": [
                (name.lower().encode(), str(value).encode()) for name, value in headers.items()
            ],
        }


class Lane:
    """A running lane; `with` starts and ends it as a server does."""

    def __init__(self, world: World, redis_url: str, **parts: Any) -> None:
        """Build it over the world's ports."""
        self.world = world
        self._redis_url = redis_url
        self._parts = {"metrics_key": METRICS_KEY, "trusted_proxies": 0, **parts}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lane")

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        self.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return what comes of the work, done in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS)

    def ask(self, *requests: Request) -> list[Answer]:
        """Send requests in one turn of the loop and return their answers."""

        async def all_of_them() -> list[Answer]:
            return await asyncio.gather(*map(self._serve, requests))

        answers: list[Answer] = self.run(all_of_them())
        return answers

    def send(self, request: Request) -> "Future[Answer]":
        """Send a request, and do not wait for its answer."""
        return asyncio.run_coroutine_threadsafe(self._serve(request), self._loop)

    def claim(self, token: str, campaign_id: UUID, key: str = "", **body: Any) -> Answer:
        """Claim as a client does."""
        return self.ask(claim_of(token, campaign_id, key, **body))[0]

    def look(self, campaign_id: UUID) -> None:
        """Look at the campaign's gate, as happens twenty times a second."""
        self.desk.outlook.look(campaign_id)

    async def _start(self) -> None:
        world = self.world
        self._redis = AsyncRedis.from_url(
            self._redis_url, socket_timeout=0.5, retry=Retry(NoBackoff(), 0)
        )
        clock: Any = WorldClock(world)
        self.gate = AsyncGate(self._redis)
        self.desk = LaneDesk(world.begin, self.gate, Gate(world.redis), clock)
        self.application = LaneApplication(
            LaneParts(
                ports=world.ports,
                desk=self.desk,
                door=ClaimDoor(
                    world.ports,
                    self.desk,
                    Doorman(ProofOfWork(world.ports.purchase_key), 60),
                    world.limits,
                    clock=clock,
                ),
                **self._parts,
            )
        )
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._life = asyncio.create_task(
            self.application({"type": "lifespan"}, self._messages.get, self._said.put)
        )
        await self._messages.put({"type": "lifespan.startup"})
        assert (await self._said.get())["type"] == "lifespan.startup.complete"

    async def _end(self) -> None:
        await self._messages.put({"type": "lifespan.shutdown"})
        assert (await self._said.get())["type"] == "lifespan.shutdown.complete"
        await self._life
        await self._redis.aclose()

    async def _serve(self, request: Request) -> Answer:
        sent: list[Any] = []
        pieces = [request.body[: len(request.body) // 2], request.body[len(request.body) // 2 :]]

        async def receive() -> dict[str, Any]:
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.application(request.scope(), receive, send)
        start, body = sent
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], headers, body["body"])


def claim_of(token: str | None, campaign_id: UUID, key: str = "", **body: Any) -> Request:
    """Return a claim; the body is JSON."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key or uuid4().hex}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    path = f"/v1/campaigns/{campaign_id}/claims"
    return Request(path, body=json.dumps(body).encode(), headers=headers)


def eventually(look: Callable[[], bool]) -> None:
    """Wait until it is so."""
    until = monotonic_seconds() + WAIT_SECONDS
    while not look():
        assert monotonic_seconds() < until
        threading.Event().wait(0.01)
