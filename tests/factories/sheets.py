"""Order sheets on the workbench: leaders, what they may sell, members who order and pay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from app.reactions import REACTIONS
from group_buy.sheets import deciding, jobs, joining, leaving, queries, service
from group_buy.sheets.joining import Ordered, Wish
from group_buy.sheets.models import OrderSheet, SheetEntry
from group_buy.sheets.rules import Offer, SheetPlan
from kit.money import Fen
from kit.outbox import relay
from shop.catalog.models import SaleChannel
from shop.members import leaders
from shop.members.models import Member
from shop.orders.rules import LineWanted
from tests.factories.bench import PAY_WITHIN, Bench

LASTS: Final = timedelta(hours=2)
PRICE: Final = 900


@dataclass
class SheetBench:
    """A shop whose leaders open sheets; methods open their own transactions."""

    shop: Bench

    def leader(self) -> UUID:
        """Return a new member whom an operator approved."""
        member_id = self.shop.member()
        with self.shop.begin() as session:
            leaders.approve_leader(session, member_id, now=self.shop.now)
        return member_id

    def sku(self, stock: int = 5, *, lowest: int = 800, highest: int = 1200, **more: Any) -> UUID:
        """Put a SKU on sale that leaders may sell within a band."""
        return self.shop.sku(stock, help_sell_min_fen=lowest, help_sell_max_fen=highest, **more)

    def open(
        self,
        *offers: tuple[UUID, int],
        leader_id: UUID | None = None,
        minimum_fen: int = 0,
        **more: Any,
    ) -> UUID:
        """Open a sheet and return its id; without offers it has one SKU at 9 yuan."""
        plan = SheetPlan(
            title=more.pop("title", "周末点卡接龙"),
            ends_at=more.pop("ends_at", self.shop.now + LASTS),
            minimum_fen=Fen(minimum_fen),
            offers=[Offer(sku, Fen(price)) for sku, price in offers or ((self.sku(), PRICE),)],
            **more,
        )
        opener = leader_id or self.leader()
        with self.shop.begin() as session:
            return service.open_sheet(session, opener, plan, now=self.shop.now).id

    def order(
        self, sheet_id: UUID, *wanted: tuple[UUID, int], member_id: UUID | None = None
    ) -> Ordered:
        """Have a member order from the sheet; one unit of its first SKU unless told otherwise."""
        wish = Wish(
            member_id=member_id or self.shop.member(),
            sale_channel=SaleChannel.H5,
            wanted=[LineWanted(*line) for line in wanted or ((self.first_sku(sheet_id), 1),)],
            pay_within=PAY_WITHIN,
        )
        with self.shop.begin() as session:
            return joining.order_from_sheet(session, sheet_id, wish, now=self.shop.now)

    def pay(self, ordered: Ordered) -> Ordered:
        """Have the order paid, told and brought to its entry."""
        number = self.shop.start_payment(ordered.order.id).out_trade_no
        self.shop.wechat.pay(number)
        self.shop.notify(number)
        self.relay()
        return ordered

    def bought(self, sheet_id: UUID, *wanted: tuple[UUID, int]) -> Ordered:
        """Have a new member order and pay."""
        return self.pay(self.order(sheet_id, *wanted))

    def leave(self, sheet_id: UUID, member_id: UUID) -> None:
        """Leave as a member does."""
        with self.shop.begin() as session:
            leaving.leave_sheet(session, sheet_id, member_id=member_id, now=self.shop.now)

    def close(self, sheet_id: UUID, leader_id: UUID | None = None) -> None:
        """Close as the leader does."""
        opener = leader_id or self.sheet(sheet_id).leader_id
        with self.shop.begin() as session:
            deciding.close_sheet(session, sheet_id, leader_id=opener, now=self.shop.now)

    def cancel(self, sheet_id: UUID, leader_id: UUID | None = None) -> None:
        """Cancel as the leader does."""
        opener = leader_id or self.sheet(sheet_id).leader_id
        with self.shop.begin() as session:
            deciding.cancel_sheet(session, sheet_id, leader_id=opener, now=self.shop.now)

    def decide(self) -> None:
        """Run the sweep of sheets."""
        self.shop.failed += jobs.decide_due_sheets(self.shop.begin, now=self.shop.now).failed

    def relay(self) -> None:
        """Bring waiting events to their handlers."""
        relay(self.shop.begin, REACTIONS, now=self.shop.now)

    def finish(self, *, rounds: int = 6) -> None:
        """Let time go past every deadline, with all sweeps running, until all has ended."""
        self.shop.now += LASTS
        for _ in range(rounds):
            self.shop.sweep()
            self.relay()
            self.decide()
            self.relay()
            self.shop.now += timedelta(seconds=61)
        self.shop.recover()

    def sheet(self, sheet_id: UUID) -> OrderSheet:
        """Return the sheet as it stands."""
        with self.shop.begin() as session:
            return queries.get_sheet(session, sheet_id)

    def entries(self, sheet_id: UUID) -> Sequence[SheetEntry]:
        """Return the sheet's entries by number."""
        with self.shop.begin() as session:
            return queries.list_entries(session, sheet_id)

    def statuses(self, sheet_id: UUID) -> list[str]:
        """Return how the sheet's entries stand, by number."""
        return [entry.status.value for entry in self.entries(sheet_id)]

    def first_sku(self, sheet_id: UUID) -> UUID:
        """Return the first SKU on the sheet."""
        with self.shop.begin() as session:
            return queries.list_items(session, [sheet_id])[sheet_id][0].sku_id

    def member(self, member_id: UUID) -> Member:
        """Return the member as they stand."""
        with self.shop.begin() as session:
            return session.get_one(Member, member_id)

    def in_order(self) -> None:
        """Find nothing wrong, here or in the platforms' books."""
        assert self.shop.violations(with_books=True) == []
        assert self.shop.failed == 0
