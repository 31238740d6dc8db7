"""Flash sales at the door: tokens, claims, repeats, the waitlist, bad input, the gate lost."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis

from app.sample_campaigns import MadeCampaign
from flash_sale.gate import Gate
from flash_sale.models import SaleMode
from kit.db import Begin
from tests.factories.sales import LONG_AGO
from tests.miniprogram_api.hall import Hall
from tests.miniprogram_api.sales import claim, let_in, open_doors, put_on, sweep
from tests.miniprogram_api.world import World

SECOND = timedelta(seconds=1)


@pytest.fixture
def now() -> datetime:
    """Return a moment that is past by the database's clock, too."""
    return LONG_AGO


@pytest.fixture
def world(begin: Begin, redis: "Redis", now: datetime) -> World:
    """Return a world in which nothing stays."""
    return World(begin, redis, now)


class TestClaiming:
    def test_opens_by_the_clock_and_sells_to_the_last_unit(self, world: World) -> None:
        made = put_on(world)
        person = world.member()
        early = claim(person, made)
        assert (early.status_code, early.get_json()["code"]) == (409, "not_started")
        open_doors(world)
        answer = claim(person, made)
        assert answer.status_code == 201, answer.get_json()
        order = person.get(f"/v1/orders/{answer.get_json()['order']['id']}").get_json()
        told = answer.get_json()["order"]
        assert {name: order[name] for name in told} == told
        assert claim(person, made).get_json()["code"] == "limit_reached"
        codes = [claim(world.member(), made).status_code for _ in range(4)]
        assert codes == [201, 201, 409, 409]
        seen = world.visitor().get(f"/v1/campaigns/{made.id}").get_json()
        assert (seen["phase"], seen["stock_left"]) == ("live", 0)
        assert seen["can_buy"] == {"ok": False, "reason": "sold_out"}

    def test_the_same_request_has_the_same_answer_even_sold_out(self, world: World) -> None:
        made = put_on(world, stock=1)
        open_doors(world)
        person, key = world.member(), uuid4().hex
        first = claim(person, made, key)
        sweep(world)
        again = claim(person, made, key)
        assert (again.status_code, again.data) == (first.status_code, first.data)
        other = claim(person, made, key, quantity=2)
        assert other.get_json()["code"] in ("idempotency_key_reused", "limit_reached")

    def test_also_after_its_order_lapsed_and_the_unit_is_somebody_else_s(
        self, world: World
    ) -> None:
        """Whoever asks again hears of their order, however the gate came to be."""
        made = put_on(world, stock=1)
        open_doors(world)
        person, key = world.member(), uuid4().hex
        order = claim(person, made, key).get_json()["order"]
        assert person.post(f"/v1/orders/{order['id']}/cancel", {}).status_code == 200
        Hall(world).relay()
        world.redis.flushall()
        assert claim(world.member(), made).status_code == 201
        again = claim(person, made, key)
        assert again.status_code == 201, again.get_json()
        assert again.get_json()["order"]["id"] == order["id"]
        assert claim(person, made).get_json()["code"] == "sold_out"

    @pytest.mark.parametrize(
        "quantity", [0, -1, 101, 10**9, 10**30, 1.5, "1", "1e3", "", None, True, [], [1], {}]
    )
    def test_c59_a_quantity_is_a_small_whole_number(self, world: World, quantity: Any) -> None:
        made = put_on(world)
        open_doors(world)
        answer = claim(world.member(), made, quantity=quantity)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.get_json()["errors"]] == ["quantity"]
        view = Gate(world.redis).peek(made.id)
        assert view is not None
        assert view.units == 3

    def test_it_needs_a_key_and_a_sign_in_and_a_sale(self, world: World) -> None:
        made = put_on(world)
        path = f"/v1/campaigns/{made.id}/claims"
        assert world.member().post(path, {}).status_code == 422
        assert claim(world.visitor(), made).status_code == 401
        assert claim(world.member(), MadeCampaign(uuid4(), made.sku_id)).status_code == 404

    def test_goes_on_when_the_gate_is_flushed(self, world: World) -> None:
        made = put_on(world, stock=2)
        open_doors(world)
        assert claim(world.member(), made).status_code == 201
        world.now += SECOND
        world.redis.flushdb()
        codes = [claim(world.member(), made).status_code for _ in range(3)]
        assert codes == [201, 409, 409]


class TestPurchaseTokens:
    def test_let_in_without_asking_the_database_again(self, world: World) -> None:
        made = put_on(world)
        bearer = let_in(world, world.member(), made)
        open_doors(world)
        assert claim(bearer, made).status_code == 201

    def test_are_of_one_campaign_and_of_a_few_minutes(self, world: World) -> None:
        made, other = put_on(world), put_on(world)
        bearer = let_in(world, world.member(), made)
        open_doors(world)
        answer = claim(bearer, other)
        assert answer.get_json()["code"] == "flash_sale.bad_token"
        world.now += timedelta(minutes=10)
        assert claim(bearer, made).get_json()["code"] == "flash_sale.bad_token"

    def test_no_byte_of_one_may_be_changed(self, world: World) -> None:
        made = put_on(world)
        bearer = let_in(world, world.member(), made)
        open_doors(world)
        assert bearer.token is not None
        true = bearer.token
        for place in range(0, len(true), 5):
            bearer.token = true[:place] + ("A" if true[place] != "A" else "B") + true[place + 1 :]
            assert claim(bearer, made).get_json()["code"] == "flash_sale.bad_token"

    def test_open_nothing_else(self, world: World) -> None:
        made = put_on(world)
        bearer = let_in(world, world.member(), made)
        assert bearer.get("/v1/me").status_code == 401
        assert bearer.post(f"/v1/campaigns/{made.id}/waitlist", {}).status_code == 401

    def test_are_given_from_the_warm_up_on(self, world: World) -> None:
        made = put_on(world, opens_in=timedelta(hours=1))
        person = world.member()
        path = f"/v1/campaigns/{made.id}/purchase-tokens"
        assert person.post(path, {}).get_json()["code"] == "not_started"
        world.now += timedelta(minutes=50)
        assert person.post(path, {}).status_code == 201


class TestTheWaitlist:
    def test_who_waits_is_offered_what_lapsed(self, world: World) -> None:
        made = put_on(world, stock=1)
        open_doors(world)
        sweep(world)
        buyer, waiter = world.member(), world.member()
        path = f"/v1/campaigns/{made.id}/waitlist"
        assert waiter.post(path, {}).get_json()["code"] == "flash_sale.still_on_sale"
        order = claim(buyer, made).get_json()["order"]
        assert waiter.post(path, {}).get_json()["wait"]["ahead"] == 0
        assert buyer.post(f"/v1/orders/{order['id']}/cancel", {}).status_code == 200
        Hall(world).relay()
        offer = waiter.get(path).get_json()
        assert offer["status"] == "offered"
        assert claim(world.member(), made).get_json()["code"] == "sold_out"
        taken = claim(waiter, made, offer_id=offer["offer_id"])
        assert taken.status_code == 201, taken.get_json()
        assert waiter.get(path).get_json()["status"] == "taken"

    def test_an_offer_is_found_without_being_named(self, world: World) -> None:
        made = put_on(world, stock=1)
        open_doors(world)
        sweep(world)
        buyer, waiter = world.member(), world.member()
        order = claim(buyer, made).get_json()["order"]
        waiter.post(f"/v1/campaigns/{made.id}/waitlist", {})
        buyer.post(f"/v1/orders/{order['id']}/cancel", {})
        Hall(world).relay()
        sweep(world)
        assert claim(waiter, made).status_code == 201

    def test_an_offer_is_its_member_s_alone(self, world: World) -> None:
        made = put_on(world, stock=1)
        open_doors(world)
        sweep(world)
        buyer, waiter, thief = world.member(), world.member(), world.member()
        order = claim(buyer, made).get_json()["order"]
        path = f"/v1/campaigns/{made.id}/waitlist"
        waiter.post(path, {})
        buyer.post(f"/v1/orders/{order['id']}/cancel", {})
        Hall(world).relay()
        offer_id = waiter.get(path).get_json()["offer_id"]
        for person, tried in ((thief, offer_id), (waiter, str(uuid4()))):
            answer = claim(person, made, offer_id=tried)
            assert answer.get_json()["code"] == "flash_sale.no_offer"
        assert waiter.send("DELETE", path).status_code == 204
        assert waiter.get(path).get_json()["status"] == "left"


class TestTheLottery:
    def test_registers_draws_and_offers(self, world: World) -> None:
        made = put_on(world, stock=2, mode=SaleMode.LOTTERY)
        open_doors(world)
        people = [world.member() for _ in range(5)]
        path = f"/v1/campaigns/{made.id}"
        seen = people[0].get(path).get_json()["flash_terms"]
        assert claim(people[0], made).get_json()["code"] == "flash_sale.drawn_by_lot"
        entries = [
            person.post(f"{path}/waitlist", {}).get_json()["wait"]["id"] for person in people
        ]
        assert people[0].get(f"{path}/draw").status_code == 404
        world.now += timedelta(hours=1)
        sweep(world)
        sweep(world)
        Hall(world).relay()
        told = people[0].get(f"{path}/draw").get_json()
        assert told["commitment"] == seen["draw_commitment"]
        assert told["entries"] == entries
        lucky = [people[entries.index(entry)] for entry in told["order"][:2]]
        first = [claim(person, made, key="mine") for person in lucky]
        first = [claim(person, made, key="mine") for person in lucky]
        assert [answer.status_code for answer in first] == [201, 201]
        assert claim(lucky[0], made, key="mine").data == first[0].data
        unlucky = next(person for person in people if person not in lucky)
        assert claim(unlucky, made).get_json()["code"] == "flash_sale.drawn_by_lot"


class TestReminders:
    def test_are_noted_once(self, world: World) -> None:
        made = put_on(world, opens_in=timedelta(hours=1))
        person = world.member()
        path = f"/v1/campaigns/{made.id}/reminders"
        first, again = person.post(path, {}), person.post(path, {})
        assert first.status_code == again.status_code == 201
        assert first.get_json() == again.get_json()
