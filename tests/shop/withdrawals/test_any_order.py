"""Selling, giving back, maturing and withdrawing in any order, with calls lost: no fen is lost."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker

from kit.errors import DomainError
from shop.payments.gateway import Channel, ResultUnknown
from shop.payments.transfer_gateway import TransferState
from shop.withdrawals import queries, service
from tests.factories.referrals import HOLDS, ReferralBench
from tests.factories.withdrawals import UNSURE, fail_once

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PRICE, SHARE = 333, 1111
LATENESS = {"I7.refunds_in_time", "I16.orders_come_to_an_end", "I16.commissions_come_to_an_end"}
ACTIONS = (
    *("withdraw", "withdraw", "withdraw", "send", "lose", "accept", "accept", "lapse", "cancel"),
    *("sell", "give_back", "give_back", "hear", "hear", "mature", "mature"),
    *("withdraw", "accept", "give_back", "hear", "mature", "withdraw", "lapse"),
)
PICKS = st.lists(st.integers(0, 5), min_size=len(ACTIONS), max_size=len(ACTIONS))


class Walk:
    """One leader and whatever happens to what they earn."""

    def __init__(self, shop: ReferralBench, seen: Counter[str]) -> None:
        self.shop, self.seen = shop, seen
        shop.rule(basis_points=SHARE)
        self.leader = shop.leader()
        self.buyer = shop.brought(self.leader)
        self.sku_id = shop.sku(100, price_fen=PRICE)
        self.orders: list[UUID] = []
        for _ in range(2):
            self.sell(2)
        shop.mature()

    def sell(self, pick: int) -> None:
        """Sell up to three units to somebody whom the leader brought, however long ago."""
        self.shop.open(self.leader, self.buyer)
        self.orders.append(self.shop.buy(self.buyer, (self.sku_id, 1 + pick % 3)))

    def do(self, action: str, pick: int) -> None:
        """Let one thing happen; what is refused is no harm."""
        with suppress(DomainError):
            getattr(self, action)(pick)
            self.seen[action] += 1
        self.check()

    def give_back(self, pick: int) -> None:
        """A unit of an order goes back; the news of it is not heard yet."""
        order_id = self.orders[pick % len(self.orders)]
        self.shop.refund(order_id, line_id=self.shop.lines(order_id)[0].id, quantity=1)
        self.shop.sweep("refund")

    def hear(self, _: int) -> None:
        """All the news is heard."""
        self.shop.relay()

    def mature(self, _: int) -> None:
        """Time goes by."""
        self.shop.mature(HOLDS)

    def withdraw(self, pick: int) -> None:
        """The leader asks for a part of what is payable."""
        channel = list(Channel)[pick % 2]
        self.shop.withdraw(self.leader, self.shop.sums(self.leader)[1] // (1 + pick % 3), channel)

    def send(self, _: int) -> None:
        """What is open is sent, or asked about."""
        self.shop.sweep("send", "ask payees")
        self.shop.now += UNSURE

    def lose(self, pick: int) -> None:
        """The same, while a call is lost on its way or back."""
        for channel in Channel:
            fail_once(self.shop, channel, "send", ResultUnknown("?"), acted=pick > 2)
        self.send(pick)

    def accept(self, _: int) -> None:
        """The leader takes what waits for them."""
        self.take(TransferState.DONE)

    def lapse(self, _: int) -> None:
        """The leader lets the time of it go by."""
        self.take(TransferState.FAILED)

    def take(self, end: TransferState) -> None:
        """Let everything end that waits for the leader at the platform."""
        self.shop.sweep("send")
        platform = self.shop.transfers[Channel.WECHAT_PAY]
        ended = sum(platform.confirm(number, end) for number in platform.bills)
        self.seen[f"ended {end}"] += ended

    def cancel(self, _: int) -> None:
        """The leader wants no more what is open."""
        with self.shop.begin() as session:
            found = queries.find_open(session, self.leader)
            if found is not None:
                service.cancel(session, found.id, member_id=self.leader, now=self.shop.now)

    def check(self) -> None:
        """The sums are what is left of the commissions; a debt stands beside nothing payable."""
        pending, payable, paid, debt = self.shop.sums(self.leader)
        open_fen = self.shop.withdrawing(self.leader)
        left = sum(
            one.left_fen for order_id in self.orders for one in self.shop.commissions(order_id)
        )
        assert pending + payable + open_fen + paid - debt == left
        assert min(pending, payable, open_fen, paid, debt) == payable * debt == 0
        assert paid <= self.sent()
        self.seen["in debt"] += debt > 0

    def sent(self) -> int:
        """Return what the platforms have sent."""
        told = self.shop.transfers.values()
        return sum(bill["paid_fen"] for platform in told for bill in platform.books())

    def finish(self) -> None:
        """Let everything come to its end: what is left is what the rule gives, to the fen."""
        for _ in range(3):
            self.shop.relay()
            self.shop.mature(HOLDS)
            self.take(TransferState.DONE)
            self.shop.sweep("refund", "send", "ask payees")
        self.check()
        expected = 0
        for order_id in self.orders:
            (line,) = self.shop.lines(order_id)
            expected += (line.quantity - line.refunded_quantity) * PRICE * SHARE // 10_000
        pending, payable, paid, debt = self.shop.sums(self.leader)
        assert (pending, self.shop.withdrawing(self.leader)) == (0, 0)
        assert payable + paid - debt == expected
        assert paid == self.sent()
        assert self.shop.failed == 0
        found = self.shop.violations(with_books=True)
        assert [row for row in found if row["invariant"] not in LATENESS] == []


class TestAnyOrder:
    """Whatever happens, in whatever order."""

    def test_no_fen_is_lost_and_none_is_paid_twice(self, engine: Engine, is_chaos: bool) -> None:
        """Few walks every day, many in a long run."""
        seen: Counter[str] = Counter()

        @settings(
            max_examples=200 if is_chaos else 7,
            deadline=None,
            database=None,
            derandomize=not is_chaos,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        )
        @given(actions=st.permutations(ACTIONS), picks=PICKS)
        def walk(actions: list[str], picks: list[int]) -> None:
            with engine.connect() as connection, connection.begin() as outer:
                begin = sessionmaker(
                    connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
                ).begin
                one = Walk(ReferralBench(begin, START), seen)
                for action, pick in zip(actions, picks, strict=True):
                    one.do(action, pick)
                one.finish()
                outer.rollback()

        walk()
        # Walks in which nothing of the kind happened would show nothing.
        print(dict(seen))  # noqa: T201 - the figures
        happened = "give_back", "withdraw", "lose", "ended done", "ended failed", "in debt"
        assert all(seen[what] for what in happened), seen
