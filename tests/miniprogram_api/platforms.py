"""Payment and identity platforms in memory, as the ports see them, for tests of the door."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count
from typing import Any

from kit.money import Fen
from shop.members.platforms import CodeRefused, Platform, PlatformIdentity, PlatformUnavailable
from shop.outreach.gateway import ChannelUnavailable, Verdict
from shop.payments.gateway import (
    Bill,
    BillMissing,
    Channel,
    Notice,
    NoticeRejected,
    Prepay,
    RefundResult,
    RefundState,
    ResultUnknown,
    Trade,
    TradeState,
)

GENUINE = "genuine"


@dataclass
class MemoryGateway:
    """A payment platform that remembers its trades; a notice is genuine when its header says so."""

    channel: Channel
    app_id: str = "app-1"
    merchant_id: str = "merchant-1"
    is_silent: bool = False
    amounts: dict[str, Fen] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))

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
        """Open a trade, the same for the same number."""
        if self.is_silent:
            raise ResultUnknown("no answer")
        self.amounts[out_trade_no] = amount_fen
        return Prepay(f"prepay-{out_trade_no}", {"package": f"prepay_id={out_trade_no}"})

    def query(self, *, out_trade_no: str) -> Trade:
        """Tell of a trade that nobody has paid."""
        return self.trade(out_trade_no, state=TradeState.NOT_PAID)

    def close(self, *, out_trade_no: str) -> None:
        """Close a trade."""
        self.amounts.pop(out_trade_no, None)

    def refund(
        self, *, out_trade_no: str, out_refund_no: str, refund_fen: Fen, total_fen: Fen, reason: str
    ) -> RefundResult:
        """Take a refund and go on working at it."""
        return RefundResult(
            channel=self.channel,
            merchant_id=self.merchant_id,
            out_trade_no=out_trade_no,
            out_refund_no=out_refund_no,
            state=RefundState.PROCESSING,
            amount_fen=refund_fen,
            platform_refund_no=None,
            finished_at=None,
        )

    def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> RefundResult:
        """Tell of a refund that is not finished."""
        return self.refund(
            out_trade_no=out_trade_no,
            out_refund_no=out_refund_no,
            refund_fen=Fen(1),
            total_fen=Fen(1),
            reason="",
        )

    def read_notice(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Read `{"out_trade_no", "total_fen"?}` as a paid trade when the header is right."""
        signature = headers.get("X-Signature", "bad_signature")
        if signature != GENUINE:
            raise NoticeRejected(signature)
        told = json.loads(body)
        number = told["out_trade_no"]
        trade = self.trade(number, state=TradeState.PAID, total_fen=told.get("total_fen"))
        return Notice(self.channel, f"n-{next(self.numbers)}", "paid", trade, None)

    def download_bill(self, *, day: date) -> Bill:
        """Have no bill."""
        raise BillMissing("none")

    def trade(self, number: str, *, state: TradeState, total_fen: int | None = None) -> Trade:
        """Return a trade as this platform would tell it."""
        return Trade(
            channel=self.channel,
            app_id=self.app_id,
            merchant_id=self.merchant_id,
            out_trade_no=number,
            state=state,
            transaction_no=f"{self.channel}-{number}",
            total_fen=Fen(total_fen) if total_fen is not None else self.amounts.get(number),
            currency="CNY",
            payer_ref="payer",
            paid_at=None,
        )


@dataclass
class MemoryIdentities:
    """A platform whose one-time code is "open-id:nonce", good once."""

    platform: Platform
    is_silent: bool = False
    used: set[str] = field(default_factory=set)

    def identify(self, *, code: str) -> PlatformIdentity:
        """Exchange a code."""
        if self.is_silent:
            raise PlatformUnavailable
        if ":" not in code or code in self.used:
            raise CodeRefused
        self.used.add(code)
        return PlatformIdentity(self.platform, "app-1", code.split(":", maxsplit=1)[0], None)

    def phone_number(self, *, credential: str, now: datetime) -> str:
        """Return the number in the credential "phone:+86…"."""
        if not credential.startswith("phone:"):
            raise CodeRefused
        return credential.removeprefix("phone:")


class MemoryDesk:
    """A shipping desk that takes everything."""

    def report_delivery(
        self, *, merchant_id: str, out_trade_no: str, open_id: str, item: str, at: datetime
    ) -> None:
        """Take the report."""


@dataclass
class MemoryCheck:
    """A platform that finds something in texts with "赌" or "微信", and remembers who asked."""

    is_silent: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    def check(self, *, text: str, open_id: str) -> Verdict:
        """Judge."""
        self.asked.append((text, open_id))
        if self.is_silent:
            raise ChannelUnavailable("no answer")
        if "赌" in text:
            return Verdict.RISKY
        return Verdict.REVIEW if "微信" in text else Verdict.PASS
