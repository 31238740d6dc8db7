"""What the lane answers beside claims: signs of life, figures, and whose proxies it believes."""

from dataclasses import replace

import pytest

from tests.app.lane.driver import Lane, Request, claim_of
from tests.miniprogram_api.sales import let_in, put_on
from tests.miniprogram_api.world import METRICS_KEY, World

KEY = {"Authorization": f"Bearer {METRICS_KEY}"}


class TestSigns:
    def test_it_is_alive_and_ready(self, lane: Lane) -> None:
        alive, ready = lane.ask(Request("/healthz", "GET"), Request("/readyz", "GET"))
        assert (alive.status_code, alive.get_json()) == (200, {"status": "ok"})
        assert ready.get_json() == {"degraded": [], "missing": [], "status": "ready"}

    def test_without_redis_it_is_degraded(
        self, world: World, lane: Lane, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.lane.application._degraded", lambda _: ["redis"])
        ready = lane.ask(Request("/readyz", "GET"))[0]
        assert (ready.status_code, ready.get_json()["degraded"]) == (200, ["redis"])

    def test_a_redis_that_may_throw_the_gate_away_is_named(self, world: World, lane: Lane) -> None:
        world.redis.config_set("maxmemory-policy", "allkeys-lru")
        try:
            ready = lane.ask(Request("/readyz", "GET"))[0]
        finally:
            world.redis.config_set("maxmemory-policy", "noeviction")
        assert (ready.status_code, ready.get_json()["degraded"]) == (200, ["gate_policy"])

    def test_without_the_database_it_is_not_ready(
        self, lane: Lane, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.lane.application._missing", lambda _: ["database"])
        ready = lane.ask(Request("/readyz", "GET"))[0]
        assert (ready.status_code, ready.headers["retry-after"]) == (503, "2")


class TestFigures:
    def test_are_for_the_key_and_this_machine_alone(self, lane: Lane) -> None:
        asked = Request("/metrics", "GET", headers=KEY)
        others = (
            replace(asked, headers={}),
            replace(asked, headers={"Authorization": "Bearer "}),
            replace(asked, headers={"Authorization": f"Bearer {METRICS_KEY}x"}),
            replace(asked, headers={**KEY, "X-Forwarded-For": "127.0.0.1"}),
            replace(asked, client="10.0.0.7"),
        )
        assert {answer.status_code for answer in lane.ask(*others)} == {404}
        assert lane.ask(asked)[0].status_code == 200

    def test_a_blank_key_opens_nothing(self, world: World, redis_url: str) -> None:
        with Lane(world, redis_url, metrics_key="") as lane:
            for given in ("Bearer ", "Bearer", ""):
                asked = Request("/metrics", "GET", headers={"Authorization": given})
                assert lane.ask(asked)[0].status_code == 404

    def test_count_what_was_answered(self, world: World, lane: Lane) -> None:
        made = put_on(world)
        token = str(let_in(world, world.member(), made).token)
        lane.claim(token, made.id)
        told = lane.ask(Request("/metrics", "GET", headers=KEY))[0].data.decode()
        assert 'route="/v1/campaigns/<uuid:campaign_id>/claims",status="409"' in told
        assert token not in told


class TestProxies:
    @pytest.mark.parametrize(("trusted", "refused"), [(0, [429]), (1, [401])])
    def test_only_our_own_say_where_somebody_comes_from(
        self, world: World, redis_url: str, trusted: int, refused: list[int]
    ) -> None:
        """Who names another address each time is counted as one, unless our proxy names it."""
        made = put_on(world)
        with Lane(world, redis_url, trusted_proxies=trusted) as lane:
            lane.application._parts.door._counting._most_of_address = 3
            statuses = []
            for number in range(12):
                asked = claim_of(None, made.id)
                asked.headers["X-Forwarded-For"] = f"6.6.6.6, 7.7.7.{number}"
                statuses.append(lane.ask(asked)[0].status_code)
        assert statuses[-1:] == refused

    def test_a_client_s_request_id_is_not_taken(self, world: World, lane: Lane) -> None:
        asked = Request("/healthz", "GET", headers={"X-Request-Id": "mine-0123456789"})
        assert lane.ask(asked)[0].headers["x-request-id"] != "mine-0123456789"
