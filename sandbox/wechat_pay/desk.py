"""One WeChat Pay call from the wire to its answer: checks, faults, the work, the signature."""

import json
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from flask import Response, request

from sandbox.calls import note, serve_call
from sandbox.faults import Fault
from sandbox.peer import Peer
from sandbox.wechat_pay import refunds
from sandbox.wechat_pay.answers import PayError, refused, refused_by, signed
from sandbox.wechat_pay.authorization import Nonces, check_authorization, check_headers
from sandbox.wechat_pay.notices import content, with_other_amount
from sandbox.wechat_pay.platform import Platform

SUBJECT_NAMES = (
    "out_trade_no",
    "transaction_id",
    "out_refund_no",
    "description",
    "bill_date",
    "out_bill_no",
)
ORDERS_PER_SECOND = 500
REFUNDS_PER_SECOND = 150
BAD_REFUNDS_PER_SECOND = 6

Work = Callable[[Fault | None], dict[str, Any] | None]


class Desk:
    """What the routes share: the peer, the keys, the nonces that were used."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.platform = Platform(peer.directory, peer.credentials)
        self._nonces = Nonces()

    def serve(self, target: str, work: Work, **named: str) -> Response:
        """Check the request, do the work, sign the answer; PayError becomes its error body."""
        checked: list[bool] = []

        def act(fault: Fault | None) -> Response:
            try:
                if not checked:
                    self.check()
                    checked.append(True)
                body = work(fault)
            except PayError as problem:
                note(str(problem))
                return refused(problem)
            if fault and fault.kind == "wrong_amount" and body:
                body = with_other_amount(body, fault)
            return signed(
                self.platform,
                body,
                corrupt=fault is not None and fault.kind == "bad_signature",
                require_rsa=self.peer.settings.get("require_rsa"),
            )

        return serve_call(self.peer, target, self.subject(named), act=act, refuse=refused_by)

    def check(self, *, any_answer: bool = False) -> None:
        """Headers and signature of the request at hand."""
        check_headers(request, any_answer=any_answer)
        check_authorization(
            request,
            self.platform,
            self._nonces,
            require_rsa=self.peer.settings.get("require_rsa"),
        )

    def subject(self, named: dict[str, str]) -> dict[str, str]:
        """What `match` of a fault may look at, read leniently before any check."""
        subject = dict(named) | request.args.to_dict()
        try:
            body = json.loads(request.get_data() or b"{}")
        except (ValueError, RecursionError):
            return subject
        if isinstance(body, dict):
            subject |= {
                name: str(body[name]) for name in SUBJECT_NAMES if isinstance(body.get(name), str)
            }
        return subject

    def check_rate(self, key: str, most: int) -> None:
        """429 when the calls of this second are too many."""
        if not self.peer.settings.get("rate_limits"):
            return
        if not self.peer.limits.allow(f"wechat_pay.{key}", most, 1.0):
            raise PayError("FREQUENCY_LIMITED", "频率超限", number=268447840)

    def check_bad_refunds(self) -> None:
        """After six refused refunds in a second, every refund is refused."""
        key = "wechat_pay.bad_refund"
        limited = self.peer.settings.get("rate_limits")
        if limited and self.peer.limits.reached(key, BAD_REFUNDS_PER_SECOND, 1.0):
            raise PayError("FREQUENCY_LIMITED", "频率超限", number=268447840)

    def count_bad_refund(self) -> None:
        """A refused refund was counted against the merchant."""
        self.peer.limits.allow("wechat_pay.bad_refund", BAD_REFUNDS_PER_SECOND, 1.0)

    def use_balance(self, connection: sqlite3.Connection, amount_fen: int) -> None:
        """403 NOT_ENOUGH when what is refunded in all would exceed the set balance."""
        balance_fen = self.peer.settings.get("wechat_pay_balance_fen")
        if balance_fen is None:
            return
        spent_fen = connection.execute(
            "SELECT COALESCE(SUM(amount_fen), 0) FROM wp_refunds WHERE status != 'CLOSED'"
        ).fetchone()[0]
        if spent_fen + amount_fen > balance_fen:
            raise PayError("NOT_ENOUGH", "基本账户余额不足，请充值后重新发起")

    def resume_refunds(self) -> None:
        """After a start: finish what a former process accepted."""
        with self.peer.store.read() as connection:
            rows = connection.execute(
                "SELECT out_refund_no, due FROM wp_refunds WHERE due IS NOT NULL"
            ).fetchall()
        for row in rows:
            self.finish_at(row["out_refund_no"], row["due"])

    def refund_due(self) -> float:
        """When a refund accepted now finishes, in wall-clock seconds."""
        return time.time() + float(self.peer.settings.get("refund_processing_seconds"))

    def finish_at(self, out_refund_no: str, due: float) -> None:
        """Have the refund finished at `due`."""
        self.peer.agenda.at(due, lambda: self._finish_refund(out_refund_no))

    def _finish_refund(self, out_refund_no: str) -> None:
        """The money arrived (or did not): the row and its notice in one transaction."""
        outcome = self.peer.settings.get("wechat_pay_refund_outcome")
        notice_id = None
        with self.peer.store.write() as connection:
            row = refunds.finish(connection, out_refund_no, outcome, self.peer.clock.now())
            if row is not None and row["notify_url"]:
                notice_id = self.peer.notices.announce(
                    connection,
                    platform="wechat_pay",
                    target="wechat_pay.refund_notice",
                    event=f"REFUND.{outcome}",
                    url=row["notify_url"],
                    subject={
                        "out_trade_no": row["out_trade_no"],
                        "transaction_id": row["transaction_id"],
                        "out_refund_no": row["out_refund_no"],
                    },
                    content=content(
                        self.peer,
                        event_type=f"REFUND.{outcome}",
                        original_type="refund",
                        plain=refunds.told(row, self.platform.mch_id),
                    ),
                )
        if notice_id is not None:
            self.peer.notices.wake(notice_id)
