"""Claims at the door while the gate's Redis is away, or comes and goes."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError
from redis.retry import Retry

from app.sample_campaigns import MadeCampaign
from flash_sale import admission
from flash_sale.desk import ClaimDesk
from flash_sale.gate import Gate
from flash_sale.gate_script import HOLDING
from flash_sale.gate_wire import GateClaim, GateUnavailable, Verdict, keys_of
from kit.db import Begin
from tests.factories.sales import LONG_AGO
from tests.miniprogram_api.sales import claim, open_doors, put_on, ring
from tests.miniprogram_api.world import Person, World

SECOND = timedelta(seconds=1)


@pytest.fixture
def now() -> datetime:
    """Return a moment that is past by the database's clock, too."""
    return LONG_AGO


class MoodyRedis(Redis):
    """A Redis that is away while `is_away`, or, when it sulks, only when asked about a member."""

    is_away = False
    is_sulking = False

    def execute_command(self, *words: Any, **more: Any) -> Any:
        """Answer, or be away."""
        if self.is_away or (self.is_sulking and HOLDING.sha in words):
            raise ConnectionError("away")
        return super().execute_command(*words, **more)  # type: ignore[no-untyped-call] # the library says nothing

    def pipeline(self, *words: Any, **more: Any) -> Any:
        """Be asked several things, or be away."""
        if self.is_away:
            raise ConnectionError("away")
        return super().pipeline(*words, **more)


@pytest.fixture
def moody(redis: "Redis", redis_url: str) -> Iterator[MoodyRedis]:
    """Return a client of an empty Redis, in a good mood."""
    client = MoodyRedis.from_url(redis_url)
    yield client
    client.close()


class TestWithRedisComingAndGoing:
    """What went past the gate, which knows nothing of it when it is back."""

    @pytest.fixture(autouse=True)
    def no_silence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have the gate asked again at once."""
        monkeypatch.setattr(admission, "SILENCE_SECONDS", 0)

    def past_the_gate(self, world: World, moody: MoodyRedis) -> tuple[MadeCampaign, Person, str]:
        """Have the only unit sold while the gate is away, which has heard nothing of it yet."""
        made, key = put_on(world, stock=1), uuid4().hex
        open_doors(world)
        person = world.member()
        moody.is_away = True
        assert claim(person, made, key).status_code == 201
        moody.is_away = False
        assert claim(world.member(), made).get_json()["code"] == "sold_out"
        moody.delete(keys_of(made.id, 0)[1])
        return made, person, key

    def test_j159_the_same_request_has_the_same_answer(
        self, begin: Begin, moody: MoodyRedis
    ) -> None:
        world = World(begin, moody, LONG_AGO)
        made, person, key = self.past_the_gate(world, moody)
        assert claim(person, made, key).status_code == 201

    def test_j159_another_process_knows_it_after_the_next_fill(
        self, begin: Begin, moody: MoodyRedis
    ) -> None:
        world = World(begin, moody, LONG_AGO)
        made, person, key = self.past_the_gate(world, moody)
        world.app.extensions["claim_desk"] = ClaimDesk(begin, Gate(moody), lambda: world.now)
        world.now += SECOND
        ring(world, "fill_due_gates")
        assert claim(person, made, key).status_code == 201

    def test_j159_nobody_is_told_sold_out_before_it_is_known(
        self, begin: Begin, moody: MoodyRedis
    ) -> None:
        world = World(begin, moody, LONG_AGO)
        made, person, key = self.past_the_gate(world, moody)
        world.app.extensions["claim_desk"] = ClaimDesk(begin, Gate(moody), lambda: world.now)
        moody.is_sulking = True
        answer = claim(person, made, key)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


class AwayGate(Gate):
    """A gate that says nothing, and counts how often it was asked."""

    asked = 0

    def admit(self, campaign_id: UUID, claims: Sequence[GateClaim]) -> list[Verdict]:
        """Say nothing."""
        self.asked += 1
        raise GateUnavailable


class TestWithoutRedis:
    def test_an_outage_costs_one_timeout_and_not_all(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who comes in the next second is not kept waiting for an answer that does not come."""
        made, gate = put_on(world, stock=2), AwayGate(world.redis)
        open_doors(world)
        world.app.extensions["claim_desk"] = ClaimDesk(world.begin, gate, lambda: world.now)
        monkeypatch.setattr(admission, "SILENCE_SECONDS", 60)
        codes = [claim(world.member(), made).status_code for _ in range(3)]
        assert (codes, gate.asked) == ([201, 201, 409], 1)

    def test_afterwards_it_is_asked_again(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made, gate = put_on(world), AwayGate(world.redis)
        open_doors(world)
        world.app.extensions["claim_desk"] = ClaimDesk(world.begin, gate, lambda: world.now)
        monkeypatch.setattr(admission, "SILENCE_SECONDS", 0)
        codes = [claim(world.member(), made).status_code for _ in range(2)]
        assert (codes, gate.asked) == ([201, 201], 2)

    def test_claims_go_to_the_database(self, begin: Begin) -> None:
        nobody = Redis(port=1, socket_connect_timeout=0.1, retry=Retry(NoBackoff(), 0))
        world = World(begin, nobody, LONG_AGO)
        made = put_on(world, stock=2)
        world.now += timedelta(minutes=1)
        codes = [claim(world.member(), made).status_code for _ in range(3)]
        assert codes == [201, 201, 409]
