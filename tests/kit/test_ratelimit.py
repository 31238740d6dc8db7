"""So many per window and not one more, and silence of Redis is said, not guessed about."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from kit.ratelimit import LimiterUnavailable, LocalLimiter, RateLimiter, Verdict
from tests.servers import free_port


class TestHit:
    def test_allows_so_many_and_then_says_when_to_come_back(self, redis: "Redis") -> None:
        limiter = RateLimiter(redis)
        verdicts = [limiter.hit("a", most=3, window_seconds=60) for _ in range(5)]
        assert [verdict.allowed for verdict in verdicts] == [True, True, True, False, False]
        assert all(59 <= verdict.retry_after_seconds <= 60 for verdict in verdicts)

    def test_counts_each_key_and_each_window_and_each_prefix_alone(self, redis: "Redis") -> None:
        limiter = RateLimiter(redis)
        once = Verdict(allowed=True, retry_after_seconds=60)
        assert limiter.hit("a", most=1, window_seconds=60) == once
        assert limiter.hit("b", most=1, window_seconds=60) == once
        assert limiter.hit("a", most=1, window_seconds=3600).allowed
        assert RateLimiter(redis, prefix="other").hit("a", most=1, window_seconds=60) == once
        assert not limiter.hit("a", most=1, window_seconds=60).allowed

    def test_starts_anew_when_the_window_is_over(self, redis: "Redis") -> None:
        limiter = RateLimiter(redis)
        limiter.hit("a", most=1, window_seconds=60)
        assert not limiter.hit("a", most=1, window_seconds=60).allowed
        (key,) = redis.keys()
        redis.pexpire(key, 1)
        while redis.exists(key):
            pass
        assert limiter.hit("a", most=1, window_seconds=60).allowed

    def test_the_window_does_not_grow_with_further_requests(self, redis: "Redis") -> None:
        limiter = RateLimiter(redis)
        limiter.hit("a", most=1, window_seconds=60)
        (key,) = redis.keys()
        redis.pexpire(key, 1500)
        verdict = limiter.hit("a", most=1, window_seconds=60)
        assert (verdict.allowed, verdict.retry_after_seconds) == (False, 2)

    def test_never_says_to_come_back_at_once(self, redis: "Redis") -> None:
        limiter = RateLimiter(redis)
        limiter.hit("a", most=0, window_seconds=60)
        (key,) = redis.keys()
        redis.persist(key)
        assert limiter.hit("a", most=0, window_seconds=60).retry_after_seconds >= 1

    @pytest.mark.race
    def test_many_at_once_do_not_slip_through(self, redis: "Redis") -> None:
        limiter = RateLimiter(redis)
        with ThreadPoolExecutor(16) as pool:
            verdicts = list(
                pool.map(lambda _: limiter.hit("a", most=50, window_seconds=60), range(200))
            )
        assert sum(verdict.allowed for verdict in verdicts) == 50

    def test_keeps_one_keys_counters_on_one_slot(self, redis: "Redis") -> None:
        RateLimiter(redis).hit("a", most=1, window_seconds=60)
        assert redis.keys() == [b"limit:{a}:60"]

    def test_c51_says_that_redis_is_out(self) -> None:
        deaf = Redis(host="127.0.0.1", port=free_port(), socket_timeout=0.2, retry=None)
        with pytest.raises(LimiterUnavailable):
            RateLimiter(deaf).hit("a", most=1, window_seconds=60)

    def test_c47_counts_from_nothing_after_redis_forgot(self, redis: "Redis") -> None:
        limiter = RateLimiter(redis)
        limiter.hit("a", most=1, window_seconds=60)
        redis.flushall()
        redis.script_flush()
        assert limiter.hit("a", most=1, window_seconds=60).allowed


class TestLocal:
    def test_allows_so_many_of_each_key(self) -> None:
        limiter = LocalLimiter()
        allowed = [limiter.hit("a", most=2, window_seconds=10**9).allowed for _ in range(3)]
        assert allowed == [True, True, False]
        assert limiter.hit("b", most=2, window_seconds=10**9).allowed
