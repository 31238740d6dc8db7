"""More than a lane can bear: it says when to come back, and what is paid elsewhere goes on."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from flash_sale.lane import writing
from miniprogram_api.limits import Limits
from tests.app.lane.driver import WAIT_SECONDS, Answer, Lane, claim_of, eventually
from tests.miniprogram_api.sales import let_in, open_doors, put_on
from tests.miniprogram_api.world import World

MOST = 2


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Have nothing written before the event is set, and few wait for it."""
    may_write, commit = threading.Event(), writing.commit_all

    def wait(*given: Any, **more: Any) -> Any:
        assert may_write.wait(WAIT_SECONDS)
        return commit(*given, **more)

    monkeypatch.setattr(writing, "commit_all", wait)
    monkeypatch.setattr(writing, "MOST_WAITING", MOST)
    yield may_write
    may_write.set()


class TestOverload:
    """Claims beyond what is borne."""

    def test_who_comes_too_late_hears_when_to_come_back_and_payments_go_on(
        self, world: World, lane: Lane, stuck: threading.Event
    ) -> None:
        """Writers that are all busy keep neither the loop nor the web waiting."""
        made, buyer = put_on(world, stock=5), world.member()
        tokens = [str(let_in(world, world.member(), made).token) for _ in range(MOST + 3)]
        open_doors(world)
        begun = [lane.send(claim_of(token, made.id)) for token in tokens[:MOST]]
        eventually(lambda: lane.desk._writing.is_full)
        for token in tokens[MOST:]:
            refused = lane.claim(token, made.id)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        order = buyer.order(world.make_sku())
        path = f"/v1/orders/{order['id']}/payments"
        paid = buyer.post(path, {"channel": "wechat_pay"}, key=uuid4().hex)
        assert paid.status_code == 201
        assert world.pay(buyer, order).status_code == 204
        assert not any(one.done() for one in begun)
        stuck.set()
        told: list[Answer] = [one.result(WAIT_SECONDS) for one in begun]
        assert [answer.status_code for answer in told] == [201] * MOST
        assert lane.claim(tokens[-1], made.id).status_code == 201

    def test_who_asks_too_often_hears_when_to_come_back(self, world: World, redis_url: str) -> None:
        """A member's limit: others at the same address are served."""
        world.limits = Limits(writes_per_minute=12)  # two in ten seconds
        made = put_on(world, stock=5, limit=3)
        eager, other = (str(let_in(world, world.member(), made).token) for _ in range(2))
        open_doors(world)
        with Lane(world, redis_url) as lane:
            statuses = [lane.claim(eager, made.id) for _ in range(4)]
            assert [answer.status_code for answer in statuses].count(429) >= 1
            refused = statuses[-1]
            assert (refused.status_code, refused.get_json()["code"]) == (429, "rate_limited")
            assert 1 <= int(refused.headers["retry-after"]) <= 11
            assert lane.claim(other, made.id).status_code == 201


class TestSoldOutElsewhere:
    """What another process has sold."""

    def test_is_refused_here_without_asking_anybody(self, world: World, redis_url: str) -> None:
        """A lane looks at the gate by itself, twenty times a second."""
        made = put_on(world, stock=1)
        first, second = (str(let_in(world, world.member(), made).token) for _ in range(2))
        late = let_in(world, world.member(), made)
        open_doors(world)
        with Lane(world, redis_url) as here, Lane(world, redis_url) as there:
            outlook = here.desk.outlook

            def is_known() -> bool:
                outlook.note(made.id)  # it is asked for all the time
                return outlook.is_sold_out(made.id, uuid4(), now=world.now)

            assert here.claim(first, made.id, quantity=2).get_json()["code"] == "limit_reached"
            assert outlook.hot() == [made.id]
            assert there.claim(second, made.id).status_code == 201
            eventually(is_known)
            before = here.run(here.gate.read_counts(made.id)).claims
            answer = here.claim(str(late.token), made.id)
            assert answer.get_json()["code"] == "sold_out"
            assert here.run(here.gate.read_counts(made.id)).claims == before
