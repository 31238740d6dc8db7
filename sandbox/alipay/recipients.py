"""To act as who gets Alipay's messages: templates, subscriptions, and what arrived."""

from typing import Any

from flask import Blueprint, request

from sandbox.alipay import messages
from sandbox.alipay.desk import Desk
from sandbox.control import BadOrder, control_body, text_field

MOST_KEYWORDS = 10
MOST_TIMES = 1000


def add(blueprint: Blueprint, desk: Desk) -> None:
    """Control paths of messages under `/sandbox/alipay`."""

    @blueprint.post("/sandbox/alipay/templates")
    def keep_template() -> dict[str, str]:
        body = control_body()
        template_id, keywords = body.get("template_id"), body.get("keywords")
        if not isinstance(template_id, str | None):
            raise BadOrder("template_id must be a text")
        if type(keywords) is not int or not 1 <= keywords <= MOST_KEYWORDS:
            raise BadOrder("keywords must be their number")
        with desk.turn() as turn:
            kept = messages.keep_template(turn.connection, template_id, keywords)
        return {"template_id": kept}

    @blueprint.post("/sandbox/alipay/grants")
    def subscribe() -> dict[str, int]:
        body = control_body()
        open_id, template_id = text_field(body, "open_id"), text_field(body, "template_id")
        times = body.get("times", 1)
        if type(times) is not int or not 0 <= times <= MOST_TIMES:
            raise BadOrder("times must be a number")
        with desk.turn() as turn:
            if messages.keywords_of(turn.connection, template_id) is None:
                raise BadOrder("no such template")
            messages.subscribe(turn.connection, open_id, template_id, times)
        return {"times": times}

    @blueprint.get("/sandbox/alipay/messages")
    def arrived() -> dict[str, Any]:
        open_id = request.args.get("open_id")
        with desk.peer.store.read() as connection:
            found = messages.sent(connection)
        return {"items": [one for one in found if open_id in (None, one["open_id"])]}
