"""A payment platform in memory that behaves: trades, payers, refunds, notices, bills, trouble."""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from kit.clock import business_date
from kit.money import Fen
from shop.payments.gateway import (
    AlreadyClosed,
    AlreadyPaid,
    Bill,
    BillMissing,
    BillRow,
    BillRowKind,
    Channel,
    Notice,
    NoticeRejected,
    Prepay,
    RefundResult,
    RefundState,
    Refused,
    Trade,
    TradeState,
)

Trouble = Callable[[str, bool], None]  # is told the call and whether the platform has acted


@dataclass
class MemoryPlatform:
    """One platform; `trouble` may raise before or after it acts, `file` outlives a process."""

    channel: Channel
    app_id: str = "app-1"
    merchant_id: str = "merchant-1"
    trades: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    refund_state: RefundState = RefundState.DONE  # in which refunds end here
    fee_basis_points: int = 0
    payer: str | None = "payer"  # who pays for everybody; None: each for themselves
    trouble: Trouble | None = None
    clock: Callable[[], datetime] = lambda: datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    file: Path | None = None
    lock: Any = field(default_factory=threading.RLock)

    def prepay(
        self,
        *,
        out_trade_no: str,
        amount_fen: Fen,
        description: str,
        payer_ref: str,
        expires_at: datetime,
        now: datetime,
    ) -> Prepay:
        """Open a trade; the same number is the same trade, for the same amount alone."""
        with self._call("prepay", out_trade_no):
            opened = {"fen": int(amount_fen), "state": "not_paid", "at": None, "payer": payer_ref}
            trade = self.trades.setdefault(out_trade_no, opened)
            if (trade["fen"], trade["payer"]) != (amount_fen, payer_ref):
                raise Refused("another request under this number", code="PARAM_ERROR")
            if trade["state"] in ("paid", "refunded"):
                raise AlreadyPaid("paid")
            if trade["state"] == "closed":
                raise AlreadyClosed("closed")
            return Prepay(f"ref-{out_trade_no}", {"package": f"prepay_id={out_trade_no}"})

    def query(self, *, out_trade_no: str) -> Trade:
        """Tell how a trade stands."""
        with self._call("query", out_trade_no):
            return self.tell(out_trade_no)

    def close(self, *, out_trade_no: str) -> None:
        """Close a trade that nobody paid."""
        with self._call("close", out_trade_no):
            trade = self.trades.get(out_trade_no)
            if trade is not None and trade["state"] in ("paid", "refunded"):
                raise AlreadyPaid("paid")
            if trade is not None:
                trade["state"] = "closed"

    def refund(
        self, *, out_trade_no: str, out_refund_no: str, refund_fen: Fen, total_fen: Fen, reason: str
    ) -> RefundResult:
        """Give money back once per number; never more than was paid."""
        with self._call("refund", out_refund_no):
            trade, known = self.trades[out_trade_no], self.refunds.get(out_refund_no)
            if trade["state"] not in ("paid", "refunded") or trade["fen"] != total_fen:
                raise Refused("no such payment", code="RESOURCE_NOT_EXISTS")
            if known is not None and known["fen"] != refund_fen:
                raise Refused("another amount under this number", code="PARAM_ERROR")
            if known is None:
                self._take_refund(trade, out_trade_no, out_refund_no, int(refund_fen))
            return self.tell_refund(out_refund_no)

    def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> RefundResult:
        """Tell how a refund stands."""
        with self._call("query_refund", out_refund_no):
            if out_refund_no in self.refunds:
                return self.tell_refund(out_refund_no)
            return self._refund_result(out_trade_no, out_refund_no, RefundState.MISSING)

    def read_notice(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Read a notice that `notice` or `refund_notice` made."""
        if headers.get("X-Signature") != "genuine":
            raise NoticeRejected("bad_signature")
        told = json.loads(body)
        if "out_refund_no" in told:
            refund = self.tell_refund(told["out_refund_no"])
            return Notice(self.channel, told["id"], "refund", None, refund)
        return Notice(self.channel, told["id"], "paid", self.tell(told["out_trade_no"]), None)

    def download_bill(self, *, day: date) -> Bill:
        """Write the bill of a day; `BillMissing` when nothing happened."""
        with self._call("download_bill", day.isoformat()):
            rows = self.bill_rows(day)
            if not rows:
                raise BillMissing("nothing happened", code="NO_STATEMENT_EXIST")
            digest = hashlib.sha256(repr(rows).encode()).hexdigest()
            return Bill(self.channel, day, tuple(rows), digest)

    # What people do there.

    def pay(self, out_trade_no: str, *, at: datetime | None = None, force: bool = False) -> None:
        """Pay as the member does; `force` pays even a closed trade, as a slow bank may."""
        with self.lock:
            trade = self.trades[out_trade_no]
            if trade["state"] == "not_paid" or (force and trade["state"] == "closed"):
                trade.update(state="paid", at=(at or self.clock()).isoformat())
                self._save()

    def finish_refunds(self, state: RefundState = RefundState.DONE) -> None:
        """End every refund that is being worked at."""
        with self.lock:
            for refund in self.refunds.values():
                if refund["state"] == RefundState.PROCESSING:
                    refund.update(state=state.value, at=self.clock().isoformat())
            self._save()

    def notice(self, out_trade_no: str, *, notice_id: str = "") -> bytes:
        """Return the body of a notice that a trade is paid."""
        told = {"id": notice_id or f"n-{out_trade_no}", "out_trade_no": out_trade_no}
        return json.dumps(told).encode()

    def refund_notice(self, out_refund_no: str) -> bytes:
        """Return the body of a notice that a refund has ended."""
        return json.dumps({"id": f"r-{out_refund_no}", "out_refund_no": out_refund_no}).encode()

    def is_paid(self, out_trade_no: str) -> bool:
        """Say whether money came in under a number."""
        return self.trades.get(out_trade_no, {}).get("state") in ("paid", "refunded")

    def tell(self, out_trade_no: str, **changes: Any) -> Trade:
        """Return a trade as the platform tells it, with `changes` when it lies."""
        known, is_paid = self.trades.get(out_trade_no), self.is_paid(out_trade_no)
        told: dict[str, Any] = {
            "channel": self.channel,
            "app_id": self.app_id,
            "merchant_id": self.merchant_id,
            "out_trade_no": out_trade_no,
            "state": TradeState(known["state"]) if known else TradeState.MISSING,
            "transaction_no": f"{self.channel}-{out_trade_no}" if is_paid else None,
            "total_fen": Fen(known["fen"]) if known else None,
            "currency": "CNY",
            "payer_ref": (self.payer or known["payer"]) if known and is_paid else None,
            "paid_at": datetime.fromisoformat(known["at"]) if known and known["at"] else None,
        }
        return Trade(**(told | changes))

    def tell_refund(self, out_refund_no: str) -> RefundResult:
        """Return a refund as the platform tells it."""
        known = self.refunds[out_refund_no]
        state = RefundState(known["state"])
        return self._refund_result(
            known["out_trade_no"],
            out_refund_no,
            state,
            amount_fen=Fen(known["fen"]),
            finished_at=datetime.fromisoformat(known["at"]) if state == RefundState.DONE else None,
        )

    def bill_rows(self, day: date) -> list[BillRow]:
        """Return the rows of a day's bill."""
        paid = [
            self._row(BillRowKind.PAYMENT, number, None, trade["fen"], trade["at"])
            for number, trade in self.trades.items()
            if trade["at"] is not None
        ]
        returned = [
            self._row(
                BillRowKind.REFUND, refund["out_trade_no"], number, refund["fen"], refund["at"]
            )
            for number, refund in self.refunds.items()
            if refund["state"] == RefundState.DONE
        ]
        return [row for row in paid + returned if business_date(row.at) == day]

    def books(self) -> dict[str, list[dict[str, Any]]]:
        """Return the books as the sandbox writes them, for the auditor."""
        orders = [
            {
                "out_trade_no": number,
                "transaction_no": f"{self.channel}-{number}",
                "total_fen": trade["fen"],
                "state": "SUCCESS" if self.is_paid(number) else "NOTPAY",
                "refunded_fen": 0,
            }
            for number, trade in self.trades.items()
        ]
        refunds = [
            {"out_refund_no": number, "refunded_fen": refund["fen"]}
            for number, refund in self.refunds.items()
            if refund["state"] == RefundState.DONE
        ]
        return {"orders": orders, "refunds": refunds}

    def load(self) -> None:
        """Read what another process wrote down."""
        if self.file is not None and self.file.exists():
            self.trades, self.refunds = json.loads(self.file.read_text())

    def _take_refund(self, trade: dict[str, Any], trade_no: str, refund_no: str, fen: int) -> None:
        before = sum(
            other["fen"] for other in self.refunds.values() if other["out_trade_no"] == trade_no
        )
        if before + fen > trade["fen"]:
            raise Refused("more than was paid", code="NOT_ENOUGH")
        self.refunds[refund_no] = {
            "out_trade_no": trade_no,
            "fen": fen,
            "state": self.refund_state.value,
            "at": self.clock().isoformat(),
        }
        trade["state"] = "refunded"

    def _refund_result(
        self, trade_no: str, refund_no: str, state: RefundState, **more: Any
    ) -> RefundResult:
        told: dict[str, Any] = {
            "channel": self.channel,
            "merchant_id": self.merchant_id,
            "out_trade_no": trade_no,
            "out_refund_no": refund_no,
            "state": state,
            "amount_fen": None,
            "platform_refund_no": f"p-{refund_no}",
            "finished_at": None,
        }
        return RefundResult(**(told | more))

    def _row(
        self, kind: BillRowKind, trade_no: str, refund_no: str | None, fen: int, at: str
    ) -> BillRow:
        sign = 1 if kind is BillRowKind.PAYMENT else -1
        return BillRow(
            kind=kind,
            transaction_no=f"{self.channel}-{trade_no}",
            out_trade_no=trade_no,
            out_refund_no=refund_no,
            amount_fen=Fen(fen),
            fee_fen=Fen(sign * (fen * self.fee_basis_points // 10_000)),
            at=datetime.fromisoformat(at),
        )

    def _call(self, name: str, number: str) -> "_Call":
        return _Call(self, name, number)

    def _save(self) -> None:
        if self.file is not None:
            half = self.file.with_suffix(".half")
            half.write_text(json.dumps([self.trades, self.refunds]))
            half.replace(self.file)


class _Call:
    """One call: trouble before, one caller at a time, trouble after, and what was done is kept."""

    def __init__(self, platform: MemoryPlatform, name: str, number: str) -> None:
        self.platform, self.name = platform, name
        platform.calls.append((name, number))

    def __enter__(self) -> None:
        if self.platform.trouble is not None:
            self.platform.trouble(self.name, False)
        self.platform.lock.acquire()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.platform._save()
        self.platform.lock.release()
        if kind is None and self.platform.trouble is not None:
            self.platform.trouble(self.name, True)
