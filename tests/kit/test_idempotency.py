"""The same request gets the same answer, another request with its key gets none."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from kit.db import Begin
from kit.idempotency import (
    KEEP_FOR,
    Answer,
    IdempotencyKey,
    IdempotencyKeyReused,
    fingerprint,
    purge,
    recall,
    remember,
)

REQUEST = fingerprint("POST", "/v1/orders", {"sku": "a", "quantity": 1})
OTHER = fingerprint("POST", "/v1/orders", {"sku": "a", "quantity": 2})
ANSWER = Answer(201, {"id": "order 1", "price_fen": 100})


def ask(
    begin: Begin,
    now: datetime,
    *,
    scope: str = "member 1",
    key: str = "key",
    request: bytes = REQUEST,
    answer: Answer | None = ANSWER,
) -> Answer | None:
    """Make a request: return the earlier answer, or do the work and store `answer`."""
    with begin() as session:
        earlier = recall(session, scope=scope, key=key, request=request, now=now)
        if earlier is None and answer is not None:
            remember(session, scope=scope, key=key, answer=answer)
        return earlier


def kept(begin: Begin) -> int:
    """Return how many keys are stored."""
    with begin() as session:
        return session.scalar(select(func.count()).select_from(IdempotencyKey)) or 0


class TestFingerprint:
    def test_i17_is_the_same_whatever_the_order_of_names(self) -> None:
        one = fingerprint("POST", "/a", {"x": 1, "y": [1, 2]})
        assert one == fingerprint("POST", "/a", {"y": [1, 2], "x": 1})
        assert len(one) == 32

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("PUT", "/a", {"x": 1}),
            ("POST", "/b", {"x": 1}),
            ("POST", "/a", {"x": 2}),
            ("POST", "/a", {"x": "1"}),
            ("POST", "/a", {"x": 1, "y": None}),
            ("POST", "/a", None),
        ],
    )
    def test_i17_differs_for_another_request(self, method: str, path: str, body: Any) -> None:
        assert fingerprint(method, path, body) != fingerprint("POST", "/a", {"x": 1})

    @given(st.lists(st.integers(), max_size=4), st.lists(st.integers(), max_size=4))
    def test_lists_keep_their_order(self, left: list[int], right: list[int]) -> None:
        same = fingerprint("POST", "/", left) == fingerprint("POST", "/", right)
        assert same is (left == right)


class TestRecall:
    def test_the_first_request_is_to_be_done(self, begin: Begin, now: datetime) -> None:
        assert ask(begin, now) is None
        assert kept(begin) == 1

    def test_b36_the_same_request_gets_the_first_answer(self, begin: Begin, now: datetime) -> None:
        ask(begin, now)
        for days in range(3):
            again = ask(begin, now + timedelta(days=days), answer=Answer(500, {}))
            assert again == ANSWER
        assert kept(begin) == 1

    def test_i17_another_request_with_the_key_is_refused(self, begin: Begin, now: datetime) -> None:
        ask(begin, now)
        with pytest.raises(IdempotencyKeyReused):
            ask(begin, now, request=OTHER)
        assert ask(begin, now) == ANSWER

    def test_b38_keys_of_another_member_are_other_keys(self, begin: Begin, now: datetime) -> None:
        ask(begin, now)
        assert ask(begin, now, scope="member 2", request=OTHER) is None
        assert ask(begin, now, scope="member 1") == ANSWER
        assert kept(begin) == 2

    def test_b39_a_request_that_died_half_way_goes_on(self, begin: Begin, now: datetime) -> None:
        assert ask(begin, now, answer=None) is None
        with pytest.raises(IdempotencyKeyReused):
            ask(begin, now, request=OTHER)
        assert ask(begin, now) is None
        assert ask(begin, now) == ANSWER

    def test_b39_a_request_that_failed_leaves_no_claim(self, begin: Begin, now: datetime) -> None:
        def fail() -> None:
            with begin() as session:
                recall(session, scope="member 1", key="key", request=REQUEST, now=now)
                raise LookupError

        with pytest.raises(LookupError):
            fail()
        assert kept(begin) == 0
        assert ask(begin, now, request=OTHER) is None


@pytest.mark.race
class TestRecallAtOnce:
    def test_b36_of_fifty_at_once_one_does_the_work(self, real_begin: Begin, now: datetime) -> None:
        clients = 50
        barrier = threading.Barrier(clients)
        worked: list[int] = []

        def request(number: int) -> Answer:
            barrier.wait(30)
            answer = Answer(201, {"made_by": number})
            with real_begin() as session:
                earlier = recall(session, scope="m", key="key", request=REQUEST, now=now)
                if earlier is not None:
                    return earlier
                worked.append(number)
                remember(session, scope="m", key="key", answer=answer)
                return answer

        with ThreadPoolExecutor(clients) as pool:
            answers = list(pool.map(request, range(clients)))
        assert len(worked) == 1
        assert answers == [Answer(201, {"made_by": worked[0]})] * clients

    def test_b39_of_two_that_take_over_a_dead_request_one_does_the_work(
        self, real_begin: Begin, now: datetime
    ) -> None:
        ask(real_begin, now, scope="m", answer=None)
        claimed, may_end = threading.Event(), threading.Event()

        def work() -> Answer | None:
            with real_begin() as session:
                earlier = recall(session, scope="m", key="key", request=REQUEST, now=now)
                claimed.set()
                assert may_end.wait(10)
                remember(session, scope="m", key="key", answer=ANSWER)
                return earlier

        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(work)
            assert claimed.wait(10)
            second = pool.submit(ask, real_begin, now, scope="m")
            with pytest.raises(TimeoutError):
                second.result(0.1)
            may_end.set()
            assert first.result(10) is None
            assert second.result(10) == ANSWER

    def test_b36_the_second_waits_for_the_first_and_takes_over_when_that_fails(
        self, real_begin: Begin, now: datetime
    ) -> None:
        claimed, may_fail = threading.Event(), threading.Event()

        def fail() -> None:
            with real_begin() as session:
                recall(session, scope="m", key="key", request=REQUEST, now=now)
                claimed.set()
                assert may_fail.wait(10)
                raise LookupError

        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(fail)
            assert claimed.wait(10)
            second = pool.submit(ask, real_begin, now, scope="m")
            with pytest.raises(TimeoutError):
                second.result(0.1)
            may_fail.set()
            with pytest.raises(LookupError):
                first.result(10)
            assert second.result(10) is None
        assert ask(real_begin, now, scope="m") == ANSWER


class TestPurge:
    def test_forgets_old_keys_alone(self, begin: Begin, now: datetime) -> None:
        ask(begin, now, key="old")
        ask(begin, now + timedelta(seconds=1), key="new")
        with begin() as session:
            purge(session, now=now + KEEP_FOR)
        assert kept(begin) == 2
        with begin() as session:
            purge(session, now=now + KEEP_FOR + timedelta(milliseconds=1))
        with begin() as session:
            assert session.scalars(select(IdempotencyKey.key)).all() == ["new"]
