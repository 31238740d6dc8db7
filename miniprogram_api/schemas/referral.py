"""Invites, what came of them, and a leader's statement."""

from uuid import UUID

from pydantic import Field

from miniprogram_api.schemas.answers import Fen, Given, Moment, PageRead, Read, Sent
from shop.referral.models import EntryKind


class InviteIn(Sent):
    """What the invite is for."""

    campaign_id: UUID | None = Field(default=None, description="Null: for everything.")
    chat_group_id: UUID | None = Field(
        default=None, description="A chat group that I run: whom it brings is told apart."
    )


class ChatVisitIn(Sent):
    """What `wx.login` and, after it, `wx.getGroupEnterInfo` gave."""

    code: str = Field(min_length=1, max_length=256)
    encrypted_data: str = Field(min_length=1, max_length=4096)
    iv: str = Field(min_length=1, max_length=64)
    campaign_id: UUID | None = Field(default=None, description="Whose page was opened, if any.")


class PreviewOut(Given):
    """What I would earn on one unit, as the rules are now."""

    sku_id: UUID
    unit_fen: Fen


class InviteOut(Given):
    """A code of mine; it is the same each time."""

    code: str
    share_path: str = Field(description="The page to share, from the root of the site.")
    poster_path: str = Field(
        description="The poster, a PNG, from the root of the site; Alipay's with `?for=alipay`."
    )
    campaign_id: UUID | None
    chat_group_id: UUID | None
    views: int = Field(description="Looks at the page so far.")
    created_at: Moment
    previews: list[PreviewOut] = Field(description="For leaders, of a campaign's items.")


class InviteAnswer(Given):
    """My invite."""

    invite: InviteOut


class SumsOut(Given):
    """A leader's five sums; each is the sum of that field over the whole statement."""

    pending_fen: Fen = Field(description="Earned; the orders may still come back.")
    payable_fen: Fen
    withdrawing_fen: Fen = Field(description="Asked for; a withdrawal is open.")
    paid_fen: Fen
    debt_fen: Fen = Field(description="Paid for units that came back later; set off first.")


class FunnelOut(Given):
    """What came of my invites to one campaign or to everything, or of those of a chat group."""

    campaign_id: UUID | None
    campaign_name: str | None
    chat_group_id: UUID | None
    chat_group_name: str | None
    views: int
    members: int = Field(description="Members whom these invites bound.")
    paid_orders: int
    paid_fen: Fen | None = Field(description="For leaders alone.")
    refunded_orders: int = Field(description="Paid orders of which something went back.")
    refunded_fen: Fen | None = Field(description="For leaders alone.")


class RankOut(Given):
    """How I stand among all leaders whose invites to it were paid for."""

    campaign_id: UUID | None
    rank: int = Field(description="1 is the best; who sold as much has the same.")
    leaders: int
    sold_fen: Fen = Field(description="Paid, and not given back.")


class LeaderRead(Read):
    """How I stand as somebody who brings others."""

    is_leader: bool
    leader_since: Moment | None
    applied_at: Moment | None = Field(description="While an operator has not answered yet.")
    declined_why: str | None = Field(description="Of the last answer, if it was no.")
    sums: SumsOut
    funnels: list[FunnelOut] = Field(description="One for each campaign.")
    chat_group_funnels: list[FunnelOut] = Field(
        description="One for each chat group, over all campaigns; they are in the funnels too."
    )
    ranks: list[RankOut]


class EntryOut(Given):
    """A line of the statement: by how much each sum changed."""

    id: UUID
    kind: EntryKind
    commission_id: UUID | None
    withdrawal_id: UUID | None
    pending_fen: Fen
    payable_fen: Fen
    withdrawing_fen: Fen
    paid_fen: Fen
    debt_fen: Fen
    at: Moment


class EarningsPage(PageRead):
    """A page of my statement, newest first, and the sums of all of it."""

    sums: SumsOut
    items: list[EntryOut]
