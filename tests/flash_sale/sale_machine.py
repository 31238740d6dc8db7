"""A model of flash sales: everything that may happen to them, in any order, with crashes, too."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker

from flash_sale.batch import Claimed
from flash_sale.models import ClaimStatus, SaleMode, Wait, WaitStatus
from kit.errors import DomainError
from kit.outbox import emit
from shop.campaigns import queries, service
from shop.campaigns.models import CampaignStatus
from shop.members.events import MembersJoined
from shop.payments.gateway import RefundState
from tests.factories.bench import SWEEPS
from tests.factories.sales import LONG_AGO, OFFER, PAY_WITHIN, SALE_SWEEPS, Deal, SaleBench
from tests.flash_sale.sale_figures import FAR, LATE, LOOK_EVERY, PICK, POINTS, UNITS, WINDOW
from tests.races.test_order_machine import Crash, crashing_at


class Machine(RuleBasedStateMachine):
    """One shop over one transaction that is rolled back at the end."""

    engine: Engine
    steps = 0
    ends: ClassVar[Counter[str]] = Counter()  # what has become of claims and waits

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        connection = self.stack.enter_context(self.engine.connect())
        self.stack.callback(connection.begin().rollback)
        begin = sessionmaker(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ).begin
        self.shop = SaleBench(begin, LONG_AGO)
        self.taken = 0  # steps of this example
        self.orders: list[UUID] = []
        self.waits: list[Wait] = []
        self.notices: list[bytes] = []

    @initialize(fars=st.lists(FAR, min_size=UNITS, max_size=UNITS))
    def open_shop(self, fars: list[int]) -> None:
        """Six members, a sale of four units that is sold out, a lottery of two units; some wait."""
        self.members = [self.shop.member() for _ in range(6)]
        self.sale = self.shop.sale(Deal(units=UNITS, limit=2, window=WINDOW))
        terms = {"mode": SaleMode.LOTTERY}
        self.lottery = self.shop.sale(Deal(units=2, window=WINDOW / 2, terms=terms))
        for who, far in enumerate(fars):
            self.claim([who], 1, far)
        for who in range(3):
            self.join(who + 3, draws=False)
            self.join(who, draws=True)

    # What members do.

    @rule(who=st.lists(PICK, min_size=1, max_size=4), quantity=st.integers(1, 2), far=FAR)
    def claim(self, who: list[int], quantity: int, far: int) -> None:
        """Claim together, as the gate lets them through."""
        wanted = [self.shop.wanted(self.member(one), quantity=quantity) for one in who]
        outcomes = self.shop.commit(self.sale, *wanted)
        for outcome in outcomes:
            if isinstance(outcome, Claimed):
                self.go_on(outcome.order_id, far)

    @rule(who=PICK, draws=st.booleans())
    def join(self, who: int, draws: bool) -> None:
        """Wait for a unit, or register for the lottery."""
        with suppress(DomainError):
            campaign_id = self.lottery if draws else self.sale
            self.waits.append(self.shop.wait(campaign_id, self.member(who)))

    @precondition(lambda self: self.waits)
    @rule(which=PICK)
    def leave(self, which: int) -> None:
        """Give a place or an offer up."""
        with suppress(DomainError):
            self.shop.leave(self.wait_of(which))

    @precondition(lambda self: self.waits)
    @rule(which=PICK, far=FAR)
    def take(self, which: int, far: int) -> None:
        """Take an offer, whether or not its time is over; or try to without one."""
        offered = [wait for wait in self.all_waits() if wait.status is WaitStatus.OFFERED]
        wait = offered[which % len(offered)] if offered else self.wait_of(which)
        with suppress(DomainError):
            self.go_on(self.shop.take(wait).order_id, far)

    @precondition(lambda self: self.orders)
    @rule(which=PICK)
    def start_payment(self, which: int) -> None:
        """Open a trade."""
        with suppress(DomainError):
            self.shop.start_payment(self.order(which))

    @precondition(lambda self: self.orders)
    @rule(which=PICK, is_slow=st.booleans())
    def pay(self, which: int, is_slow: bool) -> None:
        """Pay at the platform, perhaps through a bank that is slower than our closing."""
        for payment in self.shop.payments(self.order(which))[-1:]:
            number = payment.out_trade_no
            if number in self.shop.wechat.trades:
                self.shop.wechat.pay(number, force=is_slow)
                if self.shop.wechat.is_paid(number):
                    self.notices.append(self.shop.wechat.notice(number))

    @precondition(lambda self: self.orders)
    @rule(which=PICK)
    def cancel(self, which: int) -> None:
        """Cancel an unpaid order."""
        with suppress(DomainError):
            self.shop.cancel(self.order(which))

    @precondition(lambda self: self.orders)
    @rule(which=PICK)
    def give_back(self, which: int) -> None:
        """Ask for the money of an order, or of one unit of it."""
        with suppress(DomainError):
            line = self.shop.lines(self.order(which))[0]
            self.shop.refund(self.order(which), line_id=line.id, quantity=1 + which % 2)

    @rule(gone=PICK, into=PICK)
    def become_one(self, gone: int, into: int) -> None:
        """Two accounts become one: claims, places and orders go along."""
        if self.member(gone) != self.member(into):
            with self.shop.begin() as session:
                told = MembersJoined(str(self.member(gone)), str(self.member(into)))
                emit(session, told, now=self.shop.now)

    # What operators do.

    @rule(pauses=st.booleans(), draws=st.booleans())
    def pause_or_resume(self, pauses: bool, draws: bool) -> None:
        """Pause a campaign or take buyers again."""
        with suppress(DomainError), self.shop.begin() as session:
            row = queries.lock_campaign(session, self.lottery if draws else self.sale)
            if pauses:
                service.pause_campaign(session, row, reason="x", actor="op", now=self.shop.now)
            else:
                service.resume_campaign(session, row, actor="op", now=self.shop.now)

    # What platforms do. A notice that is never picked is one that was lost.

    @precondition(lambda self: self.notices)
    @rule(which=PICK, relays=st.booleans())
    def deliver(self, which: int, relays: bool) -> None:
        """Deliver any notice of before, again perhaps, in any order, however late."""
        self.shop.deliver(self.notices[which % len(self.notices)])
        if relays:
            self.shop.relay()

    @rule()
    def end_refunds(self) -> None:
        """Finish what is being worked at."""
        self.shop.wechat.finish_refunds(RefundState.DONE)

    # What time and our own processes do.

    @rule(seconds=st.sampled_from([1, 5, 61, 299, 300, 601, 3600]))
    def let_go_by(self, seconds: int) -> None:
        """Let time go by."""
        self.shop.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.orders)
    @rule(which=PICK)
    def lapse(self, which: int) -> None:
        """Let the time for paying an order go by, and everybody do their work."""
        self.shop.lapse(self.order(which))

    @rule()
    def end_the_lottery(self) -> None:
        """The time for registering is over, and the draw is made."""
        self.shop.now = max(self.shop.now, self.shop.campaign_row(self.lottery).ends_at)
        self.shop.sweep("turn")
        self.shop.relay()

    @rule(names=st.lists(st.sampled_from(sorted((*SWEEPS, *SALE_SWEEPS))), min_size=1, max_size=4))
    def sweep(self, names: list[str]) -> None:
        """Run some sweeps, in any order."""
        self.shop.sweep(*names)

    @rule()
    def relay(self) -> None:
        """Run the worker."""
        self.shop.relay()

    @rule(
        point=st.sampled_from(POINTS), which=PICK, what=st.sampled_from(["sweep", "relay", "claim"])
    )
    def crash(self, point: str, which: int, what: str) -> None:
        """Be killed at a fault point, if it is passed."""
        acts: dict[str, Callable[[], object]] = {
            "sweep": self.shop.sweep,
            "relay": self.shop.relay,
            "claim": lambda: self.claim([which, which + 1], 1, far=4),
        }
        with suppress(Crash), crashing_at(point):
            acts[what]()

    @invariant()
    def auditor_finds_nothing(self) -> None:
        """I18, I28 and all the others, after every few steps."""
        type(self).steps += 1
        self.taken += 1
        if self.taken % LOOK_EVERY == 0:
            found = [row for row in self.shop.violations() if row["invariant"] not in LATE]
            assert found == []
            assert self.shop.failed == 0

    def teardown(self) -> None:
        """Everybody who may still buys what is left; then all ends, and everything is even."""
        try:
            for body in self.notices:
                self.shop.deliver(body)
            self.shop.relay()
            self.sell_out()
            self.shop.now += WINDOW
            for _ in range(6):  # a lottery that is drawn only now still has its trail to come
                self.shop.recover(step=timedelta(minutes=4))
                self.shop.sweep("turn", "lapse", "offer", "settle")
                self.shop.relay()
            assert self.shop.violations(with_books=True) == []
            assert self.shop.loose_ends() == []
            for campaign_id in (self.sale, self.lottery):
                assert self.shop.campaign_row(campaign_id).status is CampaignStatus.SETTLED
                self.ends.update(f"claim {row.status}" for row in self.shop.claims(campaign_id))
                self.ends.update(f"wait {row.status}" for row in self.shop.waits(campaign_id))
        finally:
            self.stack.close()

    def sell_out(self) -> None:
        """While the sale is on, as many are sold as there are: nothing is lost in any corner."""
        row = self.shop.campaign_row(self.sale)
        self.pause_or_resume(pauses=False, draws=False)
        if self.shop.now + PAY_WITHIN + 3 * OFFER >= row.ends_at:
            return
        self.shop.now += PAY_WITHIN  # what nobody pays comes back
        for _ in range(3):
            self.shop.sweep("turn", "close", "lapse", "offer")
            self.shop.relay()
        for wait in self.shop.waits(self.sale):
            if wait.status in (WaitStatus.WAITING, WaitStatus.OFFERED):
                self.shop.leave(wait)
        while isinstance(self.shop.claim(self.sale), Claimed):
            pass
        claims = Counter(claim.status for claim in self.shop.claims(self.sale))
        # What was delivered and given back is everybody's, and not of the campaign any more.
        assert claims.total() - claims[ClaimStatus.LAPSED] == UNITS
        assert self.shop.free_units(self.sale) == 0
        self.ends["sold out"] += 1

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

    def wait_of(self, which: int) -> Wait:
        """Return one of the waits as it stands."""
        return self.shop.wait_of(self.waits[which % len(self.waits)])

    def all_waits(self) -> list[Wait]:
        """Return how everybody's waits stand."""
        return [*self.shop.waits(self.sale), *self.shop.waits(self.lottery)]

    def order(self, which: int) -> UUID:
        """Return one of the orders."""
        return self.orders[which % len(self.orders)]
