"""The ASGI application of the lane: claims, signs of life, figures; what it does beside them."""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Final
from uuid import UUID

from pydantic import ValidationError
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import metrics
from app.lane import answers
from app.lane.answers import Answer
from app.lane.asked import Asked, Message, NotServed, Receive, Scope, read_request
from app.lane.door import ClaimDoor, Pending, finish
from app.lane.figures import ROUTE, Figures
from app.operations import is_from_here, is_key
from flash_sale.batch import Outcome
from flash_sale.gate import list_weaknesses
from flash_sale.lane.desk import LaneDesk
from kit.errors import DomainError, Unavailable
from shop.ports import Ports

log = logging.getLogger(__name__)

Send = Callable[[Message], Awaitable[None]]

_CLAIMS: Final = re.compile(
    r"/v1/campaigns/([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})/claims"
)
UNROUTED: Final = "(none)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneParts:
    """What the lane is made of."""

    ports: Ports
    desk: LaneDesk
    door: ClaimDoor
    metrics_key: str
    trusted_proxies: int


@dataclass(slots=True)
class Begun:
    """A claim that came by a connection which can wait for it alone."""

    asked: Asked
    said: Answer | Pending

    @property
    def waits_for(self) -> "asyncio.Future[Outcome] | None":
        """Return what decides it, None when that is known."""
        return None if isinstance(self.said, Answer) else self.said.outcome


class LaneApplication:
    """Answers HTTP; started and ended by the server through ASGI's lifespan."""

    def __init__(self, parts: LaneParts) -> None:
        """Start nothing."""
        self._parts = parts
        self._figures = Figures()
        self._beside: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            return
        asked = read_request(scope, trusted_proxies=self._parts.trusted_proxies)
        route, answer = await self._answer(scope, asked, receive)
        self._figures.count(scope["method"], route, answer.status, answer.code)
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": answer.headers(asked),
            }
        )
        body = answer.body if scope["method"] != "HEAD" else b""
        await send({"type": "http.response.body", "body": body})

    def begin(self, scope: Scope, body: bytes) -> Begun | None:
        """Answer a claim at once, or begin it; None: go the whole way, nothing has happened.

        `scope` may lack what ASGI says beyond path, headers and client.
        """
        campaign_id = _campaign_of(scope["path"])
        if campaign_id is None:
            return None
        asked = read_request(scope, trusted_proxies=self._parts.trusted_proxies)
        begun = self._parts.door.begin(asked, campaign_id, body)
        return None if begun is None else Begun(asked, begun)

    def finish(self, begun: Begun) -> tuple[int, bytes]:
        """Return the status of a claim that is decided, and its headers and body as they travel."""
        said = begun.said
        answer = said if isinstance(said, Answer) else _finish(said, begun.asked)
        self._figures.count("POST", ROUTE, answer.status, answer.code)
        return answer.status, answer.wire(begun.asked)

    async def _answer(self, scope: Scope, asked: Asked, receive: Receive) -> tuple[str, Answer]:
        campaign_id = _campaign_of(scope["path"])
        if campaign_id is None:
            return await self._answer_beside(scope, asked)
        if scope["method"] != "POST":
            return ROUTE, answers.refuse_status(HTTPStatus.METHOD_NOT_ALLOWED, asked, allow="POST")
        return ROUTE, await self._answer_claim(asked, campaign_id, receive)

    async def _answer_claim(self, asked: Asked, campaign_id: UUID, receive: Receive) -> Answer:
        try:
            return await self._parts.door.claim(asked, campaign_id, receive)
        except DomainError as refusal:
            return answers.refuse(refusal, asked)
        except ValidationError as cause:
            return answers.refuse_fields(cause, asked)
        except NotServed as refusal:
            return answers.refuse_status(refusal.says, asked)
        except SQLAlchemyError:
            log.exception("the database does not serve")
            return answers.refuse(Unavailable(), asked)
        except Exception:
            log.exception("failed")
            return answers.refuse_status(HTTPStatus.INTERNAL_SERVER_ERROR, asked)

    async def _answer_beside(self, scope: Scope, asked: Asked) -> tuple[str, Answer]:
        path, is_read = scope["path"], scope["method"] in ("GET", "HEAD")
        if path == "/healthz" and is_read:
            return path, Answer(200, b'{"status":"ok"}')
        if path == "/readyz" and is_read:
            return path, await self._tell_ready()
        if path == "/metrics" and is_read and self._may_see_figures(scope, asked):
            self._figures.pass_on()
            return path, Answer(200, metrics.render(), metrics.MEDIA_TYPE)
        return UNROUTED, answers.refuse_status(HTTPStatus.NOT_FOUND, asked)

    async def _tell_ready(self) -> Answer:
        """Ask database and Redis; without the first nothing can be claimed."""
        try:
            missing = await self._parts.desk.aside.do(_missing, self._parts.ports)
        except Unavailable:
            missing = ["database"]
        degraded = await self._parts.desk.aside.do(_degraded, self._parts.ports)
        status = "unready" if missing else "ready"
        said = {"degraded": degraded, "missing": missing, "status": status}
        body = json.dumps(said, separators=(",", ":")).encode()
        return Answer(503 if missing else 200, body, more=((b"retry-after", b"2"),) * bool(missing))

    def _may_see_figures(self, scope: Scope, asked: Asked) -> bool:
        client = scope.get("client")
        names = [name.decode("latin-1") for name, _ in scope["headers"]]
        is_here = is_from_here(client[0] if client else "", names)
        return is_here and is_key(asked.get(b"authorization"), self._parts.metrics_key)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _start(self) -> None:
        desk = self._parts.desk
        await desk.open()
        beside = (desk.read_on(), self._figures.run())
        self._beside = [asyncio.create_task(work) for work in beside]
        log.info("the lane is open")

    async def _stop(self) -> None:
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self._parts.desk.close()
        self._figures.pass_on()
        log.info("the lane is closed")


@lru_cache(maxsize=1024)
def _campaign_of(path: str) -> UUID | None:
    match = _CLAIMS.fullmatch(path)
    return None if match is None else UUID(match[1])


def _missing(ports: Ports) -> list[str]:
    try:
        with ports.begin() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return ["database"]
    return []


def _degraded(ports: Ports) -> list[str]:
    try:
        ports.gate_redis.ping()
    except RedisError:
        return ["redis"]
    return list_weaknesses(ports.gate_redis)


def _finish(pending: Pending, asked: Asked) -> Answer:
    try:
        return finish(pending, asked)
    except (Exception, asyncio.CancelledError):
        log.exception("failed")
        return answers.refuse_status(HTTPStatus.INTERNAL_SERVER_ERROR, asked)
