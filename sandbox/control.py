"""The sandbox's own paths: faults, log, notices, books, clock, bills, settings, reset, health."""

import json
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.faults import BadFault
from sandbox.peer import Peer
from sandbox.replay import NothingSent, attempts_of, resend
from sandbox.settings import UnknownSetting


class BadOrder(ValueError):
    """A control request that cannot be followed."""


def create_blueprint(peer: Peer) -> Blueprint:
    """Control paths under `/sandbox` and `/healthz`."""
    blueprint = Blueprint("control", __name__)
    _add_trouble(blueprint, peer)
    _add_views(blueprint, peer)
    _add_switches(blueprint, peer)

    @blueprint.app_errorhandler(BadOrder)
    @blueprint.app_errorhandler(BadFault)
    @blueprint.app_errorhandler(UnknownSetting)
    @blueprint.app_errorhandler(NothingSent)
    def refuse(problem: Exception) -> tuple[Response, int]:
        return jsonify(error=str(problem)), 400

    return blueprint


def control_body() -> dict[str, Any]:
    """The JSON object of a control request; BadOrder when it is none."""
    raw = request.get_data() or b"{}"
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise BadOrder("the body is not JSON") from problem
    if not isinstance(body, dict):
        raise BadOrder("the body must be a JSON object")
    return body


def text_field(body: dict[str, Any], name: str) -> str:
    """A text of the body that must be there."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BadOrder(f"{name} is missing")
    return value


def _add_trouble(blueprint: Blueprint, peer: Peer) -> None:
    @blueprint.post("/sandbox/faults")
    def add_fault() -> dict[str, str]:
        return {"fault_id": peer.faults.add(control_body()).fault_id}

    @blueprint.get("/sandbox/faults")
    def list_faults() -> dict[str, Any]:
        return {"items": peer.faults.all()}

    @blueprint.delete("/sandbox/faults")
    def clear_faults() -> tuple[str, int]:
        peer.faults.clear()
        return "", 204

    @blueprint.post("/sandbox/notices/resend")
    def resend_notice() -> dict[str, Any]:
        body = control_body()
        notice = peer.notices.find(text_field(body, "notice_id"))
        if notice is None:
            raise BadOrder("no such notice")
        return {"answers": resend(peer, notice, body)}


def _add_views(blueprint: Blueprint, peer: Peer) -> None:
    @blueprint.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @blueprint.get("/sandbox/log")
    def log() -> dict[str, Any]:
        return {"items": peer.log.since(request.args.get("since", 0, type=int))}

    @blueprint.get("/sandbox/notices")
    def notices() -> dict[str, Any]:
        return {"items": attempts_of(peer, request.args.to_dict())}

    @blueprint.get("/sandbox/books")
    def books() -> dict[str, Any]:
        return dict(peer.books.all())


def _add_switches(blueprint: Blueprint, peer: Peer) -> None:
    @blueprint.post("/sandbox/clock")
    def shift_clock() -> dict[str, Any]:
        offset = control_body().get("offset_seconds")
        if isinstance(offset, bool) or not isinstance(offset, int | float):
            raise BadOrder("offset_seconds must be a number")
        peer.shift_clock(float(offset))
        return {"now": peer.clock.now().isoformat(), "offset_seconds": float(offset)}

    @blueprint.post("/sandbox/bills")
    def bills() -> dict[str, str]:
        available = text_field(control_body(), "available")
        peer.settings.change({"bills_available": available})
        return {"available": available}

    @blueprint.post("/sandbox/settings")
    def change_settings() -> dict[str, Any]:
        peer.settings.change(control_body())
        return peer.settings.all()

    @blueprint.get("/sandbox/settings")
    def show_settings() -> dict[str, Any]:
        return peer.settings.all()

    @blueprint.post("/sandbox/reset")
    def reset() -> tuple[str, int]:
        peer.reset()
        return "", 204
