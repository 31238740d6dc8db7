"""What the shop asks of a payment platform, in the shop's own words, whichever platform it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from kit.money import Fen


class Channel(StrEnum):
    """Through which platform a payment goes."""

    WECHAT_PAY = "wechat_pay"
    ALIPAY = "alipay"


class TradeState(StrEnum):
    """How a trade stands at the platform."""

    NOT_PAID = "not_paid"
    PAID = "paid"
    CLOSED = "closed"
    REFUNDED = "refunded"  # it was paid; all or part of it went back
    MISSING = "missing"


class RefundState(StrEnum):
    """How a refund stands at the platform."""

    PROCESSING = "processing"
    DONE = "done"
    ABNORMAL = "abnormal"  # the payer's account cannot take it; a person must act
    CLOSED = "closed"
    MISSING = "missing"


class GatewayError(Exception):
    """The platform did not do what was asked; `code` is the platform's own, for logs and people."""

    def __init__(self, message: str, *, code: str = "") -> None:
        """Keep the platform's `code` beside the message."""
        super().__init__(message)
        self.code = code


class ResultUnknown(GatewayError):
    """Timeout, 5xx or unsigned answer: it may have happened. Query, then repeat the same number."""


class Refused(GatewayError):
    """The platform understood and refused; repeating the same request will not help."""


class Busy(GatewayError):
    """The platform asks for patience (rate limit, busy): repeat later with the same number."""


class AlreadyPaid(Refused):
    """The trade is paid already, so it can neither be closed nor opened again."""


class AlreadyClosed(Refused):
    """The trade is closed, so it cannot be paid or opened again."""


class BillMissing(GatewayError):
    """There is no bill for that day (yet)."""


class NoticeRejected(Exception):
    """A notice failed authentication or form; `reason` is a stable word for the security event."""

    def __init__(self, reason: str) -> None:
        """Keep the stable `reason`."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Prepay:
    """What the platform gave for an opened trade; `params` is what the client library takes."""

    platform_ref: str  # prepay_id at WeChat Pay, trade_no at Alipay
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade as the platform tells it, from a query or a notice; amounts in fen, times UTC."""

    channel: Channel
    app_id: str
    merchant_id: str
    out_trade_no: str
    state: TradeState
    transaction_no: str | None
    total_fen: Fen | None
    currency: str
    payer_ref: str | None  # openid / open_id of the payer
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefundResult:
    """A refund as the platform tells it, from its answer, a query or a notice."""

    channel: Channel
    merchant_id: str
    out_trade_no: str
    out_refund_no: str
    state: RefundState
    amount_fen: Fen | None
    platform_refund_no: str | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Notice:
    """An authenticated notice: a `trade`, a `refund`, or neither when there is nothing to do.

    Notices about transfers to people come to an address of their own.
    """

    channel: Channel
    notice_id: str  # stable across the platform's repeats
    kind: str  # the platform's event type
    trade: Trade | None
    refund: RefundResult | None


class BillRowKind(StrEnum):
    """What a row of a bill tells."""

    PAYMENT = "payment"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class BillRow:
    """One row of a platform's daily bill; amounts in fen, both positive."""

    kind: BillRowKind
    transaction_no: str
    out_trade_no: str
    out_refund_no: str | None
    amount_fen: Fen
    fee_fen: Fen  # negative when the platform gives the fee back
    at: datetime


@dataclass(frozen=True, slots=True)
class Bill:
    """A platform's daily bill, checked against its own hash and totals."""

    channel: Channel
    day: date  # the business day in Asia/Shanghai
    rows: tuple[BillRow, ...]
    sha256: str  # of the file as downloaded, for the record


class PaymentGateway(Protocol):
    """One payment platform. Every call has a timeout and raises only `GatewayError` kinds."""

    @property
    def channel(self) -> Channel:
        """The channel this gateway serves."""
        ...

    @property
    def app_id(self) -> str:
        """Our application at the platform, to which payers and trades are bound."""
        ...

    @property
    def merchant_id(self) -> str:
        """Our merchant number (WeChat Pay) or seller id (Alipay)."""
        ...

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
        """Open a trade, repeatable as it is; `AlreadyPaid` or `AlreadyClosed` when too late."""
        ...

    def query(self, *, out_trade_no: str) -> Trade:
        """Ask how a trade stands; a trade the platform does not know has state `MISSING`."""
        ...

    def close(self, *, out_trade_no: str) -> None:
        """Close an unpaid trade; a closed or unknown one succeeds too; `AlreadyPaid` else."""
        ...

    def refund(
        self,
        *,
        out_trade_no: str,
        out_refund_no: str,
        refund_fen: Fen,
        total_fen: Fen,
        reason: str,
    ) -> RefundResult:
        """Ask for a refund; the same number and amount may be repeated and is one refund."""
        ...

    def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> RefundResult:
        """Ask how a refund stands; one the platform does not know has state `MISSING`."""
        ...

    def read_notice(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Authenticate and read a notice from its raw bytes; raises `NoticeRejected`."""
        ...

    def download_bill(self, *, day: date) -> Bill:
        """Download and check the bill of a business day; raises `BillMissing` without one."""
        ...
