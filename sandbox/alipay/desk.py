"""One call of Alipay's gateway from the wire to its answer: checks, faults, work, signature."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Response, request

from sandbox.alipay import notices, refunds, trades
from sandbox.alipay.answers import (
    ERROR_NODE,
    AlipayError,
    GatewayRefusal,
    is_drawn,
    page,
    signed,
    unsigned,
)
from sandbox.alipay.gate import Parameters, check, parameters_of
from sandbox.alipay.money import fen, yuan
from sandbox.alipay.platform import Platform
from sandbox.calls import note, serve_call
from sandbox.faults import Fault
from sandbox.peer import Peer

Node = dict[str, Any]
Work = Callable[["Desk", Parameters, Fault | None], Node]
SUBJECT_NAMES = ("out_trade_no", "trade_no", "out_request_no", "subject", "bill_date", "out_biz_no")
USUAL = (("alipay.trade.", "ACQ.SYSTEM_ERROR"), ("alipay.fund.", "SYSTEM_ERROR"))
SIGN_IN = "alipay.system.oauth.token"


@dataclass(frozen=True)
class Method:
    """A method of the gateway: the target of its faults, its work, the amounts in its answer."""

    target: str
    work: Work
    amounts: tuple[str, ...] = ()


@dataclass
class Turn:
    """One transaction in the books; `told` are the notices that leave after it."""

    connection: sqlite3.Connection
    now: datetime
    told: list[str] = field(default_factory=list)


class Desk:
    """What the calls share: the peer, the keys, the methods."""

    def __init__(self, peer: Peer, methods: Mapping[str, Method]) -> None:
        self.peer = peer
        self.platform = Platform(peer.directory, peer.credentials)
        self._methods = methods

    def serve(self) -> Response:
        """Answer the request at hand."""
        try:
            parameters = parameters_of(request)
        except GatewayRefusal as problem:
            note(problem.sub_code)
            return unsigned(problem)
        name = parameters.get("method", "")
        method = self._methods.get(name)
        checked: list[bool] = []

        def act(fault: Fault | None) -> Response:
            try:
                if not checked:
                    self._check(parameters)
                    checked.append(True)
                return self._answered(name, parameters, fault)
            except GatewayRefusal as problem:
                note(problem.sub_code)  # its words may quote what the log must not hold
                return unsigned(problem)

        return serve_call(
            self.peer,
            method.target if method else "alipay.gateway",
            _subject(parameters),
            act=act,
            refuse=lambda fault: self._ordered(name, fault),
        )

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Write in the books; the notices leave when all is committed."""
        with self.peer.store.write() as connection:
            turn = Turn(connection, self.peer.clock.now())
            yield turn
        for notice_id in turn.told:
            self.peer.notices.wake(notice_id)

    def tell(self, turn: Turn, trade: sqlite3.Row, refund: sqlite3.Row | None = None) -> str | None:
        """Announce what became of the trade within the turn."""
        notice_id = notices.announce(
            self.peer, self.platform, turn.connection, trade=trade, refund=refund
        )
        if notice_id is not None:
            turn.told.append(notice_id)
        return notice_id

    def resume(self) -> None:
        """After a start: take up what a former process left to be done."""
        with self.peer.store.read() as connection:
            waiting = connection.execute(
                "SELECT trade_no, expires_at FROM ap_trades WHERE state = 'WAIT_BUYER_PAY'"
            ).fetchall()
            due = connection.execute("SELECT * FROM ap_refunds WHERE due IS NOT NULL").fetchall()
        for row in waiting:
            self.expire_at(row["trade_no"], row["expires_at"])
        for row in due:
            self.finish_at(row["trade_no"], row["out_request_no"], row["due"])

    def expire_at(self, trade_no: str, expires_at: str) -> None:
        """Have the trade closed when nobody paid it in time (as the clock runs now)."""
        due = datetime.fromisoformat(expires_at).timestamp() - self.peer.clock.offset_seconds
        self.peer.agenda.at(due, lambda: self.expire({"trade_no": trade_no}))

    def expire(self, content: Mapping[str, Any]) -> None:
        """Close the trade if its time is over, and tell; otherwise nothing."""
        with self.peer.store.read() as connection:
            trade = trades.find(connection, content)
        if trade is None or not trades.is_overdue(trade, self.peer.clock.now()):
            return
        with self.turn() as turn:
            trade = trades.find(turn.connection, content)
            if trade is not None and trades.is_overdue(trade, turn.now):
                self.tell(turn, trades.end(turn.connection, trade["trade_no"], turn.now))

    def refund_due(self) -> float:
        """When a refund that takes its time finishes, in wall-clock seconds."""
        return time.time() + float(self.peer.settings.get("refund_processing_seconds"))

    def finish_at(self, trade_no: str, out_request_no: str, due: float) -> None:
        """Have the refund finished at `due`."""
        self.peer.agenda.at(due, lambda: self._finish_refund(trade_no, out_request_no))

    def finish(self, turn: Turn, trade_no: str, out_request_no: str) -> None:
        """The money moves, and the merchant is told."""
        refund = refunds.finish(turn.connection, trade_no, out_request_no, turn.now)
        if refund is not None:
            trade = trades.named(turn.connection, {"trade_no": trade_no})
            self.tell(turn, trade, refund)

    def use_balance(self, connection: sqlite3.Connection, amount_fen: int) -> None:
        """ACQ.SELLER_BALANCE_NOT_ENOUGH when all refunds together would exceed the set balance."""
        balance_fen = self.peer.settings.get("alipay_balance_fen")
        if balance_fen is None:
            return
        spent = connection.execute("SELECT COALESCE(SUM(amount_fen), 0) FROM ap_refunds")
        if spent.fetchone()[0] + amount_fen > balance_fen:
            raise AlipayError("ACQ.SELLER_BALANCE_NOT_ENOUGH", "商户的支付宝账户余额不足")

    def _finish_refund(self, trade_no: str, out_request_no: str) -> None:
        with self.turn() as turn:
            self.finish(turn, trade_no, out_request_no)

    def _check(self, parameters: Parameters) -> None:
        check(
            parameters,
            self.platform,
            methods=self._methods,
            now=self.peer.clock.real_now(),
            require_rsa=self.peer.settings.get("require_rsa"),
        )

    def _answered(self, name: str, parameters: Parameters, fault: Fault | None) -> Response:
        """Do the work; its success and its refusal are both signed."""
        method = self._methods[name]
        corrupt = fault is not None and fault.kind == "bad_signature"
        try:
            node = method.work(self, parameters, fault)
        except GatewayRefusal:
            raise
        except AlipayError as problem:
            note(str(problem))
            return self._signed(_node_name(name, problem), problem.node, corrupt=corrupt)
        if fault and fault.kind == "wrong_amount":
            node = node | {
                amount: yuan(fault.wrong_fen(fen(node[amount]) or 0))
                for amount in method.amounts
                if amount in node
            }
        return self._signed(_node_name(name), node, corrupt=corrupt)

    def _signed(self, node_name: str, node: Node, *, corrupt: bool = False) -> Response:
        settings = self.peer.settings
        return signed(
            self.platform.signing_key(settings.get("alipay_certificate")),
            node_name,
            node,
            require_rsa=settings.get("require_rsa"),
            corrupt=corrupt,
            awkward=is_drawn(settings.get("alipay_awkward_share")),
        )

    def _ordered(self, name: str, fault: Fault) -> Response:
        """The error that a fault orders: a proxy's page for a status, else a signed refusal."""
        if fault.status not in {None, 200}:
            return page(fault.status or 502)
        usual = next((code for start, code in USUAL if name.startswith(start)), "isp.unknow-error")
        problem = AlipayError(fault.code or usual, "系统繁忙")
        return self._signed(_node_name(name, problem), problem.node)


def _node_name(method: str, problem: AlipayError | None = None) -> str:
    """The method with underscores; a refused sign-in comes as `error_response`."""
    if method == SIGN_IN and problem is not None:
        return ERROR_NODE
    return method.replace(".", "_") + "_response"


def _subject(parameters: Parameters) -> dict[str, str]:
    """What `match` of a fault may look at, read leniently before any check."""
    try:
        content = json.loads(parameters.get("biz_content") or "{}")
    except (ValueError, RecursionError):
        return dict(parameters)
    if not isinstance(content, dict):
        return dict(parameters)
    named = {name: content[name] for name in SUBJECT_NAMES if isinstance(content.get(name), str)}
    return dict(parameters) | named
