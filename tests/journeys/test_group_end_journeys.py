"""The end of a group's time: too few, too late, nobody awake, refunds that do not go through."""

from datetime import datetime, timedelta
from time import sleep

from app.wiring import make_ports
from benchmarks.ground import read_settings
from shop.orders.jobs import send_due_refunds
from shop.payments.queries import list_stuck_refunds
from tests.journeys.auditor import begin_of
from tests.journeys.groups import (
    PRICE_FEN,
    await_group,
    join,
    new_deal,
    open_group,
    paid_group,
    pay_late,
    people_of,
    see_group,
)
from tests.journeys.people import (
    REFUNDS,
    Json,
    Person,
    believe_closed,
    eventually,
    no_more_trouble,
    refunds_of,
    trouble,
)
from tests.running_shop import RunningShop

REFUSALS = 20


def test_d63_i27_a_failed_group_repays_everybody_once_and_shows_it(shop: RunningShop) -> None:
    people = people_of(shop, 3)
    deal = new_deal(shop, group_lasts=4, seats=4)
    group, orders = paid_group(deal, *people[:2])
    unpaid = join(people[2], group)["order"]
    assert unpaid["pay_by"] <= group["ends_at"]  # nobody pays for a seat when its time is over
    failed = await_group(shop, group, status="failed")
    assert failed["failed_at"] >= failed["ends_at"]
    assert failed["seats_missing"] == 0
    for person, order in zip(people, orders, strict=False):
        shown = person.await_refunds(order, "requested", "sent", "done")
        assert shown["is_held"]
        done = person.await_status(order, "refunded")
        (refund,) = done["refunds"]
        assert (refund["reason"], refund["amount_fen"]) == ("group_failed", PRICE_FEN)
        assert refund["requested_at"] <= refund["done_at"]
        assert person.cards(order) == []
        number = person.trade()["out_trade_no"]
        assert len(refunds_of(shop, person.channel, number)) == 1
    assert people[2].await_status(unpaid, "closed")["refunds"] == []
    assert deal.see().json()["stock_left"] == 12


def test_d62_a_payment_in_time_counts_though_its_news_comes_late(shop: RunningShop) -> None:
    people = people_of(shop, 3)
    deal = new_deal(shop, group_lasts=6)
    opened = open_group(people[0], deal)
    group, orders = opened["group"], [opened["order"]]
    orders += [join(person, group)["order"] for person in people[1:]]
    shop.kill("worker")  # nobody hears of a payment now but the sweep at the end
    for person, order in zip(people, orders, strict=True):
        person.pay(order)
        assert person.await_status(order, "paid")["is_held"]
    assert see_group(shop, group).json()["seats_paid"] == 0
    formed = await_group(shop, group, status="formed")
    assert formed["formed_at"] >= formed["ends_at"]
    for person, order in zip(people, orders, strict=True):
        assert person.await_status(order, "fulfilled")["refunds"] == []
    shop.start_part("worker")
    shop.wait_until_ready()


def test_j_a_killed_worker_is_made_up_for_by_the_next(shop: RunningShop) -> None:
    people = people_of(shop, 3)
    deal = new_deal(shop)
    group, orders = paid_group(deal, people[0])
    shop.kill("worker")
    for person in people[1:]:
        orders.append(join(person, group)["order"])
        person.pay(orders[-1])
    assert see_group(shop, group).json()["status"] == "open"
    shop.start_part("worker")
    await_group(shop, group, status="formed")
    for person, order in zip(people, orders, strict=True):
        person.await_status(order, "fulfilled")


def test_d65_who_pays_after_the_group_failed_is_repaid_once(
    shop: RunningShop, platform: str
) -> None:
    person = Person(shop, platform)
    deal = new_deal(shop, group_lasts=30, pay_within=2)
    order, params, group = _dawdle(person, open_group(person, deal, may_move=True))
    await_group(shop, group, status="failed")
    pay_late(person, params)
    done = person.await_status(order, "refunded", "closed")
    done = person.await_refunds(order, "done")
    assert sum(refund["amount_fen"] for refund in done["refunds"]) == PRICE_FEN
    assert len(done["refunds"]) == 1
    assert person.trade()["refunded_fen"] == PRICE_FEN
    assert person.cards(order) == []


def test_d61_a_late_payer_moves_to_another_group_by_their_own_agreement(shop: RunningShop) -> None:
    people = people_of(shop, 5)
    deal = new_deal(shop, seats=2, pay_within=3)
    group, orders = paid_group(deal, people[0])
    order, params, _ = _dawdle(people[1], join(people[1], group, may_move=True))
    filler = join(people[2], group)["order"]
    people[2].pay(filler)
    await_group(shop, group, status="formed")
    other, other_orders = paid_group(deal, people[3])
    await_group(shop, other, seats_paid=1)
    pay_late(people[1], params)
    await_group(shop, other, status="formed")
    assert people[1].await_status(order, "fulfilled")["refunds"] == []
    (seat,) = people[1].get(f"/groups/{other['id']}/seats/mine")["items"]
    assert (seat["status"], seat["order_id"]) == ("paid", order["id"])
    people[3].await_status(other_orders[0], "fulfilled")
    people[0].await_status(orders[0], "fulfilled")


def test_d61_a_late_payer_who_did_not_agree_is_repaid(shop: RunningShop) -> None:
    people = people_of(shop, 4)
    deal = new_deal(shop, seats=2, pay_within=3)
    group, _ = paid_group(deal, people[0])
    order, params, _ = _dawdle(people[1], join(people[1], group))
    people[2].pay(join(people[2], group)["order"])
    await_group(shop, group, status="formed")
    other, _ = paid_group(deal, people[3])  # has a seat, but nobody asked for it
    pay_late(people[1], params)
    done = people[1].await_status(order, "refunded")
    assert [refund["reason"] for refund in done["refunds"]] == ["group_late"]
    assert people[1].trade()["refunded_fen"] == PRICE_FEN
    assert see_group(shop, other).json()["seats_paid"] <= 1
    assert people[3].ask("DELETE", f"/groups/{other['id']}/seats/mine").status_code == 204


def test_i28_a_scheduler_that_slept_over_open_and_close_catches_up(shop: RunningShop) -> None:
    person, late = people_of(shop, 2)
    running = new_deal(shop, group_lasts=2)
    group, (order,) = paid_group(running, person)
    shop.end("scheduler")
    missed = new_deal(shop, opens_in=0.5, warms_in=0.2, lasts=1, group_lasts=1)
    still_open = new_deal(shop, opens_in=0.5)
    sleep(2.5)
    for deal, code in ((missed, "ended"), (still_open, "not_started")):
        answer = late.ask("POST", f"/campaigns/{deal.id}/groups", {})
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert see_group(shop, group).json()["status"] == "open"
    too_late = late.ask("POST", f"/groups/{group['id']}/seats", {})
    assert too_late.json()["code"] == "group_buy.over"
    shop.start_part("scheduler")
    missed.await_status("ended", "settled")
    still_open.await_status("live")
    await_group(shop, group, status="failed")
    person.await_status(order, "refunded")
    assert missed.await_status("settled")["can_buy"] == {"ok": False, "reason": "ended"}
    edges = missed.edges()
    assert [name for name, _, _ in edges] == ["warm", "open", "end", "settle"]
    assert all(due <= passed for _, due, passed in edges)
    assert [name for name, _, _ in still_open.edges()] == ["open"]
    shop.wait_until_ready()


def test_a_refund_that_is_refused_twenty_times_waits_for_a_person(shop: RunningShop) -> None:
    person = Person(shop, "alipay")
    deal = new_deal(shop, group_lasts=8)
    group, (order,) = paid_group(deal, person)
    number = person.trade()["out_trade_no"]
    match = {"out_trade_no": number}
    code = "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    trouble(shop, REFUNDS["alipay"], "error", times=None, code=code, match=match)
    await_group(shop, group, status="failed")
    _let_time_pass(shop, person, order)
    stuck = person.await_refunds(order, "stuck")
    assert stuck["status"] == "refunding"
    with begin_of(shop) as begin, begin() as session:
        (refund,) = [one for one in list_stuck_refunds(session) if str(one.order_id) == order["id"]]
    assert (refund.attempts, refund.last_error) == (REFUSALS, code)
    no_more_trouble(shop)
    assert shop.flask("refunds", "retry", refund.out_refund_no).returncode == 0
    done = person.await_status(order, "refunded")
    assert [refund["status"] for refund in done["refunds"]] == ["done"]
    assert len(refunds_of(shop, "alipay", number)) == 1


def _dawdle(person: Person, joined: Json) -> tuple[Json, Json, Json]:
    """Go to the cashier and let the seat lapse, while the platform wrongly calls it closed."""
    order = joined["order"]
    params = person.open_trade(order)
    believe_closed(person)
    person.await_status(order, "closed")
    mine = f"/groups/{joined['group']['id']}/seats/mine"
    eventually(lambda: person.get(mine)["items"] == [], what="the seat is free")
    return order, params, joined["group"]


def _let_time_pass(shop: RunningShop, person: Person, order: Json) -> None:
    """Send the refund again and again, as a scheduler would in the hours that follow."""
    gateways = make_ports(read_settings(shop.settings), connections=1, name="test").gateways
    at = datetime.fromisoformat(person.order(order)["placed_at"])
    with begin_of(shop) as begin:
        for _ in range(2 * REFUSALS):
            at += timedelta(hours=1)
            send_due_refunds(begin, gateways, now=at)
            if person.order(order)["refunds"][0]["status"] == "stuck":
                return
