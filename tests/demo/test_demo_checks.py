"""Every check of the demonstration holds for a good evening and fails for a spoilt one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from demo.checks import CHECKS, run_checks
from demo.chronicle import Probe, Reveal
from demo.commands import Outcome
from demo.facts import Facts
from tests.demo.evenings import PRICE_FEN, good_evening, trade

Spoil = Callable[[Facts], object]


def failed(facts: Facts) -> dict[str, str]:
    """Return the checks that do not hold, with their details."""
    return {check.name: check.detail for check in run_checks(facts) if not check.ok}


def seen(facts: Facts, index: int) -> dict[str, Any]:
    """Return an order as its member saw it."""
    found = facts.purchases[index].seen
    assert found is not None
    return found


def set_status(index: int, status: str) -> Spoil:
    """Spoil the status of an order."""
    return lambda facts: seen(facts, index).update(status=status)


def set_facts(**changes: Any) -> Spoil:
    """Spoil what was gathered."""
    return lambda facts: [setattr(facts, name, value) for name, value in changes.items()]


def book(facts: Facts, channel: str, index: int, **changes: Any) -> None:
    """Spoil the platform's books."""
    facts.books[channel]["orders"][index].update(changes)


SPOILT: dict[str, list[Spoil]] = {
    "every order has come to an end": [
        set_status(0, "pending"),
        set_status(0, "paid"),
        set_status(4, "refunding"),
        lambda facts: seen(facts, 2)["refunds"][0].update(status="sent"),
        lambda facts: seen(facts, 3)["payments"].pop(),
        lambda facts: setattr(facts.purchases[0], "seen", None),
    ],
    "every order ended as its story says": [set_status(1, "fulfilled"), set_status(0, "closed")],
    "paid orders are delivered or refunded": [
        set_status(0, "closed"),
        lambda facts: facts.purchases[0].cards.clear(),
        lambda facts: seen(facts, 2)["refunds"].clear(),
        lambda facts: seen(facts, 2)["refunds"][0].update(amount_fen=PRICE_FEN - 1),
        lambda facts: facts.purchases[2].cards.append({"id": "x", "status": "delivered"}),
    ],
    "nobody paid twice": [
        lambda facts: seen(facts, 3)["refunds"].clear(),
        lambda facts: seen(facts, 4)["refunds"].pop(),
        lambda facts: seen(facts, 0)["payments"].append(
            {"status": "captured", "amount_fen": PRICE_FEN, "channel": "alipay"}
        ),
    ],
    "money booked is money paid": [
        lambda facts: book(facts, "wechat_pay", 0, total_fen=PRICE_FEN - 1),
        lambda facts: book(facts, "wechat_pay", 0, transaction_no=None),
        lambda facts: facts.books["alipay"]["orders"].clear(),
        lambda facts: seen(facts, 0)["payments"].clear(),
    ],
    "refunds are done at the platforms": [
        lambda facts: book(facts, "alipay", 1, refunded_fen=0),
        lambda facts: book(facts, "wechat_pay", 0, refunded_fen=PRICE_FEN),
    ],
    "late payments revived their order or went back": [
        set_status(2, "pending"),
        lambda facts: seen(facts, 2)["refunds"][0].update(status="stuck"),
    ],
    "unpaid orders are closed": [set_status(1, "pending"), set_status(1, "fulfilled")],
    "no code was seen by two members": [
        set_facts(reveals=[Reveal(1, "a", "X"), Reveal(2, "b", "X")]),
        set_facts(reveals=[Reveal(1, "a", "X"), Reveal(2, "a", "X")]),
        set_facts(reveals=[Reveal(1, "a", "X"), Reveal(1, "a", "Y")]),
        set_facts(reveals=[]),
    ],
    "false notices were refused": [
        lambda facts: facts.notices[0]["attempts"][0].update(status=204, answer=""),
        lambda facts: facts.notices[0]["attempts"][0].update(status=200, answer="success"),
        set_facts(notices=[]),
    ],
    "stock adds up": [set_facts(special_left=6), set_facts(special_left=8)],
    "deliveries are reported to WeChat": [set_facts(shipped={"TO1": False}), set_facts(shipped={})],
    "flask audit finds no violation": [
        set_facts(audit={"checked": ["I9.platforms_agree"], "violations": [{"invariant": "I1"}]}),
        set_facts(audit={"checked": ["I1"], "violations": []}),
        set_facts(audit={}),
    ],
    "flask ledger verify: the books add up": [
        set_facts(ledger=Outcome(1, "hash differs")),
        lambda facts: setattr(facts, "balances", {**facts.balances, "sales": 1}),
    ],
    "the ledger holds what the platforms hold": [
        lambda facts: book(facts, "wechat_pay", 0, refunded_fen=1),
        lambda facts: facts.books["alipay"]["orders"].append(trade("T9", 100)),
    ],
    "flask reconcile: the day's bills match": [
        set_facts(reconciled={"alipay": Outcome(1, "alipay 2026-11-25: 2 differences\n")}),
        set_facts(reconciled={"alipay": Outcome(0, "alipay: no bill\n")}),
        set_facts(reconciled={}),
    ],
    "no card code in any log": [set_facts(leaks=["web.log"]), set_facts(leaks=None)],
    "others' cards stay closed": [
        set_facts(probes=[Probe("others' cards stay closed", ("404",), "200")])
    ],
}


def test_a_good_evening_passes_every_check() -> None:
    assert failed(good_evening()) == {}


@pytest.mark.parametrize(
    ("name", "spoil"), [(name, spoil) for name, spoils in SPOILT.items() for spoil in spoils]
)
def test_a_spoilt_evening_fails_the_check(name: str, spoil: Spoil) -> None:
    facts = good_evening()
    spoil(facts)
    assert name in failed(facts)


def test_every_check_is_spoilt_here() -> None:
    assert {name for name, _ in CHECKS} <= set(SPOILT)


def test_a_check_that_cannot_look_has_not_held() -> None:
    facts = replace(good_evening(), books={})
    assert "KeyError" in failed(facts)["money booked is money paid"]


def test_many_wrongs_are_told_shortly() -> None:
    probes = [Probe("p", ("1",), "2") for _ in range(40)]
    detail = failed(replace(good_evening(), probes=probes))["p"]
    assert detail.endswith("and 35 more")
    assert len(detail) < 200
