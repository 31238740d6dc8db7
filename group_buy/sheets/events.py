"""What order sheets tell."""

from dataclasses import dataclass
from typing import ClassVar

from kit.outbox import Event


@dataclass(frozen=True)
class SheetOpened(Event):
    """A leader opened an order sheet."""

    name: ClassVar[str] = "group_buy.sheet_opened"

    sheet_id: str
    leader_id: str


@dataclass(frozen=True)
class SheetConfirmed(Event):
    """A sheet reached its minimum and is decided; its paid orders are delivered."""

    name: ClassVar[str] = "group_buy.sheet_confirmed"

    sheet_id: str
    leader_id: str
    paid_entries: int


@dataclass(frozen=True)
class SheetFailed(Event):
    """A sheet's time is over below its minimum; every paid entry's money goes back."""

    name: ClassVar[str] = "group_buy.sheet_failed"

    sheet_id: str
    leader_id: str
    paid_entries: int


@dataclass(frozen=True)
class SheetCancelled(Event):
    """A leader called a sheet off; every paid entry's money goes back."""

    name: ClassVar[str] = "group_buy.sheet_cancelled"

    sheet_id: str
    leader_id: str
    paid_entries: int
