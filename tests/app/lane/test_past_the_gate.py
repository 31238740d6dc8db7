"""Claims asked for again: they went past the gate while it was away, or their order lapsed."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.sample_campaigns import MadeCampaign
from flash_sale import admission
from flash_sale.gate_wire import GateUnavailable, keys_of
from tests.app.lane.driver import Lane
from tests.miniprogram_api.hall import Hall
from tests.miniprogram_api.sales import let_in, open_doors, put_on, ring
from tests.miniprogram_api.world import World


async def nobody(*_words: Any) -> None:
    """Be a gate that does not answer."""
    raise GateUnavailable


@pytest.fixture
def sold(
    world: World, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> tuple[MadeCampaign, str, str]:
    """Return a sale whose only unit was sold past the gate, the buyer's token and their key."""
    monkeypatch.setattr(admission, "SILENCE_SECONDS", 0)
    made, key = put_on(world, stock=1), uuid4().hex
    token = let_in(world, world.member(), made).token or ""
    open_doors(world)
    with monkeypatch.context() as away:
        away.setattr(lane.gate, "admit", nobody)
        assert lane.claim(token, made.id, key).status_code == 201
    meta, held, *_ = keys_of(made.id, 0)  # as when others have had the gate's units meanwhile
    world.redis.hset(meta, "units", 0)
    assert not world.redis.exists(held)
    return made, token, key


class TestPastTheGate:
    def test_j159_the_same_request_has_the_same_answer(
        self, lane: Lane, sold: tuple[MadeCampaign, str, str]
    ) -> None:
        made, token, key = sold
        lane.look(made.id)
        assert lane.claim(token, made.id, key).status_code == 201

    def test_j159_another_process_knows_it_after_the_next_fill(
        self, world: World, redis_url: str, sold: tuple[MadeCampaign, str, str]
    ) -> None:
        made, token, key = sold
        world.now += timedelta(seconds=1)
        ring(world, "fill_due_gates")
        with Lane(world, redis_url) as other:
            other.claim(token, made.id)
            other.look(made.id)
            assert other.claim(token, made.id, key).status_code == 201

    def test_j159_nobody_is_told_sold_out_before_it_is_known(
        self,
        world: World,
        redis_url: str,
        sold: tuple[MadeCampaign, str, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        made, token, key = sold
        with Lane(world, redis_url) as other:
            monkeypatch.setattr(other.gate, "holding", nobody)
            answer = other.claim(token, made.id, key)
            assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")


class TestLapsed:
    def test_the_same_request_has_the_same_answer(self, world: World, lane: Lane) -> None:
        """Neither the gate nor the last look at it says that all is sold, and nothing else."""
        made, key, person = put_on(world, stock=1), uuid4().hex, world.member()
        tokens = [let_in(world, one, made).token or "" for one in (person, world.member())]
        open_doors(world)
        order = lane.claim(tokens[0], made.id, key).get_json()["order"]
        assert person.post(f"/v1/orders/{order['id']}/cancel", {}).status_code == 200
        Hall(world).relay()
        world.redis.flushall()
        lane.look(made.id)
        assert lane.claim(tokens[1], made.id).status_code == 201
        for _ in range(2):
            assert lane.claim(tokens[0], made.id, key).get_json()["order"]["id"] == order["id"]
            lane.look(made.id)
