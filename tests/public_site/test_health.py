"""Signs of life: what is needed, and what we can do without."""

from datetime import datetime, timedelta

from redis import Redis
from sqlalchemy import create_engine

from kit import heartbeat
from kit.db import Begin, make_begin
from tests.miniprogram_api.world import World


class TestAlive:
    """GET /healthz."""

    def test_asks_nobody(self, redis: "Redis", now: datetime) -> None:
        """200 even without a database."""
        world = World(nowhere(), redis, now)
        answer = world.visitor().get("/healthz")
        assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


class TestReady:
    """GET /readyz."""

    def test_is_ready_with_database_and_redis(self, world: World) -> None:
        """200, nothing missing."""
        answer = world.visitor().get("/readyz")
        assert answer.status_code == 200
        assert answer.get_json() == {"status": "ready", "missing": [], "degraded": []}

    def test_waits_for_the_processes_it_needs(
        self, begin: Begin, redis: "Redis", now: datetime
    ) -> None:
        """503 until each kind was seen lately, and again when one falls silent."""
        world = World(begin, redis, now, options={"ready_requires": ("worker", "scheduler")})
        missing = world.visitor().get("/readyz")
        assert missing.status_code == 503
        assert missing.get_json()["missing"] == ["scheduler", "worker"]
        assert missing.headers["Retry-After"]
        with begin() as session:
            for kind in ("worker", "scheduler"):
                heartbeat.beat(session, kind=kind, process="p", now=now)
        assert world.visitor().get("/readyz").status_code == 200
        world.now += timedelta(minutes=1)
        assert world.visitor().get("/readyz").status_code == 503

    def test_without_redis_it_is_only_degraded(self, begin: Begin, now: datetime) -> None:
        """200: buying goes on."""
        nobody: Redis = Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
        answer = World(begin, nobody, now).visitor().get("/readyz")
        assert answer.status_code == 200
        assert answer.get_json()["degraded"] == ["redis"]
        nobody.close()

    def test_a_redis_that_may_throw_the_gate_away_is_named(
        self, world: World, redis: "Redis"
    ) -> None:
        """Before the sale, while it can still be put right."""
        redis.config_set("maxmemory-policy", "allkeys-lru")
        try:
            answer = world.visitor().get("/readyz")
        finally:
            redis.config_set("maxmemory-policy", "noeviction")
        assert (answer.status_code, answer.get_json()["degraded"]) == (200, ["gate_policy"])

    def test_without_the_database_it_is_not(self, redis: "Redis", now: datetime) -> None:
        """503, and no word about why."""
        answer = World(nowhere(), redis, now).visitor().get("/readyz")
        assert answer.status_code == 503
        assert answer.get_json()["missing"] == ["database"]


def nowhere() -> Begin:
    """Return a `begin` over a database that is not there."""
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    return make_begin(engine)
