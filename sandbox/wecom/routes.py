"""Paths of the simulated WeCom under `/wecom`, and the owner's hand under `/sandbox/wecom`."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from sandbox.calls import note, serve_call
from sandbox.faults import Fault
from sandbox.peer import Peer, callback_url
from sandbox.wechat.answers import WechatError, garbled, ok, posted_json
from sandbox.wecom import books, callbacks, owner
from sandbox.wecom.answers import refused, refused_by
from sandbox.wecom.calls import Calls
from sandbox.wecom.quotas import QUOTAS
from sandbox.wecom.schema import SCHEMA

LARGEST_REQUEST = 12 * 1024 * 1024  # a picture of 10 MB in its form


def create_blueprint(peer: Peer) -> Blueprint:
    """The platform, built on a peer."""
    peer.store.ensure_schema(SCHEMA)
    peer.settings.declare("wecom_group_quota", "day", QUOTAS)
    peer.settings.declare(callbacks.ADDRESS, callback_url("wecom"))
    peer.notices.register(callbacks.channel(peer))
    peer.books.register("wecom", books.report)
    blueprint = Blueprint("wecom", __name__)
    for path, (target, work) in Calls(peer).all().items():
        _add(blueprint, peer, path, target, work)
    owner.add(blueprint, peer)
    callbacks.add(blueprint, peer)
    return blueprint


def _add(
    blueprint: Blueprint,
    peer: Peer,
    path: str,
    target: str,
    work: Callable[[], dict[str, Any]],
) -> None:
    """One path of the platform; a wrong method is an errcode, not a 405."""
    blueprint.add_url_rule(
        f"/wecom{path}",
        endpoint=path.replace(".", "_"),
        view_func=lambda: _serve(peer, target, work),
        methods=["GET", "POST"],
    )


def _serve(peer: Peer, target: str, work: Callable[[], dict[str, Any]]) -> Response:
    """Answer with what `work` returns; a refusal becomes its errcode."""

    request.max_content_length = LARGEST_REQUEST

    def act(fault: Fault | None) -> Response:
        try:
            response = ok(work())
        except WechatError as problem:
            note(str(problem))
            return refused(problem)
        return garbled() if fault and fault.kind == "bad_signature" else response

    return serve_call(peer, target, _subject(), act=act, refuse=refused_by)


def _subject() -> dict[str, str]:
    """What `match` of a fault may look at: the query and the texts of the body's first level."""
    subject = request.args.to_dict()
    try:
        body = posted_json() if request.method == "POST" and not request.files else {}
    except WechatError:
        body = {}
    return subject | {name: value for name, value in body.items() if isinstance(value, str)}
