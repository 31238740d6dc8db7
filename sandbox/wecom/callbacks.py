"""What WeCom pushes about customer groups, and the hands that change them."""

import sqlite3
from datetime import timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from flask import Blueprint

from sandbox.control import BadOrder, control_body, text_field
from sandbox.faults import Fault
from sandbox.notices import Channel, Notice
from sandbox.peer import Peer
from sandbox.pushes import Address, with_query, xml_of
from sandbox.sender import PATIENCE_SECONDS, Message

ADDRESS = "wecom_callback_url"
LADDER_SECONDS = (5, 5)  # three times in all
DETAILS = {
    "join": "add_member",
    "leave": "del_member",
    "owner": "change_owner",
    "rename": "change_name",
    "notice": "change_notice",
}
FORGED = {"url", "notice_id", "token", "aes_key", "receiver", "age_seconds", "text", "corrupt"}


def address_of(peer: Peer, **changes: str) -> Address:
    """The merchant's address, or one that differs from it."""
    names = peer.credentials["wecom"]
    values = {
        "token": names["callback_token"],
        "aes_key": names["callback_aes_key"],
        "receiver": names["corp_id"],
    }
    return Address(**(values | changes))


def channel(peer: Peer) -> Channel:
    """How `sandbox.notices` delivers for this platform."""

    def render(notice: Notice, fault: Fault | None) -> Message:
        corrupt = fault is not None and fault.kind == "bad_signature"
        now = peer.clock.real_now()
        text = xml_of(notice.content)
        return address_of(peer).message(notice.url, text, now, corrupt=corrupt)

    return Channel(
        platform="wecom",
        ladder_seconds=LADDER_SECONDS,
        render=render,
        accepted=lambda status, body: status == 200 and body in (b"", b"success"),
    )


def announce(
    peer: Peer, connection: sqlite3.Connection, chat_id: str, change: str, count: int = 0
) -> str | None:
    """Write what became of a customer group; None when nobody is to be told."""
    url = peer.settings.get(ADDRESS)
    if not url:
        return None
    content: dict[str, Any] = {
        "ToUserName": peer.credentials["wecom"]["corp_id"],
        "FromUserName": "sys",
        "CreateTime": int(peer.clock.now().timestamp()),
        "MsgType": "event",
        "Event": "change_external_chat",
        "ChatId": chat_id,
        "ChangeType": "update" if change in DETAILS else change,
    }
    if change in DETAILS:
        told = connection.execute("SELECT COUNT(*) AS told FROM notices").fetchone()["told"]
        versions = {"LastMemVer": f"v{told}", "CurMemVer": f"v{told + 1}"}
        content |= {"UpdateDetail": DETAILS[change], "MemChangeCnt": count, **versions}
    return peer.notices.announce(
        connection,
        platform="wecom",
        target="wecom.notice",
        event=content.get("UpdateDetail", change),
        url=url,
        subject={"chat_id": chat_id},
        content=content,
    )


def add(blueprint: Blueprint, peer: Peer) -> None:
    """Control paths: change a group as its owner does, save the address, forge."""

    @blueprint.post("/sandbox/wecom/change-group")
    def change_group() -> dict[str, Any]:
        body = control_body()
        chat_id, change = text_field(body, "chat_id"), text_field(body, "change")
        if change not in {*DETAILS, "dismiss"}:
            raise BadOrder("change must be one of " + ", ".join([*DETAILS, "dismiss"]))
        with peer.store.write() as connection:
            _change(connection, chat_id, change, body)
            count = int(body.get("count", 1)) if change in ("join", "leave") else 0
            notice_id = announce(peer, connection, chat_id, change, count)
        if notice_id is not None:
            peer.notices.wake(notice_id)
        return {"notice_id": notice_id}

    @blueprint.post("/sandbox/wecom/save-address")
    def save_address() -> dict[str, Any]:
        return _challenged(peer, control_body())

    @blueprint.post("/sandbox/wecom/forge")
    def forge() -> dict[str, Any]:
        return _forged(peer, control_body())


def _change(
    connection: sqlite3.Connection, chat_id: str, change: str, body: dict[str, Any]
) -> None:
    """Rename a customer group, give it to another owner, or end it."""
    found = connection.execute(
        "SELECT 1 FROM wc_groups WHERE chat_id = ? AND robot_key IS NULL", (chat_id,)
    ).fetchone()
    if found is None:
        raise BadOrder("no such customer group")
    if change == "dismiss":
        connection.execute("DELETE FROM wc_groups WHERE chat_id = ?", (chat_id,))
    elif change == "rename":
        name = text_field(body, "name")
        connection.execute("UPDATE wc_groups SET name = ? WHERE chat_id = ?", (name, chat_id))
    elif change == "owner":
        owner = text_field(body, "owner")
        connection.execute("UPDATE wc_groups SET owner = ? WHERE chat_id = ?", (owner, chat_id))


def _challenged(peer: Peer, order: dict[str, Any]) -> dict[str, Any]:
    """What saving the address in WeCom's console does: the text must come back in plain."""
    url = order.get("url") or peer.settings.get(ADDRESS)
    if not isinstance(url, str) or not url.startswith("http"):
        raise BadOrder("there is no address")
    text, address = str(order.get("text", "7391824650193827")), address_of(peer)
    sealed = address.sealed(text)
    query = address.query(sealed, peer.clock.real_now(), corrupt=bool(order.get("corrupt")))
    target = with_query(url, query | {"echostr": sealed})
    try:
        with urlopen(target, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - http, as above
            status, body = answer.status, answer.read(4096)
    except HTTPError as refused:
        status, body = refused.code, refused.read(4096)
    return {"saved": status == 200 and body == text.encode(), "status": status}


def _forged(peer: Peer, order: dict[str, Any]) -> dict[str, Any]:
    """Send a changed copy of a genuine message and return the merchant's answer.

    `text` is another content; `token`, `aes_key` and `receiver` replace the true ones,
    `age_seconds` makes it older, `corrupt` signs it wrongly.
    """
    if not set(order) <= FORGED:
        raise BadOrder(f"known are {', '.join(sorted(FORGED))}")
    notice = peer.notices.find(text_field(order, "notice_id"))
    if notice is None or notice.platform != "wecom":
        raise BadOrder("no such notice")
    changes = {name: order[name] for name in ("token", "aes_key", "receiver") if name in order}
    sent_at = peer.clock.real_now() - timedelta(seconds=float(order.get("age_seconds", 0)))
    message = address_of(peer, **changes).message(
        str(order.get("url", notice.url)),
        str(order.get("text", xml_of(notice.content))),
        sent_at,
        corrupt=bool(order.get("corrupt")),
    )
    answer = peer.notices.send_and_record(notice, message, "forged")
    body = answer.body.decode("utf-8", "replace")
    return {"status": answer.status, "body": body, "outcome": answer.outcome}
