"""Reading what an invite shows, and what the platforms have made for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from kit.clock import SHANGHAI
from kit.money import Fen, to_yuan
from shop.campaigns import queries as campaigns
from shop.campaigns.models import Campaign
from shop.catalog.models import Product, Sku
from shop.members import queries as members
from shop.posters.models import PlatformCode
from shop.referral import persons
from shop.referral.models import Invite

SOMEBODY: Final = "一位朋友"  # who chose no name
GENERAL: Final = "团卡 · 放心买卡"


@dataclass(frozen=True, slots=True)
class Ware:
    """One thing that a campaign sells."""

    title: str
    price_fen: Fen
    list_price_fen: Fen

    @property
    def price(self) -> str:
        """Return what it costs here, in yuan."""
        return to_yuan(self.price_fen)

    @property
    def list_price(self) -> str | None:
        """Return what it costs elsewhere, in yuan; None when that is no more."""
        return to_yuan(self.list_price_fen) if self.list_price_fen > self.price_fen else None


@dataclass(frozen=True, slots=True)
class Shared:
    """What an invite shows to everybody: nothing of the inviter but the name they go by."""

    code: str
    inviter: str
    title: str = GENERAL
    picture: str | None = None
    opens: str | None = None
    ends: str | None = None
    wares: tuple[Ware, ...] = ()

    @property
    def cheapest(self) -> Ware | None:
        """Return the ware whose price is named."""
        return min(self.wares, key=lambda ware: ware.price_fen, default=None)


def view_invite(session: Session, invite: Invite) -> Shared:
    """Return what the invite shows; of a campaign that is not shown, nothing."""
    inviter = members.get_member(session, persons.find_root(session, invite.member_id))
    name = inviter.nickname or SOMEBODY
    campaign = None if invite.campaign_id is None else session.get(Campaign, invite.campaign_id)
    if campaign is None or campaign.status not in campaigns.SHOWN:
        return Shared(invite.code, name)
    items = campaigns.list_items(session, [campaign.id])[campaign.id]
    sold = {
        sku.id: (sku, product)
        for sku, product in session.execute(
            select(Sku, Product)
            .join(Product, Product.id == Sku.product_id)
            .where(Sku.id.in_([item.sku_id for item in items]))
        )
    }
    pictures = [picture for _, product in sold.values() for picture in product.pictures[:1]]
    return Shared(
        code=invite.code,
        inviter=name,
        title=campaign.name,
        picture=pictures[0] if pictures else None,
        opens=_local(campaign.starts_at),
        ends=_local(campaign.ends_at),
        wares=tuple(
            _ware(*sold[item.sku_id], item.deal_price_fen) for item in items if item.sku_id in sold
        ),
    )


def list_codes(session: Session, invite_id: UUID) -> Sequence[PlatformCode]:
    """Return what was made, or is to be made, for the invite."""
    return session.scalars(select(PlatformCode).where(PlatformCode.invite_id == invite_id)).all()


def is_good(code: PlatformCode, *, now: datetime) -> bool:
    """Say whether the code was made and has not ended."""
    return code.made_at is not None and (code.ends_at is None or code.ends_at > now)


def due_codes(now: datetime) -> Select[UUID]:
    """Select the ids of codes that are to be made, longest due first."""
    return select(PlatformCode.id).where(PlatformCode.due_at <= now).order_by(PlatformCode.due_at)


def _ware(sku: Sku, product: Product, price_fen: Fen) -> Ware:
    return Ware(f"{product.title} {sku.title}", price_fen, sku.list_price_fen)


def _local(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
