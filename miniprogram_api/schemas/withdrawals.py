"""Withdrawals of what leaders earn."""

from uuid import UUID

from pydantic import Field

from miniprogram_api.schemas.answers import Fen, Given, Moment, PageRead, Read, Sent
from shop.payments.gateway import Channel
from shop.withdrawals.models import WithdrawalStatus


class WithdrawalIn(Sent):
    """How much, and through which platform."""

    amount_fen: Fen
    channel: Channel


class WithdrawalOut(Given):
    """A withdrawal of mine."""

    id: UUID
    number: str
    channel: Channel
    status: WithdrawalStatus
    amount_fen: Fen = Field(description="Taken out of what is payable.")
    fee_fen: Fen = Field(description="Kept of it.")
    net_fen: Fen = Field(description="What I get.")
    params: dict[str, str] | None = Field(
        description="Pass these to `wx.requestMerchantTransfer` while it is `awaiting_user`."
    )
    reason: str | None = Field(description="Why it came to nothing.")
    can_cancel: bool = Field(description="It has not ended; what was taken is paid all the same.")
    requested_at: Moment
    ended_at: Moment | None


class WithdrawalAnswer(Given):
    """The withdrawal as it stands."""

    withdrawal: WithdrawalOut


class WithdrawalRead(Read):
    """The withdrawal as it stands, and when to look again."""

    withdrawal: WithdrawalOut


class TermsOut(Given):
    """What may be withdrawn."""

    minimum_fen: Fen
    maximum_fen: Fen = Field(description="For one withdrawal.")
    daily_fen: Fen = Field(description="For all of one day in Shanghai.")
    fee_basis_points: int
    review_from_fen: Fen = Field(description="From here on an operator looks at it first.")


class WithdrawalsPage(PageRead):
    """A page of my withdrawals, newest first, and what I may withdraw."""

    terms: TermsOut
    payable_fen: Fen
    left_today_fen: Fen
    items: list[WithdrawalOut]
