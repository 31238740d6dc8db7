"""A platform in memory that sends money to people: once for a number, confirmed by the person."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kit.money import Fen
from shop.payments.gateway import Channel, NoticeRejected, Refused
from shop.payments.transfer_gateway import TransferNotice, TransferResult, TransferState
from tests.factories.platforms import Trouble

T = TransferState


@dataclass
class MemoryTransfers:
    """One platform; `trouble` may raise before or after it acts."""

    channel: Channel
    app_id: str = "app-1"
    merchant_id: str = "merchant-1"
    bills: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    starts: TransferState | None = None  # in which state, if not in the platform's own way
    refusal: str = ""  # of whatever is sent
    trouble: Trouble | None = None
    clock: Callable[[], datetime] = lambda: datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def send(self, *, out_bill_no: str, amount_fen: Fen, payee_ref: str) -> TransferResult:
        """Take a transfer in; the same number is the same transfer, for the same content alone."""
        self._suffer("send", out_bill_no, acted=False)
        if self.refusal:
            raise Refused("refused", code=self.refusal)
        wish = {"fen": int(amount_fen), "payee": payee_ref}
        usual = T.AWAITING_USER if self.channel is Channel.WECHAT_PAY else T.DONE
        bill = self.bills.setdefault(out_bill_no, {**wish, "state": self.starts or usual})
        if {name: bill[name] for name in wish} != wish:
            raise Refused("another content under this number", code="INVALID_REQUEST")
        self._suffer("send", out_bill_no, acted=True)
        is_waiting = bill["state"] is T.AWAITING_USER
        package_info = f"package-{out_bill_no}" if is_waiting else None
        return self.tell(out_bill_no, amount_fen=None, package_info=package_info)

    def query(self, *, out_bill_no: str) -> TransferResult:
        """Tell how a transfer stands."""
        self._suffer("query", out_bill_no, acted=False)
        return self.tell(out_bill_no)

    def cancel(self, *, out_bill_no: str) -> None:
        """Take back what nobody has taken."""
        self._suffer("cancel", out_bill_no, acted=False)
        bill = self.bills.get(out_bill_no)
        if bill is None or bill["state"] is not T.AWAITING_USER:
            raise Refused("too late", code="INVALID_REQUEST")
        bill["state"] = T.CANCELLED
        self._suffer("cancel", out_bill_no, acted=True)

    def read_notice(
        self, *, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> TransferNotice:
        """Read a notice that `notice` made."""
        if headers.get("X-Signature") != "genuine":
            raise NoticeRejected(headers.get("X-Signature") or "unsigned")
        told = json.loads(body)
        number = told.pop("out_bill_no")
        if "kind" in told:  # of something else
            return TransferNotice(f"t-{number}", told["kind"], None)
        if "state" in told:
            told["state"] = T(told["state"])
        return TransferNotice(f"t-{number}", "ended", self.tell(number, **told))

    # What people do there.

    def confirm(self, out_bill_no: str, state: TransferState = T.DONE) -> bool:
        """Take the money as the person does; False when there is none to be taken."""
        bill = self.bills.get(out_bill_no)
        if bill is None or bill["state"] not in (T.AWAITING_USER, T.PROCESSING):
            return False
        bill["state"] = state
        return True

    def notice(self, out_bill_no: str, **changes: Any) -> bytes:
        """Return the body of a notice that a transfer has ended."""
        return json.dumps({"out_bill_no": out_bill_no, **changes}).encode()

    def tell(self, out_bill_no: str, **changes: Any) -> TransferResult:
        """Return a transfer as the platform tells it, with `changes` when it lies."""
        bill = self.bills.get(out_bill_no)
        told: dict[str, Any] = {
            "channel": self.channel,
            "merchant_id": self.merchant_id,
            "out_bill_no": out_bill_no,
            "state": bill["state"] if bill else T.MISSING,
            "amount_fen": Fen(bill["fen"]) if bill else None,
            "platform_no": f"p-{out_bill_no}" if bill else None,
        }
        return TransferResult(**(told | changes))

    def paid_to(self, payee: str) -> int:
        """Return how much a person has got."""
        return sum(
            bill["fen"]
            for bill in self.bills.values()
            if bill["payee"] == payee and bill["state"] is T.DONE
        )

    def books(self) -> list[dict[str, Any]]:
        """Return the books as the sandbox writes them, for the auditor."""
        return [
            {"out_bill_no": number, "paid_fen": bill["fen"] if bill["state"] is T.DONE else 0}
            for number, bill in self.bills.items()
        ]

    def _suffer(self, name: str, number: str, *, acted: bool) -> None:
        if not acted:
            self.calls.append((name, number))
        if self.trouble is not None:
            self.trouble(name, acted)
