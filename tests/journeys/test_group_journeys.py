"""Buying together: opening, joining, forming, the price ladder, who may join, leaving."""

from concurrent.futures import ThreadPoolExecutor

from group_buy.rules import Rung
from kit.money import Fen
from shop.campaigns.models import Audience
from tests.journeys.groups import (
    LIST_PRICE_FEN,
    PRICE_FEN,
    await_group,
    join,
    leave,
    new_deal,
    open_group,
    paid_group,
    people_of,
    refusal,
    see_group,
    try_join,
    try_open,
)
from tests.journeys.people import Json, Person, eventually, join_by_phone
from tests.running_shop import RunningShop


def test_d72_i26_a_full_group_forms_and_only_then_delivers(shop: RunningShop) -> None:
    first, second, third = people_of(shop, 3)
    deal = new_deal(shop)
    opened = open_group(first, deal)
    group, orders = opened["group"], [opened["order"]]
    assert (group["status"], group["seats_held"], group["seats_paid"]) == ("open", 1, 0)
    assert (orders[0]["total_fen"], orders[0]["is_held"]) == (PRICE_FEN, True)
    first.pay(orders[0])
    orders.append(join(second, group)["order"])
    second.pay(orders[1])
    seen = await_group(shop, group, seats_paid=2)
    assert (seen["seats_missing"], seen["share"]["title"]) == (1, "还差 1 人成团")
    for person, order in ((first, orders[0]), (second, orders[1])):
        assert person.await_status(order, "paid")["is_held"]
        assert person.cards(order) == []
    orders.append(join(third, group)["order"])
    third.pay(orders[2])
    formed = await_group(shop, group, status="formed")
    assert (formed["seats_paid"], formed["seats_missing"], formed["house_seats"]) == (3, 0, 0)
    for person, order in zip((first, second, third), orders, strict=True):
        assert person.await_status(order, "fulfilled")["refunds"] == []
        (card,) = person.cards(order)
        assert person.reveal(card).status_code == 200
    seats = first.get(f"/groups/{group['id']}/seats/mine")["items"]
    assert [(seat["seat_no"], seat["status"]) for seat in seats] == [(1, "paid")]


def test_d61_i25_of_all_who_rush_only_as_many_get_in_as_there_are_seats(shop: RunningShop) -> None:
    people = people_of(shop, 10)
    deal = new_deal(shop)
    group = open_group(people[0], deal)["group"]
    with ThreadPoolExecutor(9) as rush:
        answers = list(rush.map(lambda person: try_join(person, group), people[1:]))
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 7
    refused = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert refused == {"group_buy.full"}
    taken = {answer.json()["seat"]["seat_no"] for answer in answers if answer.status_code == 201}
    assert taken == {2, 3}
    in_it = [one for one, answer in zip(people[1:], answers, strict=True) if answer.ok]
    orders = [answer.json()["order"] for answer in answers if answer.ok]
    for person, order in zip(in_it, orders, strict=True):
        person.pay(order)
    assert see_group(shop, group).json()["status"] == "open"  # the first has not paid
    for person in (people[0], *in_it):
        assert leave(person, group).status_code == 204
    for person, order in zip(in_it, orders, strict=True):
        assert person.await_status(order, "refunded")["refunds"][0]["reason"] == "left"


def test_d68_d69_nobody_joins_twice_nor_a_group_that_is_over(shop: RunningShop) -> None:
    first, second, stranger = people_of(shop, 3)
    deal = new_deal(shop, seats=2)
    group = open_group(first, deal)["group"]
    assert refusal(try_join(first, group)) == (409, "group_buy.already_in")
    assert refusal(leave(stranger, group)) == (404, "group_buy.not_in_group")
    unknown = {"id": "00000000-0000-7000-8000-000000000000"}
    assert refusal(try_join(stranger, unknown)) == (404, "group_buy.not_found")
    body = join(second, group, key="once")
    again = try_join(second, group, key="once")
    assert (again.status_code, again.json()) == (201, body)
    for person, order in ((first, first.get("/orders")["items"][0]), (second, body["order"])):
        person.pay(order)
    await_group(shop, group, status="formed")
    assert refusal(try_join(stranger, group)) == (409, "group_buy.over")
    assert refusal(leave(first, group)) == (409, "group_buy.over")


def test_a_ladder_lowers_the_price_for_all_and_gives_the_difference_back(shop: RunningShop) -> None:
    people = people_of(shop, 5)
    rungs = ((2, PRICE_FEN), (3, 1300), (4, 1000))
    ladder = [Rung(seats, Fen(price)) for seats, price in rungs]
    deal = new_deal(shop, seats=2, ladder=ladder)
    assert deal.see().json()["group_terms"]["ladder"][-1] == {"seats": 4, "price_fen": 1000}
    group, orders = paid_group(deal, *people[:2])
    formed = await_group(shop, group, status="formed")
    assert (formed["price_fen"], formed["next_rung"]) == (1500, {"seats": 3, "price_fen": 1300})
    for person, order in zip(people, orders, strict=False):
        person.await_status(order, "fulfilled")
    for number, price in ((2, 1300), (3, 1000)):
        order = join(people[number], group)["order"]
        orders.append(order)
        people[number].pay(order)
        await_group(shop, group, price_fen=price)
    assert [order["total_fen"] for order in orders] == [1500, 1500, 1500, 1300]
    assert refusal(try_join(people[4], group)) == (409, "group_buy.full")
    for person, order in zip(people, orders, strict=False):
        back = [300] if order is orders[3] else [200, 300]
        _await_refunds(person, order, count=len(back))
        done = person.await_status(order, "fulfilled")
        assert sorted(refund["amount_fen"] for refund in done["refunds"]) == back
        assert {refund["reason"] for refund in done["refunds"]} == {"price_drop"}
        assert person.trade()["refunded_fen"] == sum(back)
        assert len(person.cards(order)) == 1


def test_the_initiator_pays_less(shop: RunningShop) -> None:
    first, second = people_of(shop, 2)
    deal = new_deal(shop, seats=2, initiator_price_fen=900)
    group, orders = paid_group(deal, first, second)
    await_group(shop, group, status="formed")
    assert [order["total_fen"] for order in orders] == [900, PRICE_FEN]
    assert first.await_status(orders[0], "fulfilled")["refunds"] == []


def test_only_new_members_join_what_is_for_them(shop: RunningShop, sku: str) -> None:
    old, other_old, new = people_of(shop, 3)
    for person in (old, other_old):
        person.buy((sku, 1))
    deal = new_deal(shop, seats=2, new_members_only=True)
    group = open_group(old, deal)["group"]
    assert refusal(try_join(other_old, group)) == (409, "group_buy.new_members_only")
    old.pay(old.get("/orders")["items"][0])
    new.pay(join(new, group)["order"])
    await_group(shop, group, status="formed")
    closed = new_deal(shop, audience=Audience.NEW_MEMBERS)
    assert refusal(try_open(other_old, closed)) == (409, "campaigns.not_for_you")


def test_limits_hold_for_a_member_across_both_platforms(shop: RunningShop) -> None:
    person, twin = Person(shop, "wechat"), Person(shop, "alipay")
    join_by_phone(person, twin)
    stranger = Person(shop, "wechat")
    once = new_deal(shop, limit=1)
    group = open_group(person, once)["group"]
    assert refusal(try_open(twin, once)) == (409, "limit_reached")
    assert refusal(try_join(twin, group)) == (409, "group_buy.already_in")
    one_group = new_deal(shop, limit=5, groups_per_member=1)
    open_group(person, one_group)
    assert refusal(try_open(twin, one_group)) == (409, "group_buy.too_many_groups")
    theirs = open_group(stranger, one_group)["group"]
    assert refusal(try_join(twin, theirs)) == (409, "group_buy.too_many_groups")


def test_what_is_set_aside_is_all_there_is_and_nobody_else_sells_it(shop: RunningShop) -> None:
    first, second, third = people_of(shop, 3)
    deal = new_deal(shop, stock=2, seats=2)
    ordinary = first.ask("POST", "/orders", {"lines": [{"sku_id": deal.sku_id, "quantity": 1}]})
    assert refusal(ordinary) == (409, "cards.out_of_stock")
    group = open_group(first, deal)["group"]
    join(second, group)
    assert deal.see().json()["can_buy"] == {"ok": False, "reason": "sold_out"}
    assert refusal(try_open(third, deal)) == (409, "cards.out_of_stock")
    for person in (first, second):
        assert leave(person, group).status_code == 204
    assert deal.see().json()["stock_left"] == 2
    assert deal.see().json()["items"][0]["list_price_fen"] == LIST_PRICE_FEN


def test_d67_who_leaves_before_paying_frees_the_seat_and_initiation_passes_on(
    shop: RunningShop,
) -> None:
    first, second, third = people_of(shop, 3)
    deal = new_deal(shop, seats=2)
    opened = open_group(first, deal)
    group = opened["group"]
    params = first.open_trade(opened["order"])
    order = join(second, group)["order"]
    second.pay(order)
    await_group(shop, group, seats_paid=1)
    assert refusal(try_join(third, group)) == (409, "group_buy.full")
    assert leave(first, group).status_code == 204
    first.await_status(opened["order"], "closed")
    assert params
    after = see_group(shop, group).json()
    assert [member["is_initiator"] for member in after["members"]] == [True]
    assert (after["status"], after["seats_paid"], after["seats_held"]) == ("open", 1, 0)
    third.pay(join(third, group)["order"])
    await_group(shop, group, status="formed")
    second.await_status(order, "fulfilled")


def test_d67_who_leaves_after_paying_is_repaid_and_an_empty_group_fails(
    shop: RunningShop, platform: str
) -> None:
    person = Person(shop, platform)
    deal = new_deal(shop)
    group, (order,) = paid_group(deal, person)
    await_group(shop, group, seats_paid=1)
    wish = person.ask("POST", f"/orders/{order['id']}/refunds", {})
    assert refusal(wish) == (409, "orders.held")
    assert leave(person, group).status_code == 204
    assert see_group(shop, group).json()["status"] == "failed"
    done = person.await_status(order, "refunded")
    assert [(row["reason"], row["amount_fen"]) for row in done["refunds"]] == [("left", PRICE_FEN)]
    assert person.trade()["refunded_fen"] == PRICE_FEN
    assert refusal(leave(person, group)) == (404, "group_buy.not_in_group")


def test_groups_that_lack_a_seat_or_two_are_listed_the_fewest_first(shop: RunningShop) -> None:
    people = people_of(shop, 5)
    deal = new_deal(shop, stock=20, seats=4)
    paid_group(deal, people[0])
    two_short, _ = paid_group(deal, *people[1:3])
    one_short, _ = paid_group(deal, *people[2:5])
    open_group(people[4], deal)  # nobody has paid in it

    def listed() -> list[str]:
        items = shop.request("GET", f"/v1/campaigns/{deal.id}/groups").json()["items"]
        return [item["id"] for item in items]

    eventually(lambda: listed() == [one_short["id"], two_short["id"]], what="the list is right")
    path = f"/groups/{one_short['id']}/nudge"
    assert people[2].ask("POST", path).status_code == 204
    again = people[3].ask("POST", path)
    assert refusal(again) == (429, "group_buy.nudged_already")
    assert 0 < int(again.headers["Retry-After"]) <= 600
    assert refusal(people[0].ask("POST", path)) == (404, "group_buy.not_in_group")


def test_d70_the_house_completes_a_group_openly_by_the_word_of_two(shop: RunningShop) -> None:
    person = Person(shop, "wechat")
    deal = new_deal(shop)
    group, (order,) = paid_group(deal, person)
    await_group(shop, group, seats_paid=1)
    asked = shop.flask("groups", "complete", group["id"], "--why", "thanks", "--by", "asker")
    assert asked.returncode == 0, asked.stdout
    assert shop.flask("groups", "approve", group["id"], "--by", "asker").returncode != 0
    assert see_group(shop, group).json()["status"] == "open"
    approved = shop.flask("groups", "approve", group["id"], "--by", "another")
    assert approved.returncode == 0, approved.stdout
    formed = await_group(shop, group, status="formed")
    assert (formed["seats_paid"], formed["house_seats"], formed["seats_missing"]) == (1, 2, 0)
    assert len(formed["members"]) == 1  # nobody is invented
    assert len(person.cards(person.await_status(order, "fulfilled"))) == 1


def _await_refunds(person: Person, order: Json, *, count: int) -> None:
    eventually(lambda: len(person.order(order)["refunds"]) == count, what="every refund is there")
    person.await_refunds(order, "done")
