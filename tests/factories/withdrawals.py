"""Leaders with something to withdraw, trouble on the way to them, and time that goes by."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from shop.payments.gateway import Channel
from shop.payments.models import SecurityEvent
from shop.payments.rejections import Rejections
from shop.withdrawals import notices
from shop.withdrawals.models import Withdrawal
from shop.withdrawals.rules import UNSURE_FOR
from tests.factories.referrals import ReferralBench
from tests.factories.transfers import MemoryTransfers

UNSURE = UNSURE_FOR + timedelta(minutes=1)  # long enough for every delay and every doubt
WECHAT, ALIPAY = Channel.WECHAT_PAY, Channel.ALIPAY


class Dead(BaseException):
    """The process is gone: nothing after it runs."""


def earner(bench: ReferralBench, fen: int = 1000) -> UUID:
    """Return a leader to whom so much is payable."""
    leader = bench.leader()
    bench.sold(leader, price_fen=fen * 10)
    bench.mature()
    return leader


def asked(
    bench: ReferralBench, channel: Channel = WECHAT, fen: int = 400
) -> tuple[UUID, Withdrawal]:
    """Return a leader with 1,000 fen, and a withdrawal that nothing was sent of."""
    leader = earner(bench)
    return leader, bench.withdraw(leader, fen, channel)


def waiting(bench: ReferralBench) -> tuple[UUID, Withdrawal, MemoryTransfers]:
    """Return a leader, and a withdrawal that waits for them at the platform."""
    leader, withdrawal = asked(bench)
    bench.sweep("send")
    return leader, withdrawal, bench.transfers[WECHAT]


def fail_once(
    bench: ReferralBench, channel: Channel, call: str, error: BaseException, *, acted: bool
) -> None:
    """Let the first such call fail, before or after the platform has acted."""
    platform = bench.transfers[channel]

    def trouble(name: str, has_acted: bool) -> None:
        if (name, has_acted) == (call, acted):
            platform.trouble = None
            raise error

    platform.trouble = trouble


def go_on(bench: ReferralBench, wait: timedelta = timedelta(minutes=20), rounds: int = 4) -> None:
    """Let time go by and the sweeps run."""
    for _ in range(rounds):
        bench.now += wait
        bench.sweep("send", "ask payees")
    assert bench.failed == 0


def events(bench: ReferralBench) -> list[str]:
    """Return the kinds of security events."""
    with bench.begin() as session:
        return list(session.scalars(select(SecurityEvent.kind)))


def tell(bench: ReferralBench, number: str, **changes: Any) -> None:
    """Deliver the platform's notice about a transfer."""
    platform = bench.transfers[WECHAT]
    notices.receive_notice(
        bench.begin,
        platform,
        headers={"X-Signature": "genuine"},
        body=platform.notice(number, **changes),
        clock=lambda: bench.now,
        rejections=Rejections(),
    )
