"""Every check of leaders holds for a good evening and fails for a spoilt one."""

from collections.abc import Callable
from typing import Final

import pytest

from demo.checks import run_checks
from demo.chronicle import Led, Reached
from demo.facts import Facts
from demo.leading_checks import LEADING_CHECKS, SUMS
from demo.report import build_leading
from tests.demo.evenings import PRICE_FEN, good_evening, order

Spoil = Callable[[Facts], object]
EARNED: Final = PRICE_FEN // 10


def entry(**changes: int) -> dict[str, int]:
    """Return a line of a statement."""
    return dict.fromkeys(SUMS, 0) | changes


def good_leader() -> Facts:
    """A leader who brought two: one kept what they bought, one gave it back."""
    facts = good_evening()
    back = (("done", PRICE_FEN),)
    brought = [
        order(20, "fulfilled", paid={"L1": "alipay"}),
        order(21, "refunded", back=1, paid={"L2": "alipay"}, refunds=back),
    ]
    led = Led(19, 1000, purchases=brought)
    led.sums = entry(paid_fen=EARNED)
    led.entries = [
        entry(pending_fen=2 * EARNED),
        entry(pending_fen=-EARNED),
        entry(pending_fen=-EARNED, payable_fen=EARNED),
        entry(payable_fen=-EARNED, withdrawing_fen=EARNED),
        entry(withdrawing_fen=-EARNED, paid_fen=EARNED),
    ]
    paid = {"number": "TW1", "status": "paid", "amount_fen": EARNED, "net_fen": EARNED}
    led.withdrawals = [paid]
    facts.books["alipay"]["transfers"] = [{"out_bill_no": "TW1", "paid_fen": EARNED}]
    for number in range(3):
        group_id = f"group-{number}"
        led.reached.append(Reached(group_id, f"chat-{number}", "code", bought=1, messages=1))
        led.funnels[group_id] = {"members": 1, "paid_orders": 1}
    facts.led = [led]
    return facts


def spoil_sum(facts: Facts) -> None:
    facts.led[0].entries[2]["payable_fen"] += 1


def spoil_share(facts: Facts) -> None:
    facts.led[0].sums["payable_fen"] = EARNED


def send_twice(facts: Facts) -> None:
    facts.books["alipay"]["transfers"][0]["paid_fen"] *= 2


def send_never(facts: Facts) -> None:
    facts.books["alipay"]["transfers"] = []


def fail_here(facts: Facts) -> None:
    facts.led[0].withdrawals[0]["status"] = "failed"


def push_twice(facts: Facts) -> None:
    facts.led[0].reached[1].messages = 2


def push_never(facts: Facts) -> None:
    facts.led[0].reached[2].messages = 0


def forget_a_chat_group(facts: Facts) -> None:
    facts.led[0].reached.pop()


def count_for_another(facts: Facts) -> None:
    facts.led[0].funnels["group-0"]["paid_orders"] = 2


def count_nobody(facts: Facts) -> None:
    facts.led[0].funnels = {}


def lose_the_leader(facts: Facts) -> None:
    facts.led = []


SPOILT: Final[list[tuple[str, Spoil]]] = [
    ("a leader brought members who bought", lose_the_leader),
    ("the leader's statement adds up", spoil_sum),
    ("the leader earned on what was kept", spoil_share),
    ("what was withdrawn is what the platform sent", send_twice),
    ("what was withdrawn is what the platform sent", send_never),
    ("what was withdrawn is what the platform sent", fail_here),
    ("each chat group got its push once", push_twice),
    ("each chat group got its push once", push_never),
    ("each chat group got its push once", forget_a_chat_group),
    ("who came from a chat group stands in its funnel", count_for_another),
    ("who came from a chat group stands in its funnel", count_nobody),
]


class TestLeadingChecks:
    """LEADING_CHECKS."""

    def test_hold_for_a_good_evening(self) -> None:
        assert [
            check.name for check in run_checks(good_leader(), LEADING_CHECKS) if not check.ok
        ] == []

    @pytest.mark.parametrize(("name", "spoil"), SPOILT)
    def test_see_what_is_spoilt(self, name: str, spoil: Spoil) -> None:
        facts = good_leader()
        spoil(facts)
        assert name in [check.name for check in run_checks(facts, LEADING_CHECKS) if not check.ok]

    def test_each_sees_something(self) -> None:
        assert {name for name, _ in SPOILT} == {name for name, _ in LEADING_CHECKS}

    def test_the_report_tells_what_was_earned(self) -> None:
        told = build_leading(good_leader())
        assert told == {
            "leaders": 1,
            "orders they brought": 2,
            "of these given back": 1,
            "fen earned": EARNED,
            "fen withdrawn": EARNED,
            "fen owed": 0,
            "chat groups pushed into": 3,
            "orders from chat groups": 3,
        }
