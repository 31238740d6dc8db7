"""A rush at the lane: to the last unit, never one more, each answered once, whatever is out."""

import base64
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from app.sample_campaigns import MadeCampaign
from flash_sale.gate_wire import GateClaim, Verdict
from flash_sale.lane import outlook, writing
from flash_sale.models import Claim, SaleMode
from kit.db import Begin
from tests.app.lane.driver import Answer, Lane, claim_of, eventually
from tests.miniprogram_api.hall import Hall
from tests.miniprogram_api.sales import claim, let_in, open_doors, put_on, ring, sweep
from tests.miniprogram_api.world import World

SECOND = timedelta(seconds=1)


def bearers(world: World, made: MadeCampaign, count: int) -> list[str]:
    """Return purchase tokens of so many new members."""
    return [str(let_in(world, world.member(), made).token) for _ in range(count)]


def id_of(token: str) -> bytes:
    """Return the bytes of the bearer's id."""
    return base64.urlsafe_b64decode(token + "==")[19:35]


def codes(answers: list[Answer]) -> Counter[Any]:
    """Count the answers by status or code."""
    return Counter(
        answer.status_code if answer.status_code == 201 else answer.get_json()["code"]
        for answer in answers
    )


def claims_of(begin: Begin, campaign_id: UUID) -> int:
    """Count the claims in the database."""
    with begin() as session:
        found = select(func.count()).select_from(Claim).where(Claim.campaign_id == campaign_id)
        return int(session.scalar(found) or 0)


class TestRush:
    @pytest.mark.parametrize("shards", [1, 4])
    def test_sells_to_the_last_unit(self, world: World, lane: Lane, shards: int) -> None:
        made = put_on(world, stock=7, shards=shards)
        tokens = bearers(world, made, 20)
        open_doors(world)
        answers = lane.ask(*(claim_of(token, made.id) for token in tokens))
        assert codes(answers) == {201: 7, "sold_out": 13}
        assert claims_of(world.begin, made.id) == 7
        bodies = [answer.get_json() for answer in answers if answer.status_code == 201]
        assert len({body["order"]["id"] for body in bodies}) == 7

    def test_many_clicks_of_one_member_are_one_claim(self, world: World, lane: Lane) -> None:
        made = put_on(world, stock=5, limit=2)
        (token,) = bearers(world, made, 1)
        open_doors(world)
        same = lane.ask(*(claim_of(token, made.id, "mine") for _ in range(10)))
        assert len({answer.data for answer in same}) == 1
        assert codes(same) == {201: 10}
        others = lane.ask(*(claim_of(token, made.id) for _ in range(10)))
        assert codes(others) == {201: 1, "limit_reached": 9}
        assert claims_of(world.begin, made.id) == 2

    def test_two_campaigns_at_once(self, world: World, lane: Lane) -> None:
        first, second = put_on(world, stock=2), put_on(world, stock=3)
        tokens = [(made, token) for made in (first, second) for token in bearers(world, made, 5)]
        open_doors(world)
        answers = lane.ask(*(claim_of(token, made.id) for made, token in tokens))
        assert codes(answers[:5]) == {201: 2, "sold_out": 3}
        assert codes(answers[5:]) == {201: 3, "sold_out": 2}

    def test_is_not_open_a_second_early(self, world: World, lane: Lane) -> None:
        made = put_on(world, opens_in=timedelta(minutes=5))
        (token,) = bearers(world, made, 1)
        world.now += timedelta(minutes=5) - SECOND
        ring(world, "fill_due_gates")
        for _ in range(2):  # by the gate, then without asking it
            assert lane.claim(token, made.id).get_json()["code"] == "not_started"
            lane.look(made.id)
        world.now += SECOND
        ring(world, "fill_due_gates")
        assert lane.claim(token, made.id).status_code == 201


class TestSoldOutAtOnce:
    """What is surely refused is refused in the process."""

    def sold_out(self, world: World, lane: Lane, **terms: Any) -> tuple[MadeCampaign, str, bytes]:
        """Return a campaign that is sold out, its one buyer's token, and the answer they had."""
        made = put_on(world, stock=1, **terms)
        (token,) = bearers(world, made, 1)
        open_doors(world)
        answer = lane.claim(token, made.id, "mine")
        assert answer.status_code == 201
        return made, token, answer.data

    def count(self, lane: Lane, made: MadeCampaign) -> int:
        """Return how many claims the gate has answered."""
        return int(lane.run(lane.gate.read_counts(made.id)).claims)

    def test_the_gate_is_not_asked_again(self, world: World, lane: Lane) -> None:
        made, *_ = self.sold_out(world, lane)
        tokens = bearers(world, made, 5)
        lane.look(made.id)
        before = self.count(lane, made)
        answers = lane.ask(*(claim_of(token, made.id) for token in tokens))
        assert codes(answers) == {"sold_out": 5}
        assert self.count(lane, made) == before

    def test_who_holds_a_unit_hears_the_same_again(self, world: World, lane: Lane) -> None:
        made, token, data = self.sold_out(world, lane)
        lane.look(made.id)
        assert lane.claim(token, made.id, "mine").data == data
        sweep(world)  # the gate has forgotten the claim, which is in the database
        lane.look(made.id)
        assert lane.claim(token, made.id, "mine").data == data

    def test_a_holder_of_a_moment_ago_is_known(self, world: World, lane: Lane) -> None:
        """A unit came back and was sold elsewhere, all of it between two looks."""
        made = put_on(world, stock=1)
        first, other = bearers(world, made, 2)
        open_doors(world)
        undone = GateClaim(uuid4(), "x", 1)
        assert lane.run(lane.gate.admit(made.id, [undone])) == [Verdict.ADMITTED]
        lane.look(made.id)
        assert lane.claim(first, made.id).get_json()["code"] == "sold_out"
        lane.run(lane.gate.settle(made.id, done=[], given_back=[undone]))
        bearer = world.visitor()
        bearer.token = other
        bought = claim(bearer, made, "mine")
        assert bought.status_code == 201
        lane.look(made.id)
        assert lane.claim(other, made.id, "mine").data == bought.data

    def test_an_old_look_says_nothing(
        self, world: World, lane: Lane, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made, *_ = self.sold_out(world, lane)
        (token,) = bearers(world, made, 1)
        lane.look(made.id)
        monkeypatch.setattr(outlook, "FRESH_SECONDS", -1.0)
        before = self.count(lane, made)
        assert lane.claim(token, made.id).get_json()["code"] == "sold_out"
        assert self.count(lane, made) == before + 1

    def test_who_is_offered_a_unit_gets_it(self, world: World, lane: Lane) -> None:
        made = put_on(world, stock=1)
        buyer, waiter = world.member(), world.member()
        bearer = str(let_in(world, waiter, made).token)
        open_doors(world)
        order = lane.claim(str(buyer.token), made.id).get_json()["order"]
        sweep(world)
        waiter.post(f"/v1/campaigns/{made.id}/waitlist", {})
        buyer.post(f"/v1/orders/{order['id']}/cancel", {})
        Hall(world).relay()
        sweep(world)
        lane.look(made.id)
        taken = lane.claim(bearer, made.id, "mine")
        assert taken.status_code == 201
        sweep(world)
        lane.look(made.id)
        assert lane.claim(bearer, made.id, "mine").data == taken.data
        offer_id = str(uuid4())
        no = lane.claim(bearer, made.id, offer_id=offer_id)
        assert no.get_json()["code"] == "flash_sale.no_offer"


class TestTrouble:
    def test_a_lost_gate_is_filled_for_all_at_once(self, world: World, lane: Lane) -> None:
        made = put_on(world, stock=4)
        tokens = bearers(world, made, 12)
        open_doors(world)
        assert lane.claim(tokens[0], made.id).status_code == 201
        world.now += SECOND
        world.redis.flushdb()
        answers = lane.ask(*(claim_of(token, made.id) for token in tokens[1:]))
        assert codes(answers) == {201: 3, "sold_out": 8}

    def test_without_redis_a_few_go_to_the_database(self, world: World) -> None:
        made = put_on(world, stock=3)
        tokens = bearers(world, made, 40)
        open_doors(world)
        with Lane(world, "redis://127.0.0.1:1") as lane:
            answers = lane.ask(*(claim_of(token, made.id) for token in tokens))
        told = codes(answers)
        assert told[201] == 3
        assert told["unavailable"] >= 5
        assert set(told) == {201, "sold_out", "unavailable"}
        assert all(
            answer.headers["retry-after"] == "1" for answer in answers if answer.status_code == 503
        )
        assert claims_of(world.begin, made.id) == 3

    def test_too_many_waiting_are_told_to_come_back(
        self, world: World, lane: Lane, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = put_on(world, stock=3)
        tokens = bearers(world, made, 2)
        open_doors(world)
        monkeypatch.setattr(writing, "MOST_WAITING", 0)
        answer = lane.claim(tokens[0], made.id)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        monkeypatch.undo()
        assert lane.claim(tokens[1], made.id).status_code == 201

    def test_a_silent_database_is_no_answer_and_no_loss(
        self, world: World, lane: Lane, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The gate keeps the unit until it is known, and the same claim finds it."""
        made = put_on(world, stock=1)
        first, second = bearers(world, made, 2)
        open_doors(world)
        commit = writing.commit_all

        def die(*given: Any, **more: Any) -> Any:
            commit(*given, **more)
            raise RuntimeError

        monkeypatch.setattr(writing, "commit_all", die)
        answer = lane.claim(first, made.id, "mine")
        assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")
        monkeypatch.undo()
        assert lane.claim(second, made.id).get_json()["code"] == "sold_out"
        assert lane.claim(first, made.id, "mine").status_code == 201
        assert claims_of(world.begin, made.id) == 1

    @pytest.mark.parametrize(
        "where", ["targets.fill_gate", "recall_claims", "committing.take_offer"]
    )
    def test_what_fails_beside_the_loop_is_answered_all_the_same(
        self, world: World, lane: Lane, monkeypatch: pytest.MonkeyPatch, where: str
    ) -> None:
        made = put_on(world, stock=1)
        token, other = bearers(world, made, 2)
        open_doors(world)
        assert lane.claim(token, made.id, "mine").status_code == 201
        if where == "targets.fill_gate":
            world.redis.flushdb()
        if where == "committing.take_offer":
            world.redis.hset(f"gate:{{{made.id.hex}:0}}:offers", id_of(token), uuid4().bytes)

        def fail(*_: Any, **__: Any) -> None:
            raise RuntimeError

        monkeypatch.setattr(f"flash_sale.lane.desk.{where}", fail)
        answer = lane.claim(token, made.id)
        assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")
        monkeypatch.undo()
        assert lane.claim(other, made.id).get_json()["code"] == "sold_out"

    def test_a_unit_that_the_database_refuses_is_given_back(self, world: World, lane: Lane) -> None:
        made = put_on(world, stock=1)
        gone, other = world.member(), world.member()
        tokens = [str(let_in(world, person, made).token) for person in (gone, other)]
        open_doors(world)
        assert gone.send("DELETE", "/v1/me").status_code == 204
        assert lane.claim(tokens[0], made.id).get_json()["code"] == "members.not_active"
        # The gate hears of it a moment after who was refused did.
        eventually(lambda: lane.claim(tokens[1], made.id).status_code == 201)

    def test_a_lottery_is_no_rush(self, world: World, lane: Lane) -> None:
        made = put_on(world, mode=SaleMode.LOTTERY)
        member = world.member()
        open_doors(world)
        answer = lane.claim(str(member.token), made.id)
        assert answer.get_json()["code"] == "flash_sale.drawn_by_lot"
