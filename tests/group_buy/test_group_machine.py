"""A model of groups: everything that may happen to them, in any order, with crashes in between."""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import ClassVar, Final
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

from group_buy import completing
from kit.errors import DomainError
from kit.outbox import emit
from shop.campaigns import queries, service
from shop.members.events import MembersJoined
from shop.payments.gateway import RefundState, Refused, ResultUnknown
from tests.factories.bench import SWEEPS
from tests.factories.groups import GAPPED, GROUP_SWEEPS, LONG_AGO, GroupBench, Offer
from tests.factories.trouble import Trouble
from tests.faults.test_group_faults import fault_points
from tests.races.test_order_machine import Crash, crashing_at

# The clock jumps and no sweep runs meanwhile: being late alone is no fault.
LATENESS: Final = {"I16.orders_come_to_an_end", "I7.refunds_in_time", "I27.no_orphan_payment"}
POINTS: Final = (
    *fault_points(),
    "orders.record_payment.after_capture",
    "orders.jobs.after_refund_sent",
    "orders.asking.after_close",
    "orders.fulfil.after_deliver",
)
ERRORS: Final = (
    (ResultUnknown("no answer"), 1, False),
    (ResultUnknown("no answer, but done"), 1, True),
    (Refused("not enough in the account", code="NOTENOUGH"), 3, False),
    (Refused("never", code="NOTENOUGH"), 25, False),
)
PICK: Final = st.integers(0, 1000)
# How far a member goes at once: a seat, a trade, paid, the platform has told, the worker has heard.
FAR: Final = st.sampled_from([4, 4, 4, 3, 2, 1, 0])
LOOK_EVERY: Final = 3  # steps
EXAMPLES: Final = "GROUP_MACHINE_EXAMPLES"


class Machine(RuleBasedStateMachine):
    """One shop over one transaction that is rolled back at the end."""

    engine: Engine
    steps = 0
    ends: ClassVar[Counter[str]] = Counter()  # what has become of groups, seats and money

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        connection = self.stack.enter_context(self.engine.connect())
        self.stack.callback(connection.begin().rollback)
        begin = sessionmaker(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ).begin
        self.shop = GroupBench(begin, LONG_AGO)
        self.taken = 0  # steps of this example
        self.groups: list[UUID] = []
        self.orders: list[UUID] = []
        self.notices: list[bytes] = []

    @initialize(fars=st.lists(FAR, min_size=3, max_size=3))
    def open_shop(self, fars: list[int]) -> None:
        """Six members, a plain campaign and one with a ladder, few cards each, three groups."""
        self.members = [self.shop.member() for _ in range(6)]
        terms = {"seats_per_member": 2}
        self.campaigns = [
            self.shop.campaign(Offer(seats=2, units=8)),
            self.shop.campaign(Offer(ladder=GAPPED, units=8, terms=terms)),
        ]
        for turn, far in enumerate(fars):
            self.open_group(turn, turn % 2, may_move=turn == 2, far=far)

    # What members do.

    @rule(who=PICK, where=st.integers(0, 1), may_move=st.booleans(), far=FAR)
    def open_group(self, who: int, where: int, may_move: bool, far: int) -> None:
        """Open a group."""
        with suppress(DomainError):
            joined = self.shop.open(self.campaigns[where], self.member(who), may_move=may_move)
            self.groups.append(joined.group.id)
            self.go_on(joined.order.id, far)

    @rule(who=PICK, which=st.integers(0, 3), may_move=st.booleans(), far=FAR)
    def join(self, who: int, which: int, may_move: bool, far: int) -> None:
        """Join one of the latest."""
        with suppress(DomainError):
            joined = self.shop.join(self.group(-1 - which), self.member(who), may_move=may_move)
            self.go_on(joined.order.id, far)

    @rule(who=PICK, which=st.integers(0, 3))
    def join_and_pay(self, who: int, which: int) -> None:
        """As most people do."""
        self.join(who, which, may_move=True, far=4)

    @rule(which=PICK)
    def start_payment(self, which: int) -> None:
        """Open a trade."""
        with suppress(DomainError):
            self.shop.start_payment(self.order(which))

    @rule(which=PICK, is_slow=st.booleans())
    def pay(self, which: int, is_slow: bool) -> None:
        """Pay at the platform, perhaps through a bank that is slower than our closing."""
        for payment in self.shop.payments(self.order(which))[-1:]:
            number = payment.out_trade_no
            if number in self.shop.wechat.trades:
                self.shop.wechat.pay(number, force=is_slow)
                if self.shop.wechat.is_paid(number):
                    self.notices.append(self.shop.wechat.notice(number))

    @rule(which=PICK)
    def cancel(self, which: int) -> None:
        """Cancel an order, as one may beside the group's page."""
        with suppress(DomainError):
            self.shop.cancel(self.order(which))

    @rule(which=PICK)
    def give_back(self, which: int) -> None:
        """Ask for the money back; a held order is refused."""
        with suppress(DomainError):
            self.shop.refund(self.order(which))

    @rule(which=PICK)
    def leave(self, which: int) -> None:
        """Leave a group."""
        seat = self.shop.seat(self.order(which))
        with suppress(DomainError):
            self.shop.leave(seat.group_id, seat.member_id)

    @rule(gone=PICK, into=PICK)
    def become_one(self, gone: int, into: int) -> None:
        """Two accounts become one: seats and orders go along."""
        if self.member(gone) != self.member(into):
            with self.shop.begin() as session:
                told = MembersJoined(str(self.member(gone)), str(self.member(into)))
                emit(session, told, now=self.shop.now)

    # What operators do.
    @rule(where=st.integers(0, 1), pauses=st.booleans())
    def pause_or_resume(self, where: int, pauses: bool) -> None:
        """Pause a campaign or take buyers again."""
        with suppress(DomainError), self.shop.begin() as session:
            row = queries.lock_campaign(session, self.campaigns[where])
            if pauses:
                service.pause_campaign(session, row, reason="x", actor="op", now=self.shop.now)
            else:
                service.resume_campaign(session, row, actor="op", now=self.shop.now)

    @rule(which=PICK, actor=st.sampled_from(["lily", "tom"]))
    def complete(self, which: int, actor: str) -> None:
        """Ask for a completion by the house, or approve one."""
        for act in (completing.approve_completion, completing.ask_for_completion):
            why = {"why": "x"} if act is completing.ask_for_completion else {}
            with suppress(DomainError), self.shop.begin() as session:
                act(session, self.group(which), actor=actor, now=self.shop.now, **why)  # type: ignore[operator]  # takes both forms

    # What platforms do. A notice that is never picked is one that was lost.

    @precondition(lambda self: self.notices)
    @rule(which=PICK, relays=st.booleans())
    def deliver(self, which: int, relays: bool) -> None:
        """Deliver any notice of before, again perhaps, in any order, however late."""
        self.shop.deliver(self.notices[which % len(self.notices)])
        if relays:
            self.shop.relay()

    @rule(state=st.sampled_from([*RefundState][:4]))
    def end_refunds(self, state: RefundState) -> None:
        """Finish what is being worked at, and how it goes from now on."""
        is_open = state is RefundState.PROCESSING
        self.shop.wechat.finish_refunds(RefundState.DONE if is_open else state)
        self.shop.wechat.refund_state = state

    @rule(which=st.sampled_from(ERRORS))
    def trouble(self, which: tuple[Exception, int, bool]) -> None:
        """Have the next refunds fail: unsure, unsure after acting, refused, refused for good."""
        error, times, has_acted = which
        self.shop.wechat.trouble = Trouble("refund", error, times=times, has_acted=has_acted)

    # What time and our own processes do.

    @rule(seconds=st.sampled_from([1, 5, 61, 901, 3600, -1, -1, 0]), which=st.integers(0, 3))
    def wait(self, seconds: int, which: int) -> None:
        """Let time go by, or the last second of a group come, or its end."""
        last = self.shop.group(self.group(-1 - which)).ends_at + timedelta(seconds=seconds)
        at = self.shop.now + timedelta(seconds=seconds) if seconds > 0 else last
        self.shop.now = max(self.shop.now, at)

    @rule(names=st.lists(st.sampled_from(sorted((*SWEEPS, *GROUP_SWEEPS))), min_size=1, max_size=4))
    def sweep(self, names: list[str]) -> None:
        """Run some sweeps, in any order."""
        self.shop.sweep(*names)

    @rule()
    def relay(self) -> None:
        """Run the worker."""
        self.shop.relay()

    @rule(
        point=st.sampled_from(POINTS), which=PICK, what=st.sampled_from(["sweep", "relay", "join"])
    )
    def crash(self, point: str, which: int, what: str) -> None:
        """Be killed at a fault point, if it is passed."""
        acts: dict[str, Callable[[], object]] = {
            "sweep": self.shop.sweep,
            "relay": self.shop.relay,
            "join": lambda: self.join_and_pay(which, 0),
        }
        with suppress(Crash), crashing_at(point):
            acts[what]()

    @invariant()
    def auditor_finds_nothing(self) -> None:
        """I25 to I28 and all the others, after every few steps."""
        type(self).steps += 1
        self.taken += 1
        if self.taken % LOOK_EVERY == 0:
            found = [row for row in self.shop.violations() if row["invariant"] not in LATENESS]
            assert found == []
            assert self.shop.failed == 0

    def teardown(self) -> None:
        """The platforms repeat what they have to tell, everything runs, and everything is even."""
        try:
            self.shop.wechat.trouble = None
            for body in self.notices:
                self.shop.deliver(body)
            self.shop.now += timedelta(hours=3)
            self.shop.recover(step=timedelta(minutes=4))
            assert self.shop.violations(with_books=True) == []
            self.ends.update(self.shop.ends())
            assert self.shop.loose_ends() == []
        finally:
            self.stack.close()

    def go_on(self, order_id: UUID, far: int) -> None:
        """Take a new order so far."""
        self.orders.append(order_id)
        if far > 0:
            self.start_payment(len(self.orders) - 1)
        if far > 1:
            self.pay(len(self.orders) - 1, is_slow=False)
        if far > 2 and self.notices:
            self.deliver(len(self.notices) - 1, relays=far > 3)

    def member(self, which: int) -> UUID:
        """Return one of the members."""
        return self.members[which % len(self.members)]

    def group(self, which: int) -> UUID:
        """Return one of the groups."""
        return self.groups[which % len(self.groups)]

    def order(self, which: int) -> UUID:
        """Return one of the orders."""
        return self.orders[which % len(self.orders)]


class TestGroupMachine:
    """The machine, on a real PostgreSQL."""

    def test_d61_d72_the_auditor_finds_nothing_whatever_happens(
        self, engine: Engine, is_chaos: bool
    ) -> None:
        """Few examples every day, as many as GROUP_MACHINE_EXAMPLES says in a long run."""
        Machine.engine, Machine.steps = engine, 0
        examples = int(os.environ.get(EXAMPLES, "1000" if is_chaos else "24"))
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=50 if examples > 24 else 30,
                deadline=None,
                database=None,
                derandomize=examples <= 24,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
        print(f"{examples} examples, {Machine.steps} steps, {dict(Machine.ends)}")  # noqa: T201 - the figure
        assert Machine.ends["failed"]
        assert Machine.steps > examples
