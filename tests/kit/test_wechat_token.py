"""The shared token: one fetch for all, and none the worse without Redis."""

import threading
from itertools import count

import pytest
from redis import Redis

from kit.wechat_token import IssuedToken, TokenKeeper
from tests.servers import free_port


class Platform:
    """Hands out tokens and counts."""

    def __init__(self, *, expires_in_seconds: int = 7200) -> None:
        self.expires_in_seconds = expires_in_seconds
        self.numbers = count(1)
        self.fetched = 0

    def fetch(self) -> IssuedToken:
        self.fetched += 1
        return IssuedToken(f"token-{next(self.numbers)}", self.expires_in_seconds)


def deaf_redis() -> "Redis":
    return Redis(host="127.0.0.1", port=free_port(), socket_timeout=0.2, retry=None)


class TestTokenKeeper:
    def test_one_fetch_serves_every_process(self, redis: "Redis") -> None:
        platform = Platform()
        keepers = [TokenKeeper(redis, name="a", fetch=platform.fetch) for _ in range(5)]
        assert {keeper.current() for keeper in keepers} == {"token-1"}
        assert platform.fetched == 1

    def test_applications_do_not_share(self, redis: "Redis") -> None:
        platform = Platform()
        one = TokenKeeper(redis, name="a", fetch=platform.fetch).current()
        two = TokenKeeper(redis, name="b", fetch=platform.fetch).current()
        assert one != two

    def test_is_kept_until_five_minutes_before_its_end(self, redis: "Redis") -> None:
        TokenKeeper(redis, name="a", fetch=Platform().fetch).current()
        assert 6890 < redis.ttl("wechat-token:{a}") <= 6900
        last = Platform(expires_in_seconds=200)
        TokenKeeper(redis, name="b", fetch=last.fetch).current()
        assert redis.ttl("wechat-token:{b}") == 1

    def test_a_refused_token_is_replaced_once_for_all(self, redis: "Redis") -> None:
        platform = Platform()
        keeper = TokenKeeper(redis, name="a", fetch=platform.fetch)
        refused = keeper.current()
        assert [keeper.renew(refused) for _ in range(5)] == ["token-2"] * 5
        assert platform.fetched == 2

    def test_a_lock_left_behind_by_a_dead_process_ends_by_itself(self, redis: "Redis") -> None:
        redis.set("wechat-token-lock:{a}", "somebody", px=300)
        assert TokenKeeper(redis, name="a", fetch=Platform().fetch).current() == "token-1"

    def test_the_lock_is_given_back_when_fetching_fails(self, redis: "Redis") -> None:
        def fail() -> IssuedToken:
            raise LookupError

        with pytest.raises(LookupError):
            TokenKeeper(redis, name="a", fetch=fail).current()
        assert not redis.exists("wechat-token-lock:{a}")

    def test_without_redis_each_process_asks_for_itself(self) -> None:
        platform = Platform()
        keeper = TokenKeeper(deaf_redis(), name="a", fetch=platform.fetch)
        got: list[str] = []
        threads = [threading.Thread(target=lambda: got.append(keeper.current())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(got) == {"token-1"}
        assert platform.fetched == 1
        assert keeper.renew("token-1") == "token-2"
        assert keeper.renew("token-1") == "token-2"
