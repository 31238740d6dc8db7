"""Starting a payment."""

from uuid import UUID

from pydantic import Field

from miniprogram_api.schemas.answers import Fen, Given, Moment, Sent
from shop.payments.gateway import Channel
from shop.payments.models import PaymentStatus


class PaymentIn(Sent):
    """Through which platform to pay."""

    channel: Channel


class PaymentOut(Given):
    """A trade that is open at the platform."""

    id: UUID
    order_id: UUID
    channel: Channel
    status: PaymentStatus
    amount_fen: Fen
    expires_at: Moment


class PaymentAnswer(Given):
    """The trade, and what `wx.requestPayment` or `my.tradePay` takes."""

    payment: PaymentOut
    params: dict[str, str] = Field(description="Pass these to the platform's client library.")
