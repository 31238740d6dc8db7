"""Every check of groups and campaigns holds for good ones and fails for spoilt ones."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from demo.checks import run_checks
from demo.chronicle import Deal, Gathering, Purchase
from demo.facts import Facts
from demo.group_checks import GROUP_CHECKS
from tests.demo.evenings import PRICE_FEN, SKU, good_evening, order

Spoil = Callable[[Facts], object]

FORMED, FAILED, HELPED = range(3)
DROP_FEN: Final = 80


def group(status: str, *, paid: int, required: int, house: int = 0, price: int = PRICE_FEN) -> Any:
    """Return a group as everybody sees it at the end."""
    return {
        "status": status,
        "seats_paid": paid,
        "seats_required": required,
        "seats_max": required,
        "house_seats": house,
        "price_fen": price,
        "members": [{"name": "陈**"} for _ in range(paid)],
    }


def good_groups() -> Facts:
    """One group that formed at a lower price, one that failed, one completed by the house."""
    facts = good_evening()
    cheaper = [
        order(10 + n, "fulfilled", part="neighbour", paid={f"G{n}": "alipay"}) for n in range(2)
    ]
    for one in cheaper:
        assert one.seen is not None
        one.seen["refunds"].append(
            {"status": "done", "amount_fen": DROP_FEN, "reason": "price_drop"}
        )
    back = (("done", PRICE_FEN),)
    repaid = order(12, "refunded", part="neighbour", back=1, paid={"G3": "alipay"}, refunds=back)
    repaid.cards = []
    unpaid = order(13, "closed", part="neighbour")
    helped = order(14, "fulfilled", part="neighbour", paid={"G5": "alipay"})
    facts.gatherings = [
        _gathering(
            "climb", cheaper, group("formed", paid=2, required=2, price=PRICE_FEN - DROP_FEN)
        ),
        _gathering("fail", [repaid, unpaid], group("failed", paid=1, required=3)),
        _gathering("house", [helped], group("formed", paid=1, required=3, house=2)),
    ]
    facts.gatherings[HELPED].house_seats = 2
    facts.purchases = [*facts.purchases, *cheaper, repaid, unpaid, helped]
    kept = 4 + 2  # as in the evening of everybody, and three of the groups' own
    facts.deals = [Deal("团", "c", SKU, 10, seen={"status": "settled"}, left=10 - kept)]
    return facts


def seen(index: int, **changes: Any) -> Spoil:
    """Spoil what is seen of a group."""

    def spoil(facts: Facts) -> None:
        shown = facts.gatherings[index].seen
        assert shown is not None
        shown.update(changes)

    return spoil


def seen_of(index: int, number: int) -> Callable[[Facts], dict[str, Any]]:
    """Return what a member of a group sees of their order."""

    def look(facts: Facts) -> dict[str, Any]:
        found = facts.gatherings[index].purchases[number].seen
        assert found is not None
        return found

    return look


def purchase(facts: Facts, index: int, number: int) -> Purchase:
    """Return an order of a group."""
    return facts.gatherings[index].purchases[number]


SPOILT: dict[str, list[Spoil]] = {
    "every group ended as its story says": [
        seen(FORMED, status="open"),
        seen(FORMED, status="failed"),
        seen(FAILED, status="formed"),
        lambda facts: setattr(facts.gatherings[FORMED], "seen", None),
    ],
    "formed groups are full, and nobody in them is invented": [
        seen(FORMED, seats_paid=1),
        seen(FORMED, seats_paid=3),
        seen(FORMED, members=[{}, {}, {}]),
        seen(HELPED, house_seats=1),
        seen(FORMED, house_seats=1),
        lambda facts: seen_of(FORMED, 0)(facts).update(status="paid"),
    ],
    "failed groups were repaid, each payment once": [
        lambda facts: seen_of(FAILED, 0)(facts)["refunds"].clear(),
        lambda facts: seen_of(FAILED, 0)(facts)["refunds"].append(
            {"status": "done", "amount_fen": PRICE_FEN}
        ),
        lambda facts: seen_of(FAILED, 0)(facts)["refunds"][0].update(status="sent"),
        lambda facts: purchase(facts, FAILED, 0).cards.append({"id": "x", "status": "delivered"}),
    ],
    "the price of a group is the same for all": [
        lambda facts: seen_of(FORMED, 1)(facts)["refunds"].clear(),
        seen(FORMED, price_fen=PRICE_FEN),
        seen(HELPED, price_fen=PRICE_FEN - 1),
    ],
    "campaigns opened, ended and settled by themselves": [
        lambda facts: setattr(facts.deals[0], "seen", {"status": "ended"}),
        lambda facts: setattr(facts, "deals", ()),
    ],
    "what was set aside for campaigns adds up": [
        lambda facts: setattr(facts.deals[0], "left", 5),
        lambda facts: setattr(facts.deals[0], "made", 9),
    ],
}


def failed(facts: Facts) -> dict[str, str]:
    """Return the checks that do not hold, with their details."""
    return {check.name: check.detail for check in run_checks(facts, GROUP_CHECKS) if not check.ok}


def test_good_groups_pass_every_check() -> None:
    assert failed(good_groups()) == {}


@pytest.mark.parametrize(
    ("name", "spoil"), [(name, spoil) for name, spoils in SPOILT.items() for spoil in spoils]
)
def test_spoilt_groups_fail_the_check(name: str, spoil: Spoil) -> None:
    facts = good_groups()
    spoil(facts)
    assert name in failed(facts)


def test_every_check_is_spoilt_here() -> None:
    assert {name for name, _ in GROUP_CHECKS} == set(SPOILT)


def test_without_groups_nothing_has_held() -> None:
    assert set(failed(good_evening())) == {name for name, _ in GROUP_CHECKS}


def test_an_initiator_may_have_paid_less() -> None:
    facts = good_groups()
    gathering = facts.gatherings[HELPED]
    shown = gathering.seen
    assert shown is not None
    shown["price_fen"] = PRICE_FEN + 100
    gathering.initiator_price_fen = PRICE_FEN
    assert failed(facts) == {}


def test_what_went_back_for_a_lower_price_was_not_paid_twice() -> None:
    wrong = {check.name for check in run_checks(good_groups()) if not check.ok}
    assert "nobody paid twice" not in wrong
    facts = good_groups()
    seen_of(FORMED, 0)(facts)["refunds"][0].update(reason="member")
    assert "nobody paid twice" in {check.name for check in run_checks(facts) if not check.ok}


def _gathering(story: str, purchases: list[Purchase], shown: Any) -> Gathering:
    return Gathering(story, "g", frozenset({shown["status"]}), purchases, seen=shown)
