"""Withdrawing against whatever comes back, is sent, told or cancelled, statement by statement."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from kit.db import Begin
from shop.payments.gateway import Channel
from shop.withdrawals import service
from shop.withdrawals.models import Withdrawal, WithdrawalStatus
from tests.factories.referrals import ReferralBench
from tests.factories.sales import LONG_AGO
from tests.factories.withdrawals import tell
from tests.races.interleaving import Driver, Plan
from tests.races.test_interleavings import CHAOS_SCHEDULES, Pair, is_refusal, schedules

S = WithdrawalStatus
EVERYDAY_SCHEDULES = 4


@pytest.fixture
def shop(real_begin: Begin) -> ReferralBench:
    """Return a shop with leaders whose transactions commit."""
    return ReferralBench(real_begin, LONG_AGO)


def earning(shop: ReferralBench) -> tuple[UUID, UUID]:
    """Return a leader to whom 200 fen are payable, and the order of two units they are of."""
    shop.rule()
    leader = shop.leader()
    order_id = shop.sold(leader, 2)
    shop.mature()
    return leader, order_id


def coming_back(shop: ReferralBench, order_id: UUID) -> Callable[[], None]:
    """Have one of the units go back; return how the news of it is heard."""
    shop.refund(order_id, line_id=shop.lines(order_id)[0].id, quantity=1)
    shop.sweep("refund")
    return shop.relay


def is_whole(shop: ReferralBench, leader: UUID, left: int) -> bool:
    """Say whether the sums are what is left of the leader's commissions."""
    _, payable, paid, debt = shop.sums(leader)
    return payable + shop.withdrawing(leader) + paid - debt == left


def cancel(shop: ReferralBench, withdrawal: Withdrawal) -> None:
    """Cancel as the leader does."""
    with shop.begin() as session:
        who = withdrawal.member_id
        service.cancel(session, withdrawal.id, member_id=who, now=shop.now)


def withdraw_and_claw_back(shop: ReferralBench) -> Pair:
    """A leader asks for all while the news comes that half of it came back."""
    leader, order_id = earning(shop)
    hear = coming_back(shop, order_id)

    def check(results: list[Any]) -> bool:
        # What is promised back counts at once, whether it was heard of or not.
        return isinstance(results[0], Exception) and is_whole(shop, leader, 100)

    return Pair(partial(shop.withdraw, leader, 200), hear, check)


def send_and_claw_back(shop: ReferralBench) -> Pair:
    """It is sent while half of it comes back: paid and owed, or not sent and set off."""
    leader, order_id = earning(shop)
    withdrawal = shop.withdraw(leader, 200)
    hear = coming_back(shop, order_id)

    def check(_: list[Any]) -> bool:
        sent = shop.transfers[Channel.ALIPAY].paid_to(f"open-{leader}")
        ended, sums = shop.withdrawal(withdrawal.id).status, shop.sums(leader)
        paid_then_owed = (S.PAID, 200, (0, 0, 200, 100))
        return (ended, sent, sums) in (paid_then_owed, (S.CANCELLED, 0, (0, 100, 0, 0)))

    return Pair(lambda: shop.sweep("send"), hear, check)


def send_and_promise(shop: ReferralBench) -> Pair:
    """It is sent while half of it is promised back: never after the promise was made."""
    leader, order_id = earning(shop)
    withdrawal = shop.withdraw(leader, 200)
    line_id = shop.lines(order_id)[0].id
    happened: list[str] = []

    def send() -> None:
        happened.append("begun")
        shop.sweep("send")

    def promise() -> None:
        shop.refund(order_id, line_id=line_id, quantity=1)
        happened.append("promised")

    def check(_: list[Any]) -> bool:
        sent = shop.transfers[Channel.ALIPAY].paid_to(f"open-{leader}")
        found = shop.withdrawal(withdrawal.id).status, sent, shop.sums(leader)
        allowed = [(S.CANCELLED, 0, (0, 100, 0, 0))]
        if happened[0] == "begun":
            allowed.append((S.PAID, 200, (0, 0, 200, 0)))
        shop.sweep("refund")
        shop.relay()
        return found in allowed and is_whole(shop, leader, 100)

    return Pair(send, promise, check)


def send_and_cancel(shop: ReferralBench) -> Pair:
    """The leader cancels at the moment of sending: paid, or payable again, never both."""
    leader, _ = earning(shop)
    withdrawal = shop.withdraw(leader, 200)

    def check(_: list[Any]) -> bool:
        sent = shop.transfers[Channel.ALIPAY].paid_to(f"open-{leader}")
        ended, sums = shop.withdrawal(withdrawal.id).status, shop.sums(leader)
        paid = (S.PAID, 200, (0, 0, 200, 0))
        return (ended, sent, sums) in (paid, (S.CANCELLED, 0, (0, 200, 0, 0)))

    return Pair(lambda: shop.sweep("send"), partial(cancel, shop, withdrawal), check)


def notice_and_question(shop: ReferralBench) -> Pair:
    """Two ways to hear that it was taken, and one payment."""
    leader, _ = earning(shop)
    withdrawal = shop.withdraw(leader, 200, Channel.WECHAT_PAY)
    shop.sweep("send")
    shop.transfers[Channel.WECHAT_PAY].confirm(withdrawal.out_bill_no)
    cancel(shop, withdrawal)  # too late: it is asked about at once

    def check(_: list[Any]) -> bool:
        return shop.sums(leader) == (0, 0, 200, 0)

    return Pair(
        partial(tell, shop, withdrawal.out_bill_no), lambda: shop.sweep("ask payees"), check
    )


PAIRS: list[Callable[[ReferralBench], Pair]] = [
    withdraw_and_claw_back,
    send_and_claw_back,
    send_and_promise,
    send_and_cancel,
    notice_and_question,
]


@pytest.mark.race
class TestWithdrawalInterleavings:
    """Every pair, many schedules: the check holds and the auditor finds nothing."""

    @pytest.mark.parametrize("pair_of", PAIRS, ids=lambda pair_of: pair_of.__name__)
    def test_every_order_of_statements_ends_well(
        self,
        shop: ReferralBench,
        driver: Driver,
        pair_of: Callable[[ReferralBench], Pair],
        is_chaos: bool,
    ) -> None:
        """One turn spread over every place, then a seeded sample."""
        steps = [0, 0]
        for whose in (0, 1):  # each before the other, to learn how many gates it passes
            steps[whose] = self.play(shop, driver, pair_of, Plan(whose, ()).choose, "alone")[whose]
        most = CHAOS_SCHEDULES if is_chaos else EVERYDAY_SCHEDULES
        for name, choose in schedules(steps, pair_of.__name__, most):
            self.play(shop, driver, pair_of, choose, name)
        assert shop.violations(with_books=True) == []
        assert shop.failed == 0
        assert driver.schedules == most + 2

    def play(
        self,
        shop: ReferralBench,
        driver: Driver,
        pair_of: Callable[[ReferralBench], Pair],
        choose: Any,
        name: str,
    ) -> list[int]:
        """Set the pair up, run one schedule, check; return how many steps each took."""
        pair = pair_of(shop)
        actors = driver.run([pair.one, pair.other], choose)
        results = [actor.result for actor in actors]
        broken = [result for result in results if isinstance(result, Exception)]
        assert all(is_refusal(result) for result in broken), (name, broken)
        assert pair.check(results), (name, results)
        return [actor.steps for actor in actors]
