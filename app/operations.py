"""Figures and standing for operations: for whoever holds the key, on this machine; no one else."""

import ipaddress
from collections.abc import Iterable
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

_FORWARDED: Final = frozenset({"x-forwarded-for", "forwarded", "x-real-ip", "via"})


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
    original = request.environ.get("werkzeug.proxy_fix.orig", request.environ)
    key = cast("str", current_app.extensions["metrics_key"])
    if not (
        is_from_here(original.get("REMOTE_ADDR", ""), request.headers.keys())
        and is_key(request.headers.get("Authorization", ""), key)
    ):
        raise NotFound


def is_from_here(address: str, header_names: Iterable[str]) -> bool:
    """Say whether a connection is from this machine and no proxy passed somebody's on."""
    if any(name.lower() in _FORWARDED for name in header_names):
        return False
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def is_key(authorization: str, key: str) -> bool:
    """Say whether the header bears the key; a blank one opens nothing."""
    return bool(key) and same(authorization, f"Bearer {key}")
