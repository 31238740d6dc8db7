"""A model of a whole shop: everything that may happen, in any order, with crashes in between."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

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

from kit import faultpoints
from kit.errors import DomainError
from shop.orders.models import OrderStatus
from shop.payments.gateway import Channel, RefundState
from shop.payments.models import RefundStatus
from tests.factories.bench import SWEEPS, Bench
from tests.faults.test_fault_points import fault_points

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATENESS = {"I16.orders_come_to_an_end", "I7.refunds_in_time"}  # the clock jumps, sweeps do not
EXAMPLES = int(os.environ.get("CHAOS_EXAMPLES", "300"))
POINTS = [
    name for name in fault_points() if name.startswith(("orders.", "cards.take", "cards.rev"))
]
PICK = st.integers(0, 1000)


class Crash(BaseException):
    """The process is gone: nothing that handles errors handles this."""


@contextmanager
def crashing_at(point: str) -> Iterator[None]:
    """Have whoever passes a fault point be gone."""

    def crash(*_: object) -> None:
        raise Crash

    faultpoints._seen.clear()
    with (
        patch.dict(os.environ, {faultpoints.VARIABLE: point}),
        patch("kit.faultpoints.os.kill", crash),
    ):
        yield


def suppressing(act: Callable[[], object]) -> None:
    """Do something that may be refused, as impatient people do."""
    with suppress(DomainError):
        act()


class Machine(RuleBasedStateMachine):
    """One shop over one transaction that is rolled back at the end."""

    engine: Engine
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        connection = self.stack.enter_context(self.engine.connect())
        outer = connection.begin()
        self.stack.callback(outer.rollback)
        begin = sessionmaker(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ).begin
        self.shop = Bench(begin, START)
        self.orders: list[Any] = []
        self.notices: list[tuple[bytes, Channel]] = []

    @initialize()
    def open_shop(self) -> None:
        """Three members, two SKUs, few cards."""
        self.members = [self.shop.member() for _ in range(3)]
        self.skus = [self.shop.sku(3), self.shop.sku(2, price_fen=333, limit_per_day=2)]

    # What members do.

    @rule(who=PICK, what=PICK, quantity=st.integers(1, 3))
    def place(self, who: int, what: int, quantity: int) -> None:
        """Order something."""

        def order() -> None:
            member, sku = self.members[who % 3], self.skus[what % 2]
            self.orders.append(self.shop.place(member, (sku, quantity)))

        suppressing(order)

    @precondition(lambda self: self.orders)
    @rule(which=PICK, channel=st.sampled_from(Channel))
    def start_payment(self, which: int, channel: Channel) -> None:
        """Open a trade."""
        suppressing(lambda: self.shop.start_payment(self.order(which), channel))

    @precondition(lambda self: self.orders)
    @rule(which=PICK, is_slow=st.booleans())
    def pay(self, which: int, is_slow: bool) -> None:
        """Pay at the platform, perhaps through a bank that is slower than our closing."""
        for payment in self.shop.payments(self.order(which))[-1:]:
            platform, number = self.shop.platforms[payment.channel], payment.out_trade_no
            if number in platform.trades:
                platform.pay(number, force=is_slow)
                if platform.is_paid(number):
                    self.notices.append((platform.notice(number), payment.channel))

    @precondition(lambda self: self.orders)
    @rule(which=PICK)
    def cancel(self, which: int) -> None:
        """Cancel."""
        suppressing(lambda: self.shop.cancel(self.order(which)))

    @precondition(lambda self: self.orders)
    @rule(which=PICK, quantity=st.none() | st.integers(1, 3))
    def refund(self, which: int, quantity: int | None) -> None:
        """Ask for money back, whole or in part."""
        suppressing(lambda: self.shop.refund(self.order(which), quantity=quantity))

    @precondition(lambda self: self.orders)
    @rule(which=PICK, card=PICK)
    def reveal(self, which: int, card: int) -> None:
        """Look at a code."""
        held = [row for row in self.shop.cards(self.order(which)) if row.member_id is not None]
        if held:
            self.shop.reveal_card(held[card % len(held)])

    # What platforms do. A notice that is never picked is one that was lost.

    @precondition(lambda self: self.notices)
    @rule(which=PICK)
    def deliver(self, which: int) -> None:
        """Deliver any notice of before, again perhaps, in any order, however late."""
        self.shop.deliver(*self.notices[which % len(self.notices)])

    @rule(channel=st.sampled_from(Channel), state=st.sampled_from([*RefundState][:4]))
    def end_refunds(self, channel: Channel, state: RefundState) -> None:
        """Finish what is being worked at, and how it goes from now on."""
        platform = self.shop.platforms[channel]
        platform.finish_refunds(state if state is not RefundState.PROCESSING else RefundState.DONE)
        platform.refund_state = state

    # What time and our own processes do.

    @rule(seconds=st.sampled_from([1, 20, 61, 300, 901]))
    def wait(self, seconds: int) -> None:
        """Let time go by."""
        self.shop.now += timedelta(seconds=seconds)

    @rule(name=st.sampled_from(sorted(SWEEPS)))
    def sweep(self, name: str) -> None:
        """Run a sweep."""
        self.shop.sweep(name)

    @precondition(lambda self: self.orders)
    @rule(
        point=st.sampled_from(POINTS), which=PICK, what=st.sampled_from(["sweeps", "notice", "pay"])
    )
    def crash(self, point: str, which: int, what: str) -> None:
        """Be killed at a fault point, if it is passed."""
        acts: dict[str, Callable[[], object]] = {
            "sweeps": self.shop.sweep,
            "notice": lambda: self.notices and self.deliver(which),
            "pay": lambda: self.start_payment(which, Channel.WECHAT_PAY),
        }
        with crashing_at(point):
            try:
                acts[what]()
            except Crash:
                return

    @invariant()
    def auditor_finds_nothing(self) -> None:
        """After every step."""
        type(self).steps += 1
        found = [row for row in self.shop.violations() if row["invariant"] not in LATENESS]
        assert found == []
        assert self.shop.failed == 0

    def teardown(self) -> None:
        """The platforms repeat what they have to tell, the sweeps run, and everything is even."""
        try:
            for body, channel in self.notices:
                self.shop.deliver(body, channel)
            self.shop.recover(step=timedelta(minutes=4))
            assert self.shop.violations(with_books=True) == []
            for order_id in self.orders:
                status, refunds = self.shop.order(order_id).status, self.shop.refunds(order_id)
                is_with_a_person = any(row.status is RefundStatus.STUCK for row in refunds)
                waits = status in (OrderStatus.PENDING, OrderStatus.PAID, OrderStatus.REFUNDING)
                assert is_with_a_person or not waits
        finally:
            self.stack.close()

    def order(self, which: int) -> Any:
        """Return one of the orders."""
        return self.orders[which % len(self.orders)]


class TestOrderMachine:
    """The machine, on a real PostgreSQL."""

    def test_the_auditor_finds_nothing_whatever_happens(
        self, engine: Engine, is_chaos: bool
    ) -> None:
        """Few examples every day, many in a long run."""
        Machine.engine = engine
        Machine.steps = 0
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=EXAMPLES if is_chaos else 20,
                stateful_step_count=40 if is_chaos else 30,
                deadline=None,
                database=None,
                derandomize=not is_chaos,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
        print(f"{Machine.steps} steps")  # noqa: T201 - the figure
