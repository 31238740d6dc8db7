"""Notices to the merchant: written with the fact they tell, sent with retries until accepted."""

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sandbox.agenda import Agenda
from sandbox.clock import Clock
from sandbox.faults import Fault, FaultRegistry
from sandbox.sender import Answer, Message, send
from sandbox.settings import Settings
from sandbox.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS notices (
    notice_id TEXT PRIMARY KEY, platform TEXT NOT NULL, target TEXT NOT NULL, event TEXT NOT NULL,
    url TEXT NOT NULL, subject TEXT NOT NULL, content TEXT NOT NULL, state TEXT NOT NULL,
    tries INTEGER NOT NULL, next_at REAL, created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS notices_pending ON notices (state) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS notice_attempts (
    attempt_id INTEGER PRIMARY KEY, notice_id TEXT NOT NULL, at TEXT NOT NULL, url TEXT NOT NULL,
    outcome TEXT NOT NULL, status INTEGER, answer TEXT, fault TEXT, headers TEXT, body BLOB
);
CREATE INDEX IF NOT EXISTS attempts_by_notice ON notice_attempts (notice_id);
"""


@dataclass(frozen=True)
class Notice:
    """One thing to tell; `content` is the platform's own JSON, `subject` what `match` looks at."""

    notice_id: str
    platform: str
    target: str
    event: str
    url: str
    subject: dict[str, str]
    content: dict[str, Any]
    state: str = "pending"
    tries: int = 0


@dataclass(frozen=True)
class Channel:
    """How one platform sends notices.

    `ladder_seconds` are the waits after each failed attempt (unscaled); `render` signs (anew for
    each attempt; the fault is handed in for `wrong_amount` and `bad_signature`); `accepted` tells
    from HTTP status and body whether the merchant took it.
    """

    platform: str
    ladder_seconds: tuple[float, ...]
    render: Callable[[Notice, Fault | None], Message]
    accepted: Callable[[int, bytes], bool]


class Notices:
    """Delivery of every platform's notices; the rows are the truth, the agenda only rings."""

    def __init__(
        self, store: Store, clock: Clock, faults: FaultRegistry, agenda: Agenda, settings: Settings
    ) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self._agenda = agenda
        self._settings = settings
        self._channels: dict[str, Channel] = {}
        self._held: dict[str, list[str]] = {}
        store.ensure_schema(SCHEMA)

    def register(self, channel: Channel) -> None:
        """Make a platform able to send."""
        self._channels[channel.platform] = channel

    def resume(self) -> None:
        """After a start: take up every notice that is still undelivered."""
        with self._store.read() as connection:
            for row in connection.execute(
                "SELECT notice_id, next_at FROM notices WHERE state = 'pending'"
            ).fetchall():
                self._ring(row["notice_id"], row["next_at"] or time.time())

    def forget(self) -> None:
        """After a reset: nothing is held back any more."""
        self._held.clear()

    def announce(
        self,
        connection: sqlite3.Connection,
        *,
        platform: str,
        target: str,
        event: str,
        url: str,
        subject: Mapping[str, str],
        content: Mapping[str, Any],
    ) -> str:
        """Write a notice inside the transaction of its fact; call `wake` after the commit."""
        notice_id = str(uuid.uuid4())
        connection.execute(
            "INSERT INTO notices VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', 0, ?, ?)",
            (
                notice_id,
                platform,
                target,
                event,
                url,
                json.dumps(dict(subject)),
                json.dumps(dict(content), ensure_ascii=False),
                time.time(),
                self._clock.real_now().isoformat(),
            ),
        )
        return notice_id

    def wake(self, notice_id: str) -> None:
        """Send the first attempt now."""
        self._ring(notice_id, time.time())

    def find(self, notice_id: str) -> Notice | None:
        """The notice, or None."""
        with self._store.read() as connection:
            row = connection.execute(
                "SELECT * FROM notices WHERE notice_id = ?", (notice_id,)
            ).fetchone()
        return None if row is None else _notice(row)

    def render(self, notice: Notice, fault: Fault | None = None) -> Message:
        """Sign the notice as for a new attempt, without sending it."""
        return self._channels[notice.platform].render(notice, fault)

    def send_and_record(self, notice: Notice, message: Message, fault: str | None) -> Answer:
        """One HTTP request to the merchant, kept with its answer."""
        answer = send(message)
        with self._store.write() as connection:
            self._record(connection, notice, message, answer, fault)
        return answer

    def _ring(self, notice_id: str, due: float) -> None:
        self._agenda.at(due, lambda: self._attempt(notice_id))

    def _attempt(self, notice_id: str) -> None:
        notice = self.find(notice_id)
        if notice is None or notice.state != "pending":
            return
        fault = self._faults.take(notice.target, notice.subject)
        match fault.kind if fault else None:
            case "drop" | "error":
                unsent = (None, Answer(None, b"", "not sent"))
                self._settle(notice, [unsent], fault, accepted=False)
            case "delay":
                delay = fault.delay_seconds if fault else 0
                self._agenda.after(delay, lambda: self._deliver(notice, fault))
            case "reorder":
                self._held.setdefault(notice.target, []).append(notice_id)
            case _:
                self._deliver(notice, fault)

    def _deliver(self, notice: Notice, fault: Fault | None) -> None:
        """Send (as often as a duplicate asks), then settle by the last answer."""
        kind = fault.kind if fault else None
        sent: list[tuple[Message | None, Answer]] = []
        accepted = False
        for _ in range(int(fault.count) if fault and kind == "duplicate" else 1):
            message = self.render(notice, fault)
            answer = send(message)
            sent.append((message, answer))
            accepted = answer.status is not None and self._channels[notice.platform].accepted(
                answer.status, answer.body
            )
        accepted = accepted and kind != "timeout_after_acting"
        self._settle(notice, sent, fault, accepted=accepted)
        for held in self._held.pop(notice.target, []):
            self._agenda.after(0, partial(self._release, held))

    def _release(self, notice_id: str) -> None:
        """Send what was held back for the sake of another order."""
        notice = self.find(notice_id)
        if notice is not None and notice.state == "pending":
            self._deliver(notice, None)

    def _settle(
        self,
        notice: Notice,
        sent: list[tuple[Message | None, Answer]],
        fault: Fault | None,
        *,
        accepted: bool,
    ) -> None:
        """Keep what was sent; then delivered, or due again by the ladder, or given up."""
        ladder = self._channels[notice.platform].ladder_seconds
        next_at = None
        if accepted:
            state = "delivered"
        elif notice.tries >= len(ladder):
            state = "exhausted"
        else:
            state = "pending"
            next_at = time.time() + ladder[notice.tries] * self._settings.get("notice_scale")
        with self._store.write() as connection:
            for message, answer in sent:
                self._record(connection, notice, message, answer, fault.kind if fault else None)
            connection.execute(
                "UPDATE notices SET state = ?, tries = ?, next_at = ? WHERE notice_id = ?",
                (state, notice.tries + 1, next_at, notice.notice_id),
            )
        if next_at is not None:
            self._ring(notice.notice_id, next_at)

    def _record(
        self,
        connection: sqlite3.Connection,
        notice: Notice,
        message: Message | None,
        answer: Answer,
        fault: str | None,
    ) -> None:
        connection.execute(
            "INSERT INTO notice_attempts (notice_id, at, url, outcome, status, answer, fault,"
            " headers, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                notice.notice_id,
                self._clock.real_now().isoformat(),
                message.url if message else notice.url,
                answer.outcome,
                answer.status,
                answer.body[:500].decode("utf-8", "replace"),
                fault,
                json.dumps(message.headers) if message else None,
                message.body if message else None,
            ),
        )


def _notice(row: sqlite3.Row) -> Notice:
    return Notice(
        notice_id=row["notice_id"],
        platform=row["platform"],
        target=row["target"],
        event=row["event"],
        url=row["url"],
        subject=json.loads(row["subject"]),
        content=json.loads(row["content"]),
        state=row["state"],
        tries=row["tries"],
    )
