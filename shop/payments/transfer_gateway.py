"""What the shop asks of a payment platform that sends money to a person, in the shop's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from kit.money import Fen
from shop.payments.gateway import Channel


class TransferState(StrEnum):
    """How a transfer to a person stands at the platform."""

    PROCESSING = "processing"
    AWAITING_USER = "awaiting_user"  # the person must take it
    DONE = "done"
    FAILED = "failed"  # nothing was sent, and nothing will be
    CANCELLED = "cancelled"  # we took it back in time
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class TransferResult:
    """A transfer as the platform tells it, from its answer, a query or a notice."""

    channel: Channel
    merchant_id: str
    out_bill_no: str
    state: TransferState
    amount_fen: Fen | None  # None where the platform does not repeat it
    platform_no: str | None
    package_info: str | None = None  # what the client needs for the person to take it
    reason: str | None = None  # the platform's own word for a failure
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TransferNotice:
    """An authenticated notice about a transfer."""

    notice_id: str  # stable across the platform's repeats
    kind: str  # the platform's event type
    transfer: TransferResult | None  # None: another kind of notice, authentic and none of ours


class TransferGateway(Protocol):
    """One payment platform. Every call has a timeout and raises only `GatewayError` kinds."""

    @property
    def channel(self) -> Channel:
        """The channel this gateway serves."""
        ...

    @property
    def app_id(self) -> str:
        """Our application at the platform, to which people are bound."""
        ...

    @property
    def merchant_id(self) -> str:
        """Our merchant number (WeChat Pay) or seller id (Alipay)."""
        ...

    def send(self, *, out_bill_no: str, amount_fen: Fen, payee_ref: str) -> TransferResult:
        """Ask for a transfer; the same number, amount and person may be repeated and are one."""
        ...

    def query(self, *, out_bill_no: str) -> TransferResult:
        """Ask how a transfer stands; one the platform does not know has state `MISSING`."""
        ...

    def cancel(self, *, out_bill_no: str) -> None:
        """Take a transfer back that nobody has taken; `Refused` when it is too late for that."""
        ...

    def read_notice(
        self, *, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> TransferNotice:
        """Authenticate and read a notice from its raw bytes; raises `NoticeRejected`."""
        ...
