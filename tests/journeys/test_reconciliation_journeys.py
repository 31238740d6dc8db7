"""The platforms' bills of a day against our books: equal, and doctored."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from kit.clock import business_date
from tests.journeys.auditor import assert_audit_command, new_sku
from tests.journeys.conftest import opened
from tests.journeys.people import CHANNELS, Person, trouble
from tests.running_shop import RunningShop
from tests.servers import DatabaseServer

BILLS = {"wechat": "wechat_pay.bill", "alipay": "alipay.bill"}


@pytest.fixture(scope="module")
def billed_shop(database_server: DatabaseServer, redis_url: str) -> Iterator[RunningShop]:
    """Return a shop of its own, whose platforms give today's bill at once."""
    with opened(database_server, redis_url) as shop:
        shop.sandbox.post("bills", {"available": "now"})
        yield shop
        assert_audit_command(shop)


@pytest.fixture(scope="module")
def day(billed_shop: RunningShop) -> str:
    """Trade a little on both platforms and return the day in Shanghai on which it happened."""
    sku = new_sku(billed_shop, stock=50)
    for platform in CHANNELS:
        people = [Person(billed_shop, platform) for _ in range(3)]
        orders = [person.buy((sku, 2)) for person in people]
        lines = [order["lines"][0]["id"] for order in orders]
        for person, order, body in (
            (people[0], orders[0], {}),
            (people[1], orders[1], {"line_id": lines[1], "quantity": 1}),
        ):
            answer = person.ask("POST", f"/orders/{order['id']}/refunds", body)
            assert answer.status_code == 201
        people[0].await_status(orders[0], "refunded")
        people[1].await_refunds(orders[1], "done")
    return f"{business_date(datetime.fromisoformat(orders[0]['paid_at'])):%Y-%m-%d}"


def reconcile(shop: RunningShop, day: str, platform: str) -> tuple[int, str]:
    """Run `flask reconcile` for one platform."""
    done = shop.flask("reconcile", "--date", day, "--channel", CHANNELS[platform])
    return done.returncode, done.stdout


def test_f106_a_true_bill_matches_and_again_posts_nothing_more(
    billed_shop: RunningShop, day: str
) -> None:
    for platform, channel in CHANNELS.items():
        said = reconcile(billed_shop, day, platform)
        assert said == (0, f"{channel} {day}: 0 differences\n")
    before = billed_shop.flask("ledger", "balances").stdout
    assert billed_shop.flask("reconcile", "--date", day).returncode == 0
    assert billed_shop.flask("ledger", "balances").stdout == before


def test_f105_a_doctored_bill_shows_and_a_true_one_clears(
    billed_shop: RunningShop, day: str, platform: str
) -> None:
    # The scheduler may ask for the bill of the day before meanwhile; that one stays true.
    trouble(billed_shop, BILLS[platform], "wrong_amount", delta_fen=100, match={"bill_date": day})
    code, said = reconcile(billed_shop, day, platform)
    assert code == 1
    assert "payment_amount" in said
    assert CHANNELS[platform] in billed_shop.flask("differences", "list").stdout
    assert reconcile(billed_shop, day, platform)[0] == 0
    assert CHANNELS[platform] not in billed_shop.flask("differences", "list").stdout


def test_f106_a_bill_file_that_was_tampered_with_is_not_believed(
    billed_shop: RunningShop, day: str
) -> None:
    trouble(billed_shop, "wechat_pay.bill_file", "bad_signature")
    code, said = reconcile(billed_shop, day, "wechat")
    assert code == 1
    assert "no bill" in said
    assert reconcile(billed_shop, day, "wechat")[0] == 0
