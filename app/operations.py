"""Figures and standing for operations: for whoever holds the key, on this machine; no one else."""

import ipaddress
from typing import Final, cast
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, current_app, jsonify, request
from werkzeug.exceptions import NotFound

from app import metrics, standing
from app.plain import as_json
from app.watching import watch
from kit.crypto import same
from shop.ports import Ports

blueprint = APIBlueprint("operations", __name__, enable_openapi=False)

_FORWARDED: Final = ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via")


@blueprint.get("/metrics")
def show_figures() -> Response:
    """Return the figures, or the 404 that any unknown path has."""
    _guard()
    return Response(metrics.render(), content_type=metrics.MEDIA_TYPE)


@blueprint.get("/operations/schedule")
def show_schedule() -> Response:
    """Return what is due, late and given up, or the 404 that any unknown path has."""
    _guard()
    ports = cast("Ports", current_app.extensions["ports"])
    with ports.begin() as session:
        found = standing.look(session, now=ports.clock())
    return jsonify(as_json(found))


@blueprint.get("/operations/flash-sales/<uuid:campaign_id>")
def show_flash_sale(campaign_id: UUID) -> Response:
    """Return what goes on in a flash sale, or the same 404."""
    _guard()
    return jsonify(watch(cast("Ports", current_app.extensions["ports"]), campaign_id))


def _guard() -> None:
    if not (_is_from_here() and _has_key()):
        raise NotFound


def _is_from_here() -> bool:
    """Say whether the connection is from this machine and no proxy passed somebody's on."""
    if any(name in request.headers for name in _FORWARDED):
        return False
    original = request.environ.get("werkzeug.proxy_fix.orig", request.environ)
    try:
        return ipaddress.ip_address(original.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _has_key() -> bool:
    key = cast("str", current_app.extensions["metrics_key"])
    given = request.headers.get("Authorization", "")
    return bool(key) and same(given, f"Bearer {key}")
