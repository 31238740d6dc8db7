"""To act as who gets messages: templates, grants, and what arrived."""

from typing import Any

from flask import Blueprint, request

from sandbox.books import Report
from sandbox.control import BadOrder, control_body, text_field
from sandbox.peer import Peer
from sandbox.store import Store
from sandbox.wechat import message_values, messages

MOST_TIMES = 1000


def add(blueprint: Blueprint, peer: Peer) -> None:
    """Control paths of subscribe messages under `/sandbox/wechat`."""
    _add_templates(blueprint, peer)
    _add_grants(blueprint, peer)


def _add_templates(blueprint: Blueprint, peer: Peer) -> None:
    @blueprint.post("/sandbox/wechat/templates")
    def keep_template() -> dict[str, Any]:
        body = control_body()
        template_id, names = body.get("template_id"), body.get("fields")
        if not isinstance(template_id, str | None):
            raise BadOrder("template_id must be a text")
        if not isinstance(names, list) or not names:
            raise BadOrder("fields must be a list of names")
        if not all(isinstance(name, str) and message_values.kind_of(name) for name in names):
            raise BadOrder("fields must be named like thing1")
        with peer.store.write() as connection:
            return {"template_id": messages.keep_template(connection, template_id, names)}


def _add_grants(blueprint: Blueprint, peer: Peer) -> None:
    @blueprint.post("/sandbox/wechat/grants")
    def grant() -> dict[str, Any]:
        body = control_body()
        openid, template_id = text_field(body, "openid"), text_field(body, "template_id")
        times = body.get("times", 1)
        if type(times) is not int or not 0 <= times <= MOST_TIMES:
            raise BadOrder("times must be a number")
        with peer.store.write() as connection:
            if messages.names_of(connection, template_id) is None:
                raise BadOrder("no such template")
            return {"times": messages.grant(connection, openid, template_id, times)}

    @blueprint.get("/sandbox/wechat/messages")
    def arrived() -> dict[str, Any]:
        openid = request.args.get("openid")
        with peer.store.read() as connection:
            found = messages.sent(connection)
        return {"items": [one for one in found if openid in (None, one["openid"])]}


def report(store: Store) -> Report:
    """WeChat's part of `GET /sandbox/books`: who was written to, by which template, when."""
    with store.read() as connection:
        rows = connection.execute(
            "SELECT number, openid, template_id, sent_at FROM wx_messages ORDER BY number"
        ).fetchall()
    return {"subscribe_messages": [dict(row) for row in rows]}
