"""Campaigns as members see them."""

from uuid import UUID

from pydantic import Field

from flash_sale.models import SaleMode
from miniprogram_api.schemas.answers import Fen, Given, Moment, PageQuery, PageRead, Read
from miniprogram_api.schemas.products import CanBuyOut
from shop.campaigns.models import Audience, CampaignKind, CampaignStatus
from shop.campaigns.rules import Phase


class CampaignQuery(PageQuery):
    """Which campaigns."""

    kind: CampaignKind | None = None
    status: CampaignStatus | None = None


class CampaignItemOut(Given):
    """A SKU in a campaign, at its deal price."""

    sku_id: UUID
    product_id: UUID
    product_title: str
    sku_title: str
    picture: str | None
    face_value_fen: Fen
    list_price_fen: Fen
    price_fen: Fen
    stock_left: int


class RungOut(Given):
    """From so many paid seats on, everybody pays this price."""

    seats: int
    price_fen: Fen


class GroupTermsOut(Given):
    """How groups of the campaign work."""

    seats_required: int
    seats_max: int
    ladder: list[RungOut]
    initiator_price_fen: Fen | None
    lasts_seconds: int
    new_members_only: bool
    groups_per_member: int
    seats_per_member: int


class FlashTermsOut(Given):
    """How units of a flash sale find their buyers."""

    mode: SaleMode
    claims_url: str = Field(description="Where claims are sent, with a purchase token.")
    offer_seconds: int = Field(description="How long an offer of the waitlist is good.")
    early_starts_at: Moment | None
    early_units: int
    early_orders: int | None = Field(description="Earlier orders that early access asks for.")
    draw_commitment: str | None = Field(description="Of a lottery: what binds its draw, base64.")


class CampaignOut(Given):
    """A campaign; its rules stand from the moment it is published."""

    id: UUID
    kind: CampaignKind
    status: CampaignStatus
    phase: Phase
    name: str
    rules_text: str
    refund_promise: str
    audience: Audience
    limit_per_member: int
    warms_at: Moment | None
    starts_at: Moment
    ends_at: Moment
    pause_reason: str | None
    price_fen: Fen = Field(description="The lowest deal price of its items, in fen.")
    stock_left: int
    can_buy: CanBuyOut
    items: list[CampaignItemOut]
    group_terms: GroupTermsOut | None
    flash_terms: FlashTermsOut | None


class CampaignRead(CampaignOut, Read):
    """One campaign."""


class CampaignPage(PageRead):
    """A page of campaigns, newest first."""

    items: list[CampaignOut]
