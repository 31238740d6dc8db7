"""What both gateways do with an answer: read it, hold it to what was asked, or say "missing"."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from kit.crypto import same
from kit.money import Fen
from shop.payments.gateway import (
    Channel,
    RefundResult,
    RefundState,
    Refused,
    ResultUnknown,
    Trade,
    TradeState,
)
from shop.payments.reading import OUR_NUMBER, Unreadable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Party:
    """Who we are at a platform."""

    channel: Channel
    app_id: str
    merchant_id: str

    def missing_trade(self, out_trade_no: str) -> Trade:
        """Return a trade that the platform does not know."""
        return Trade(
            channel=self.channel,
            app_id=self.app_id,
            merchant_id=self.merchant_id,
            out_trade_no=out_trade_no,
            state=TradeState.MISSING,
            transaction_no=None,
            total_fen=None,
            currency="CNY",
            payer_ref=None,
            paid_at=None,
        )

    def refund(
        self,
        out_trade_no: str,
        out_refund_no: str,
        state: RefundState,
        *,
        amount_fen: Fen | None = None,
        finished_at: datetime | None = None,
    ) -> RefundResult:
        """Return a refund in a state of which the platform gives no number of its own."""
        return RefundResult(
            channel=self.channel,
            merchant_id=self.merchant_id,
            out_trade_no=out_trade_no,
            out_refund_no=out_refund_no,
            state=state,
            amount_fen=amount_fen,
            platform_refund_no=None,
            finished_at=finished_at,
        )


def our_number(number: str) -> str:
    """Return a number that every platform takes as it is; `Refused` before any call else.

    A library that signs one spelling and sends another would make the call fail in odd ways.
    """
    if not OUR_NUMBER.fullmatch(number):
        raise Refused("a number takes 6 to 32 of [0-9A-Za-z_]", code="OUR_NUMBER")
    return number


def read_answer(read: Callable[[], T]) -> T:
    """Read an authentic answer; one of another form leaves the result unknown."""
    try:
        return read()
    except Unreadable as exc:
        raise ResultUnknown(f"unreadable answer: {exc}", code="UNREADABLE") from None


def must_echo(*pairs: tuple[object, object]) -> None:
    """Hold an answer to what was asked: `ResultUnknown` unless both of each pair are the same."""
    if not all(same(str(told), str(asked)) for told, asked in pairs):
        raise ResultUnknown("the answer is about something else", code="WRONG_ECHO")
