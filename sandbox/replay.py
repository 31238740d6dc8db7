"""Genuine notices once more: byte for byte, newly signed, many at once or to another address."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sandbox.notices import Notice
from sandbox.peer import Peer
from sandbox.sender import PATIENCE_SECONDS, Answer, Message

MOST_REPEATS = 200


class NothingSent(ValueError):
    """A byte-for-byte replay of a notice that never left."""


def resend(peer: Peer, notice: Notice, order: dict[str, Any]) -> list[dict[str, Any]]:
    """Send `notice` again and return each answer.

    `times` (1), `parallel` (false: one after the other), `fresh` (true: signed anew; false: the
    bytes and headers of the first attempt that was sent), `url` (the notice's own).
    """
    times = min(int(order.get("times", 1)), MOST_REPEATS)
    message = _message(peer, notice, fresh=bool(order.get("fresh", True)))
    message = Message(str(order.get("url") or message.url), message.headers, message.body)

    def once(_: int) -> Answer:
        return peer.notices.send_and_record(notice, message, "resend")

    with ThreadPoolExecutor(times if order.get("parallel") else 1) as senders:
        answers = list(senders.map(once, range(times)))
    return [
        {
            "status": answer.status,
            "body": answer.body.decode("utf-8", "replace"),
            "outcome": answer.outcome,
        }
        for answer in answers
    ]


def attempts_of(peer: Peer, wanted: dict[str, str]) -> list[dict[str, Any]]:
    """Every notice with its attempts; `wanted` filters by subject (`out_trade_no`, …) or target."""
    with peer.store.read() as connection:
        rows = connection.execute("SELECT * FROM notices ORDER BY rowid").fetchall()
        attempts = connection.execute(
            "SELECT notice_id, at, url, outcome, status, answer, fault, headers"
            " FROM notice_attempts ORDER BY attempt_id"
        ).fetchall()
    by_notice: dict[str, list[dict[str, Any]]] = {}
    for attempt in attempts:
        shown = dict(attempt)
        shown["headers"] = json.loads(shown["headers"]) if shown["headers"] else None
        by_notice.setdefault(shown.pop("notice_id"), []).append(shown)
    items = [
        {
            **{name: row[name] for name in ("notice_id", "platform", "target", "event", "url")},
            "state": row["state"],
            "created_at": row["created_at"],
            "subject": json.loads(row["subject"]),
            "content": json.loads(row["content"]),
            "attempts": by_notice.get(row["notice_id"], []),
        }
        for row in rows
    ]
    return [item for item in items if _fits(item, wanted)]


def _fits(item: dict[str, Any], wanted: dict[str, str]) -> bool:
    shown = item["subject"] | {name: item[name] for name in ("notice_id", "target", "state")}
    return all(shown.get(name) == value for name, value in wanted.items())


def _message(peer: Peer, notice: Notice, *, fresh: bool) -> Message:
    """Signed anew, or the first attempt again; that one is on record once it was answered."""
    if fresh:
        return peer.notices.render(notice)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (message := _first_sent(peer, notice)) is None:
        if time.monotonic() > deadline:
            raise NothingSent("no attempt of this notice was sent")
        time.sleep(0.01)
    return message


def _first_sent(peer: Peer, notice: Notice) -> Message | None:
    with peer.store.read() as connection:
        row = connection.execute(
            "SELECT url, headers, body FROM notice_attempts"
            " WHERE notice_id = ? AND body IS NOT NULL ORDER BY attempt_id LIMIT 1",
            (notice.notice_id,),
        ).fetchone()
    return None if row is None else Message(row["url"], json.loads(row["headers"]), row["body"])
