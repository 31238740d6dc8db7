"""A model of bringing, buying, giving back and paying out, in any order: no fen is lost."""

from collections import Counter
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker

from kit.errors import DomainError
from kit.money import Fen
from shop.referral.models import CommissionStatus
from tests.factories.referrals import ReferralBench
from tests.shop.referral.test_invites import join

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
# The clock jumps, sweeps do not.
LATENESS = {"I16.orders_come_to_an_end", "I7.refunds_in_time", "I16.commissions_come_to_an_end"}
PICK = st.integers(0, 1000)
PRICE = 333


class Machine(RuleBasedStateMachine):
    """One shop over one transaction that is rolled back at the end."""

    engine: Engine
    seen: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        connection = self.stack.enter_context(self.engine.connect())
        outer = connection.begin()
        self.stack.callback(outer.rollback)
        begin = sessionmaker(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ).begin
        self.shop = ReferralBench(begin, START)
        self.orders: list[UUID] = []
        self.paid_out: Counter[UUID] = Counter()

    @initialize()
    def open_shop(self) -> None:
        """Two leaders, three members, a share of everything and an amount on one SKU."""
        self.leaders = [self.shop.leader() for _ in range(2)]
        self.members = [self.shop.member() for _ in range(3)]
        self.share = self.shop.sku(30, price_fen=PRICE)
        self.fixed = self.shop.sku(30, price_fen=1000)
        self.shop.rule(basis_points=1111)
        self.shop.rule(sku_id=self.fixed, fixed_fen=Fen(7), holds_days=0)
        for index, member in enumerate(self.members):
            self.shop.open(self.leaders[index % 2], member)

    @rule(which=PICK, who=PICK)
    def open(self, which: int, who: int) -> None:
        """Open a leader's invite, as a member or as the other leader."""
        everybody = [*self.members, *self.leaders]
        with suppress(DomainError):
            self.shop.open(self.leaders[which % 2], everybody[who % len(everybody)])

    @rule(who=PICK, what=PICK, quantity=st.integers(1, 5), is_heard=st.booleans())
    def buy(self, who: int, what: int, quantity: int, is_heard: bool) -> None:
        """Come by an invite, order and pay; the news is heard now, or some other time."""
        everybody = [*self.members * 2, *self.leaders]
        self.open(what, who)
        sku_id = [self.share, self.fixed][what % 2]
        with suppress(DomainError):
            order_id = self.shop.place(everybody[who % len(everybody)], (sku_id, quantity))
            number = self.shop.start_payment(order_id).out_trade_no
            self.shop.wechat.pay(number)
            self.shop.notify(number)
            self.orders.append(order_id)
            self.seen["bought"] += 1
        if is_heard:
            self.shop.relay()

    @precondition(lambda self: self.orders)
    @rule(which=PICK, quantity=st.none() | st.integers(1, 3), is_done=st.booleans())
    def ask_back(self, which: int, quantity: int | None, is_done: bool) -> None:
        """Ask for money back, for units of the line or for all of it; it comes now or later."""
        order_id = self.orders[which % len(self.orders)]
        with suppress(DomainError):
            self.shop.refund(order_id, line_id=self.shop.lines(order_id)[0].id, quantity=quantity)
            self.seen["asked back"] += 1
        if is_done:
            self.give_back(is_heard=True)

    @precondition(lambda self: self.orders)
    @rule(which=PICK)
    def reveal(self, which: int) -> None:
        """Look at a code, which cannot go back any more."""
        with suppress(DomainError, IndexError):
            self.shop.reveal(self.orders[which % len(self.orders)])

    @rule(is_heard=st.booleans())
    def give_back(self, is_heard: bool) -> None:
        """The platform confirms what was sent to it."""
        self.shop.sweep("refund")
        if is_heard:
            self.shop.relay()

    @rule(wait=st.sampled_from([timedelta(hours=2), timedelta(days=1), timedelta(days=7)]))
    def wait(self, wait: timedelta) -> None:
        """Time goes by, and what is due matures."""
        self.shop.mature(wait)

    @rule(is_later=st.booleans())
    def pay_out(self, is_later: bool) -> None:
        """Pay leaders what is payable, or what is when the window is over."""
        if is_later:
            self.shop.relay()
            self.shop.mature()
        for leader in self.leaders:
            with suppress(DomainError):
                self.paid_out[leader] += self.shop.pay_out(leader)
                self.seen["paid out"] += 1

    @precondition(lambda self: len(self.members) > 1)
    @rule(which=PICK)
    def join(self, which: int) -> None:
        """A member turns out to be a leader's second account."""
        with suppress(DomainError):
            join(self.shop, self.members[-1], self.leaders[which % 2])
            self.members.pop()
            self.seen["joined"] += 1

    @invariant()
    def statements_are_the_books(self) -> None:
        """After every step, by the auditor, and to the fen."""
        self.seen["steps"] += 1
        found = [row for row in self.shop.violations() if row["invariant"] not in LATENESS]
        assert found == []
        assert self.shop.failed == 0
        for leader in getattr(self, "leaders", ()):
            _, _, paid, debt = self.shop.sums(leader)
            assert paid == self.paid_out[leader]
            self.seen["in debt"] += debt > 0

    def teardown(self) -> None:
        """In the end everything is heard of, and what is left is what the rules give."""
        try:
            for _ in range(3):
                self.shop.now += timedelta(days=8)
                self.shop.sweep("refund", "mature")
                self.shop.relay()
            assert self.shop.violations(with_books=True) == []
            left = sum(self.left_of(order_id) for order_id in self.orders)
            sums = [self.shop.sums(leader) for leader in self.leaders]
            assert left == sum(ready + paid - debt for _, ready, paid, debt in sums)
            assert all(coming == 0 for coming, *_ in sums)
        finally:
            self.stack.close()

    def left_of(self, order_id: UUID) -> int:
        """Return what is earned on an order, reckoned from its line alone."""
        (line,) = self.shop.lines(order_id)
        expected = 0
        for commission in self.shop.commissions(order_id):
            units = line.quantity - line.refunded_quantity
            amount = 7 * units if line.sku_id == self.fixed else units * PRICE * 1111 // 10_000
            is_own = self.shop.order(order_id).member_id == commission.earner_id
            if is_own and commission.status is CommissionStatus.CLAWED_BACK:
                amount = 0
            assert commission.left_fen == amount
            expected += amount
        return expected


class TestReferralMachine:
    """The machine, on a real PostgreSQL."""

    def test_no_fen_is_lost_whatever_happens(self, engine: Engine, is_chaos: bool) -> None:
        """Few examples every day, many in a long run."""
        Machine.engine, Machine.seen = engine, Counter()
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=200 if is_chaos else 8,
                stateful_step_count=60 if is_chaos else 40,
                deadline=None,
                database=None,
                derandomize=not is_chaos,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate, Phase.shrink],
            ),
        )
        # A run in which nothing of the kind happened would show nothing.
        print(dict(Machine.seen))  # noqa: T201 - the figures
        assert all(Machine.seen[what] for what in ("asked back", "paid out", "joined", "in debt"))
