"""Request limits over HTTP, and what goes on when nobody can count."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from redis import Redis

from kit.db import Begin
from miniprogram_api.limits import Limits
from tests.miniprogram_api.world import World

FEW = Limits(
    reads_per_minute=3,
    writes_per_minute=2,
    sign_ins_per_minute=100,
    reveals_per_minute=1,
    address_multiple=4,
)


@pytest.fixture
def strict(begin: Begin, redis: "Redis", now: datetime) -> World:
    """Return a world with few requests per minute."""
    return World(begin, redis, now, limits=FEW)


@pytest.fixture
def deaf(begin: Begin, now: datetime) -> Iterator[World]:
    """Return a world whose Redis does not answer."""
    nobody: Redis = Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2, socket_timeout=0.2)
    yield World(begin, nobody, now)
    nobody.close()


class TestLimits:
    """Per member and per address."""

    def test_a_member_may_read_so_often(self, strict: World) -> None:
        """Then 429 with when to come back; another member goes on."""
        member, other = strict.member(), strict.member()
        codes = [member.get("/v1/me").status_code for _ in range(5)]
        assert codes == [200, 200, 200, 429, 429]
        refused = member.get("/v1/me")
        assert refused.get_json()["code"] == "rate_limited"
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert other.get("/v1/me").status_code == 200

    def test_reads_and_writes_are_counted_apart(self, strict: World) -> None:
        """Reading a lot does not keep anybody from paying."""
        member = strict.member()
        for _ in range(4):
            member.get("/v1/me")
        assert member.send("PATCH", "/v1/me", json={"nickname": "n"}).status_code == 200

    def test_reveals_have_a_limit_of_their_own(self, strict: World) -> None:
        """A stolen token does not empty the wallet at once."""
        member = strict.member()
        strict.bought(member, strict.make_sku(), 2)
        first, second = [card["id"] for card in member.get("/v1/cards").get_json()["items"]]
        assert member.post(f"/v1/cards/{first}/reveal").status_code == 200
        assert member.post(f"/v1/cards/{second}/reveal").status_code == 429

    def test_h134_an_address_cannot_be_invented(self, strict: World) -> None:
        """Another X-Forwarded-For each time is still the same address."""
        codes = [
            strict.visitor()
            .get("/v1/home", headers={"X-Forwarded-For": f"10.0.0.{index}"})
            .status_code
            for index in range(14)
        ]
        assert codes == [200] * 12 + [429] * 2

    def test_h134_ipv6_is_counted_by_household(self, strict: World) -> None:
        """All of a /64 is one; what is no address is one too."""
        networks = ("2001:db8:0:1::", "2001:db8:0:2::")
        for network in networks:
            codes = [
                strict.visitor()
                .get("/v1/home", environ_overrides={"REMOTE_ADDR": f"{network}{index:x}"})
                .status_code
                for index in range(1, 15)
            ]
            assert codes == [200] * 12 + [429] * 2


class TestWithoutRedis:
    """Sign-in, ordering and paying go on; guessing at codes does not."""

    def test_buying_goes_on(self, deaf: World) -> None:
        """From the sign-in to the delivered card."""
        member = deaf.member()
        order = deaf.bought(member, deaf.make_sku())
        assert order["status"] == "fulfilled"
        assert len(member.get("/v1/cards").get_json()["items"]) == 1

    def test_a_reveal_waits(self, deaf: World) -> None:
        """503 with when to come back, and the code stays unseen."""
        member = deaf.member()
        deaf.bought(member, deaf.make_sku())
        card = member.get("/v1/cards").get_json()["items"][0]
        answer = member.post(f"/v1/cards/{card['id']}/reveal")
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert member.get("/v1/cards").get_json()["items"][0]["first_revealed_at"] is None
