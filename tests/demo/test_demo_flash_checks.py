"""Every check of the flash sale holds for a good one and fails for a spoilt one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from demo import flash_report
from demo.checks import run_checks
from demo.facts import Facts
from demo.flash_checks import FLASH_CHECKS
from demo.sale_record import SaleRecord
from tests.demo.evenings import good_evening
from tests.demo.sales import (
    BUYER_OF_TWO,
    FORGETFUL,
    REFUSED,
    STOCK,
    WAITING,
    WINNER,
    at,
    attempt,
    good_sale,
)

Spoil = Callable[[Facts], object]


def record(facts: Facts) -> SaleRecord:
    """Return what was seen of the sale."""
    assert facts.sale is not None
    return facts.sale


def look(**changes: Any) -> Spoil:
    """Spoil the operator's last look."""

    def spoil(facts: Facts) -> None:
        record(facts).last_look = {**record(facts).last_look, **changes}

    return spoil


def tried(member: int, seconds: float, status: int, **more: Any) -> Spoil:
    """Add a request that should not have been answered so."""
    return lambda facts: record(facts).attempts.append(attempt(member, seconds, status, **more))


def without(member: int) -> Spoil:
    """Forget what a member sent."""

    def spoil(facts: Facts) -> None:
        kept = [one for one in record(facts).attempts if one.member != member]
        record(facts).attempts = kept

    return spoil


def ended(member: int, status: str) -> Spoil:
    """Spoil how a member's order ended."""

    def spoil(facts: Facts) -> None:
        (one,) = [one for one in facts.purchases if one.member == member]
        assert one.seen is not None
        one.seen.update(status=status)

    return spoil


def every_answer_earlier(facts: Facts) -> None:
    """Have the last answer of the rush come before Redis was lost."""
    record(facts).losses = [replace(one, at=at(60), back_at=at(61)) for one in record(facts).losses]


def another_order_after_the_loss(facts: Facts) -> None:
    """Forget an order with Redis."""
    found = record(facts).attempts
    place = max(number for number, one in enumerate(found) if one.member == WINNER)
    found[place] = replace(found[place], order_id="another")


def another_order_for_a_double_click(facts: Facts) -> None:
    """Make two orders of two clicks, while nothing is lost."""
    found = record(facts).attempts
    place = min(number for number, one in enumerate(found) if one.member == WINNER)
    found[place] = replace(found[place], order_id="another")


SPOILT: dict[str, list[Spoil]] = {
    "flash sale: never more sold than there is": [
        lambda facts: record(facts).looks.append({"at": "4", "stock": STOCK, "sold": STOCK + 1}),
        lambda facts: record(facts).looks.append({"at": "4", "stock": STOCK + 1, "sold": STOCK}),
        lambda facts: record(facts).looks.append({"at": "4", "stock": STOCK, "sold": -1}),
        lambda facts: record(facts).looks.clear(),
    ],
    "flash sale: sold == stock in the end": [
        ended(FORGETFUL, "fulfilled"),
        ended(WAITING, "closed"),
        ended(WINNER, "paid"),
    ],
    "flash sale: the operator's live numbers agree": [
        look(sold=STOCK - 1),
        look(left=1),
        look(waiting=2),
        look(paid_percent=75),
        look(stock=STOCK + 1),
        lambda facts: setattr(record(facts), "last_look", {}),
    ],
    "flash sale: nobody is beyond the limit": [
        tried(BUYER_OF_TWO, 3, 201, order_id="one more"),
        lambda facts: setattr(record(facts), "limit", 1),
        lambda facts: record(facts).attempts.clear(),
    ],
    "flash sale: winners' orders are delivered or closed": [
        ended(WINNER, "pending"),
        ended(WAITING, "paid"),
        tried(REFUSED, 3, 201),  # an order that nobody can see
    ],
    "flash sale: a repeated claim is one order": [
        another_order_for_a_double_click,
        another_order_after_the_loss,
        without(WINNER),
    ],
    "flash sale: claims outlive the loss of Redis": [
        another_order_after_the_loss,
        without(WINNER),
        lambda facts: setattr(record(facts), "losses", ()),
    ],
    "flash sale: selling goes on after the loss": [
        without(WINNER),
        every_answer_earlier,
        lambda facts: setattr(record(facts), "losses", ()),
    ],
    "flash sale: nobody gets in before the opening": [
        tried(REFUSED, -0.5, 201, claimed_at=at(0.1)),
        tried(REFUSED, -0.5, 409, code="sold_out"),
        tried(REFUSED, 0.1, 201, claimed_at=at(-0.1)),
        lambda facts: setattr(record(facts), "starts_at", at(-5)),
    ],
    "flash sale: who was refused has no order": [
        lambda facts: setattr(record(facts), "orders_of_refused", {REFUSED: 1}),
        lambda facts: setattr(record(facts), "orders_of_refused", {WINNER: 1}),
        lambda facts: setattr(record(facts), "orders_of_refused", {}),
    ],
    "flash sale: lapsed units were sold again": [
        without(WAITING),
        tried(REFUSED, 30, 201),
        ended(FORGETFUL, "fulfilled"),
        lambda facts: setattr(
            record(facts),
            "attempts",
            [replace(one, is_offer=False) for one in record(facts).attempts],
        ),
    ],
}


def failed(facts: Facts) -> dict[str, str]:
    """Return the checks that do not hold, with their details."""
    return {check.name: check.detail for check in run_checks(facts, FLASH_CHECKS) if not check.ok}


def test_a_good_sale_passes_every_check() -> None:
    assert failed(good_sale()) == {}


@pytest.mark.parametrize(
    ("name", "spoil"), [(name, spoil) for name, spoils in SPOILT.items() for spoil in spoils]
)
def test_a_spoilt_sale_fails_the_check(name: str, spoil: Spoil) -> None:
    facts = good_sale()
    spoil(facts)
    assert name in failed(facts)


def test_every_check_is_spoilt_here() -> None:
    assert {name for name, _ in FLASH_CHECKS} == set(SPOILT)


def test_without_a_sale_nothing_has_held() -> None:
    assert set(failed(good_evening())) == {name for name, _ in FLASH_CHECKS}


class TestRecord:
    """What the record says of a sale."""

    def test_counts_an_order_once_however_often_it_was_answered(self) -> None:
        sale = record(good_sale())
        assert set(sale.granted()) == {
            f"id-{member}" for member in (WINNER, BUYER_OF_TWO, FORGETFUL, WAITING)
        }
        assert sale.units_granted() == 5

    def test_is_sold_out_with_the_last_unit_of_the_rush(self) -> None:
        sale = record(good_sale())
        assert sale.seconds_until_sold_out() == pytest.approx(1.75)
        facts = good_sale()
        without(FORGETFUL)(facts)
        assert record(facts).seconds_until_sold_out() is None


def test_the_report_tells_it_in_a_few_lines() -> None:
    facts = good_sale()
    told = flash_report.numbers(facts, record(facts))
    assert told["members"] == 6
    assert told["claims sent"] == 10
    assert told["claims answered sold_out"] == 2
    assert told["claims answered HTTP 0"] == 1
    assert told["members who were refused"] == 2
    assert told["sold out after"] == "1.8 s"
    assert told["Redis lost (crashed, came back empty) after"] == "0.5 s"
    assert told["units sold before Redis was lost"] == 1
    assert told["units that lapsed or were cancelled"] == 1
    assert told["sold == stock"] == "4 == 4"
    ended(WAITING, "closed")(facts)
    assert flash_report.numbers(facts, record(facts))["sold == stock"] == "3 == 4"
