"""Plans of campaigns and slots as operators write them in JSON files, read strictly."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from flash_sale.models import SaleMode
from flash_sale.rules import MOST_SHARDS
from flash_sale.rules import TermsPlan as FlashTermsPlan
from flash_sale.service import plan_flash_sale
from group_buy.rules import Rung
from group_buy.rules import TermsPlan as GroupTermsPlan
from group_buy.service import plan_group_buy
from kit.money import MOST_FEN, Fen
from shop.campaigns.models import Audience, Campaign, CampaignKind
from shop.campaigns.rules import Window
from shop.campaigns.service import ItemPlan, Plan
from shop.campaigns.slots import SlotPlan

Amount = Annotated[int, Field(strict=True, ge=1, le=MOST_FEN)]


class Part(BaseModel):
    """A part of a plan; names nobody knows are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ItemPart(Part):
    """A SKU, its deal price in fen, and how many units at most."""

    sku_id: UUID
    deal_price_fen: Amount
    allotment: int = Field(ge=1, le=1_000_000)


class RungPart(Part):
    """From so many paid seats on, everybody pays this price, in fen."""

    seats: int
    price_fen: Amount


class GroupPart(Part):
    """How groups work."""

    seats: int = Field(ge=2, le=200)
    lasts_seconds: int = Field(ge=1, le=2_592_000)
    ladder: list[RungPart] = []
    initiator_price_fen: Amount | None = None
    new_members_only: bool = False
    groups_per_member: int = Field(default=10, ge=1, le=100)
    seats_per_member: int = Field(default=1, ge=1, le=20)


class FlashPart(Part):
    """How units of a flash sale find their buyers."""

    mode: SaleMode = SaleMode.RUSH
    offer_seconds: int = Field(default=300, ge=1, le=604_800)
    shards: int = Field(default=1, ge=1, le=MOST_SHARDS)
    early_seconds: int = Field(default=0, ge=0, le=86_400)
    early_units: int = Field(default=0, ge=0, le=1_000_000)
    early_orders: int = Field(default=1, ge=1, le=1000)


class CampaignPlan(Part):
    """One campaign; moments carry their zone, as 2026-06-18T20:00:00+08:00."""

    kind: CampaignKind
    name: str = Field(min_length=1, max_length=80)
    warms_at: AwareDatetime | None = None
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    items: list[ItemPart] = Field(min_length=1, max_length=20)
    limit_per_member: int = Field(default=1, ge=1, le=100)
    pay_within_seconds: int = Field(default=900, ge=1, le=86_400)
    audience: Audience = Audience.ALL
    binds_days: int = Field(default=7, ge=1, le=90)
    rules_text: str = ""
    refund_promise: str = Field(default="", max_length=200)
    group: GroupPart | None = None
    flash: FlashPart | None = None

    @model_validator(mode="after")
    def _has_its_own_terms(self) -> "CampaignPlan":
        wants = {CampaignKind.GROUP_BUY: (True, False), CampaignKind.FLASH_SALE: (False, True)}
        if (self.group is not None, self.flash is not None) != wants[self.kind]:
            raise ValueError("a group_buy needs `group`, a flash_sale `flash`, and not the other")
        return self

    def write_down(self, session: Session, *, actor: str, now: datetime) -> Campaign:
        """Draft the campaign and its terms; raises `BadPlan` or `BadTerms`."""
        if self.group is not None:
            return plan_group_buy(
                session, self._plan(), _group_terms(self.group), actor=actor, now=now
            )
        assert self.flash is not None  # noqa: S101 - one of the two, as was checked
        return plan_flash_sale(
            session, self._plan(), _flash_terms(self.flash), actor=actor, now=now
        )

    def _plan(self) -> Plan:
        return Plan(
            name=self.name,
            window=Window(self.starts_at, self.ends_at, self.warms_at),
            items=[
                ItemPlan(item.sku_id, Fen(item.deal_price_fen), item.allotment)
                for item in self.items
            ],
            limit_per_member=self.limit_per_member,
            pay_within_seconds=self.pay_within_seconds,
            audience=self.audience,
            binds_days=self.binds_days,
            rules_text=self.rules_text,
            refund_promise=self.refund_promise,
        )


class SlotTemplate(Part):
    """One slot: the campaign it copies, on which days (Monday is 0), from when in Shanghai."""

    campaign_id: UUID
    name: str = Field(min_length=1, max_length=80)
    days: list[Annotated[int, Field(strict=True, ge=0, le=6)]] = Field(min_length=1)
    starts: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    lasts_seconds: int = Field(ge=60, le=2_592_000)
    warms_seconds: int = Field(default=0, ge=0, le=604_800)
    ahead_hours: int = Field(default=24, ge=1, le=336)

    def plan(self) -> SlotPlan:
        """Return when its campaigns are, and how long ahead each is made."""
        hour, minute = map(int, self.starts.split(":"))
        return SlotPlan(
            days=self.days,
            starts_minute=60 * hour + minute,
            lasts=timedelta(seconds=self.lasts_seconds),
            warms=timedelta(seconds=self.warms_seconds),
            ahead=timedelta(hours=self.ahead_hours),
        )


def _group_terms(group: GroupPart) -> GroupTermsPlan:
    initiator = group.initiator_price_fen
    return GroupTermsPlan(
        seats_required=group.seats,
        lasts=timedelta(seconds=group.lasts_seconds),
        ladder=[Rung(rung.seats, Fen(rung.price_fen)) for rung in group.ladder],
        initiator_price_fen=None if initiator is None else Fen(initiator),
        new_members_only=group.new_members_only,
        groups_per_member=group.groups_per_member,
        seats_per_member=group.seats_per_member,
    )


def _flash_terms(flash: FlashPart) -> FlashTermsPlan:
    return FlashTermsPlan(
        mode=flash.mode,
        offer=timedelta(seconds=flash.offer_seconds),
        shards=flash.shards,
        early=timedelta(seconds=flash.early_seconds),
        early_units=flash.early_units,
        early_orders=flash.early_orders,
    )
