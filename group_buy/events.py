"""What group-buy tells."""

from dataclasses import dataclass
from typing import ClassVar

from kit.outbox import Event


@dataclass(frozen=True)
class GroupFormed(Event):
    """Enough seats of a group are paid; `house_seats` of them were filled by the house."""

    name: ClassVar[str] = "group_buy.formed"

    group_id: str
    campaign_id: str
    members: int
    house_seats: int


@dataclass(frozen=True)
class GroupFailed(Event):
    """A group's time is over, or nobody is left in it; every paid seat's money goes back."""

    name: ClassVar[str] = "group_buy.failed"

    group_id: str
    campaign_id: str
    paid_seats: int


@dataclass(frozen=True)
class SeatMoved(Event):
    """A payment came too late for one group, and its member has a seat in another."""

    name: ClassVar[str] = "group_buy.seat_moved"

    order_id: str
    member_id: str
    from_group_id: str
    to_group_id: str


@dataclass(frozen=True)
class InitiationPassed(Event):
    """The initiator left, and another member of the group is the initiator now."""

    name: ClassVar[str] = "group_buy.initiation_passed"

    group_id: str
    from_member_id: str
    to_member_id: str


@dataclass(frozen=True)
class GroupNudged(Event):
    """Somebody of a group asks its chat group to fill the last seats."""

    name: ClassVar[str] = "group_buy.nudged"

    group_id: str
    campaign_id: str
    seats_missing: int
