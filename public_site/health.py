"""Signs of life for operations: alive, and ready to serve."""

from http import HTTPStatus
from typing import Any, Final, cast

from apiflask import APIBlueprint
from flask import Response, current_app, jsonify
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from flash_sale.gate import list_weaknesses
from kit.heartbeat import missing_kinds
from public_site.ports import ports

RETRY_AFTER_SECONDS: Final = "2"

blueprint = APIBlueprint("health", __name__, tag="Operations")

_ALIVE: Final[dict[int | str, Any]] = {200: {"description": "It is."}}
_READY: Final[dict[int | str, Any]] = {
    200: {"description": "It is; `degraded` names what we can do without."},
    503: {"description": "It is not; `missing` says what is."},
}


@blueprint.get("/healthz")
@blueprint.doc(summary="Is the process alive?", responses=_ALIVE)
def tell_alive() -> Response:
    """Answer without asking anybody else."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@blueprint.doc(
    summary="Is everything up that serving needs?",
    responses=_READY,
)
def tell_ready() -> Response:
    """Ask the database, Redis, and the signs of life of the processes beside the web."""
    missing = _missing()
    degraded = _degraded()
    response = jsonify(status="unready" if missing else "ready", missing=missing, degraded=degraded)
    if missing:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def _missing() -> list[str]:
    wanted = cast("tuple[str, ...]", current_app.extensions["ready_requires"])
    try:
        with ports().begin() as session:
            session.execute(text("SELECT 1"))
            return missing_kinds(session, wanted, now=ports().clock())
    except SQLAlchemyError:
        return ["database"]


def _degraded() -> list[str]:
    try:
        ports().redis.ping()
    except RedisError:
        return ["redis"]
    return list_weaknesses(ports().gate_redis)
