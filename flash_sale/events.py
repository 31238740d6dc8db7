"""What the flash sale tells."""

from dataclasses import dataclass
from typing import ClassVar

from kit.outbox import Event


@dataclass(frozen=True)
class UnitsClaimed(Event):
    """One group commit: these orders of a campaign wait for their payment."""

    name: ClassVar[str] = "flash_sale.claimed"

    campaign_id: str
    order_ids: list[str]


@dataclass(frozen=True)
class OfferMade(Event):
    """A unit is set aside for a member who waited or was drawn; theirs alone until `until`."""

    name: ClassVar[str] = "flash_sale.offer_made"

    wait_id: str
    campaign_id: str
    member_id: str
    until: str  # ISO 8601, UTC


@dataclass(frozen=True)
class LotteryDrawn(Event):
    """The draw of a lottery is made and may be checked by anyone."""

    name: ClassVar[str] = "flash_sale.lottery_drawn"

    campaign_id: str
    entries: int
    winners: int


@dataclass(frozen=True)
class OpeningReminded(Event):
    """A campaign opens in a few minutes, and these members asked to be told."""

    name: ClassVar[str] = "flash_sale.opening_reminded"

    campaign_id: str
    member_ids: list[str]


@dataclass(frozen=True)
class SamePayerNoticed(Event):
    """Units that several members claimed of one campaign were paid by one payer."""

    name: ClassVar[str] = "flash_sale.same_payer"

    campaign_id: str
    order_id: str
    member_id: str
    other_member_id: str
