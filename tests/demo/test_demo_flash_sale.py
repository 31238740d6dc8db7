"""The parts with which the demonstration plays its flash sale, each by itself."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from redis import Redis

from app.machine.redis_server import RedisServer
from demo import cast, commands
from demo.flash_sale import challenge, crowd, plan
from demo.flash_sale.crowd import Click, Patience, Purse
from demo.flash_sale.redis_loss import lose_redis
from demo.flash_sale.wire import CrowdWire
from demo.sale_record import Loss, SaleRecord
from demo.wire import Answer
from flash_sale.challenges import ProofOfWork
from tests.demo.sales import good_sale

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
Reply = Callable[[bytes], bytes]


def people(count: int) -> list[cast.Person]:
    return cast.crowd(count, after=134, seed=1, tag="abc")


class TestCrowd:
    """crowd.assemble: everything is done by somebody."""

    @pytest.mark.parametrize("count", [crowd.FEWEST, 2000])
    def test_has_every_character(self, count: int) -> None:
        found = crowd.assemble(people(count), seed=1)
        assert len(found) == count
        assert {one.click for one in found} == set(Click)
        assert {one.purse for one in found} == set(Purse)
        assert {one.patience for one in found} == set(Patience)
        assert {one.wants for one in found} == {1, crowd.LIMIT}
        assert any(one.phones == crowd.CHALLENGED_PHONES for one in found)
        assert any(not one.has_token for one in found)
        assert all(one.has_token for one in found if one.phones > 1)

    def test_is_repeated_by_its_seed(self) -> None:
        def characters(seed: int) -> list[tuple[Click, Purse, Patience]]:
            found = crowd.assemble(people(200), seed=seed)
            return [(one.click, one.purse, one.patience) for one in found]

        assert characters(1) == characters(1) != characters(2)

    def test_is_not_too_small(self) -> None:
        with pytest.raises(ValueError, match="at least"):
            crowd.assemble(people(crowd.FEWEST - 1), seed=1)

    def test_is_made_of_others_than_the_evening_is(self) -> None:
        others = cast.cast(100, seed=1, tag="abc")
        both = Counter(one.open_ids["wechat"] for one in [*others, *people(2000)])
        assert set(both.values()) == {1}
        assert all(len(one.phone) == 11 for one in people(2000))


class TestPace:
    """plan.Pace: a slow machine gives its members more time."""

    def test_grows_with_the_time_that_arriving_took(self) -> None:
        fast, slow = (plan.Pace.after(timedelta(seconds=number)) for number in (10, 80))
        assert fast.warm_up < slow.warm_up
        assert fast.pay_within < slow.pay_within
        assert fast.offered_for < slow.offered_for

    def test_leaves_those_who_are_offered_units_late_enough_time_to_pay(self) -> None:
        pace = plan.Pace.after(timedelta(seconds=30))
        assert pace.serious_after > pace.pay_within + pace.offered_for
        assert pace.lasts > pace.serious_after + pace.pay_within + pace.offered_for

    def test_knows_an_end(self) -> None:
        longest = plan.Pace.after(plan.LONGEST_ARRIVAL)
        assert plan.Pace.after(timedelta(days=1)) == longest


class TestLooks:
    """What the act concludes from the operator's live numbers."""

    @pytest.fixture
    def sale(self) -> SaleRecord:
        """Return a sale that nobody has looked at."""
        sale = good_sale().sale
        assert sale is not None
        sale.looks = []
        return sale

    @pytest.mark.parametrize(
        ("sold", "paid", "is_over"), [(4, 100, True), (4, 99, False), (3, 100, False)]
    )
    def test_all_is_paid(self, sale: SaleRecord, sold: int, paid: int, *, is_over: bool) -> None:
        assert not plan.is_all_paid(sale)
        sale.looks.append({"sold": sold, "paid_percent": paid})
        assert plan.is_all_paid(sale) is is_over

    @pytest.mark.parametrize(
        ("left", "waiting", "is_claimed"), [(0, 0, True), (1, 1, True), (1, 0, False)]
    )
    def test_somebody_waits_for_what_is_left(
        self, sale: SaleRecord, left: int, waiting: int, *, is_claimed: bool
    ) -> None:
        assert plan.is_all_claimed(sale)
        sale.looks.append({"left": left, "waiting": waiting})
        assert plan.is_all_claimed(sale) is is_claimed


def test_a_command_is_listened_to_line_by_line() -> None:
    lines: list[str] = []
    first = threading.Event()

    def heard(line: str) -> None:
        lines.append(line)
        first.set()

    with commands.watching("--version", heard=heard):
        assert first.wait(30)
    assert any("Flask" in line for line in lines)


class TestChallenge:
    """The demonstration's own way to do the work, against the shop's way to check it."""

    def test_is_solved(self) -> None:
        posed = ProofOfWork(b"k" * 32, bits=12)
        campaign_id, member_id = UUID(int=1), UUID(int=2)
        question = posed.pose(campaign_id, member_id, now=NOW)

        def is_solved(answer: dict[str, str]) -> bool:
            return posed.is_solved(campaign_id, member_id, answer, address="192.0.2.1", now=NOW)

        answer = challenge.solve(question)
        assert is_solved(answer)
        assert not is_solved({**answer, "answer": answer["answer"] + "0"})

    def test_of_another_kind_is_not_guessed_at(self) -> None:
        with pytest.raises(challenge.UnknownChallenge):
            challenge.solve({"kind": "slider", "seed": "x", "bits": 1})


class TestLosingRedis:
    """lose_redis: everything is gone afterwards, and the server answers again."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[RedisServer]:
        """Return a Redis of the test's own, as the one that comes with a run."""
        server = RedisServer(tmp_path / "redis", log_file=tmp_path / "log")
        server.start()
        yield server
        server.stop()

    def test_our_own_crashes_and_stays_the_same_process(self, server: RedisServer) -> None:
        with Redis.from_url(server.url) as client:
            client.set("kept", "1")
            before = client.info("server")
            (lost,) = lose_redis({"REDIS_URL": server.url})
            after = client.info("server")
            assert client.get("kept") is None
        assert lost.how == "crash"
        assert before["process_id"] == after["process_id"]
        assert before["run_id"] != after["run_id"]
        assert lost.back_at > lost.at
        assert server.child is not None
        assert server.child.is_alive

    def test_one_that_does_not_crash_is_emptied(self, server: RedisServer) -> None:
        with Redis.from_url(server.url) as client:
            client.acl_setuser(
                "mild", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-debug"]
            )
            client.set("kept", "1")
            url = server.url.replace("unix://", "unix://mild:x@")
            losses = lose_redis({"REDIS_URL": url, "GATE_REDIS_URL": url})
            assert [lost.how for lost in losses] == ["FLUSHDB", "FLUSHDB"]
            assert client.get("kept") is None
            assert isinstance(losses[0], Loss)


class TestCrowdWire:
    """CrowdWire: an answer for every request."""

    def test_reads_answers_and_keeps_the_connection(self) -> None:
        body = b'{"code":"sold_out"}'
        head = b"HTTP/1.1 409 Conflict\r\nContent-Length: %d\r\nRetry-After: 3\r\n\r\n"

        async def ask(wire: CrowdWire, url: str) -> list[Answer]:
            return [await wire.ask("POST", url, body={"quantity": 1}) for _ in range(3)]

        answers, connections, heard = served(ask, lambda _: head % len(body) + body)
        assert connections == 1
        assert {(one.status, one.code, one.wait_seconds) for one in answers} == {
            (409, "sold_out", 3.0)
        }
        assert heard[0].startswith(b"POST /claims?x=1 HTTP/1.1\r\nHost: 127.0.0.1:")
        assert heard[0].endswith(b'\r\n\r\n{"quantity": 1}')

    @pytest.mark.parametrize(
        "reply", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{", b"nonsense\r\n\r\n"]
    )
    def test_says_so_when_there_is_none(self, reply: bytes) -> None:
        async def ask(wire: CrowdWire, url: str) -> list[Answer]:
            return [await wire.ask("GET", url) for _ in range(2)]

        answers, connections, _ = served(ask, lambda _: reply)
        assert [one.status for one in answers] == [0, 0]
        assert all(one.is_busy for one in answers)
        assert connections == 2

    def test_nobody_listens(self) -> None:
        wire = CrowdWire()
        assert asyncio.run(wire.ask("GET", "http://127.0.0.1:1/x")).status == 0

    def test_has_no_more_connections_than_it_may(self) -> None:
        async def ask(wire: CrowdWire, url: str) -> list[Answer]:
            return list(await asyncio.gather(*(wire.ask("GET", url) for _ in range(12))))

        reply = b"HTTP/1.1 204 No Content\r\n\r\n"
        answers, connections, _ = served(ask, lambda _: reply, most=3)
        assert [one.status for one in answers] == [204] * 12
        assert connections == 3


def served(
    ask: Callable[[CrowdWire, str], Awaitable[list[Answer]]], reply: Reply, *, most: int = 8
) -> tuple[list[Answer], int, list[bytes]]:
    """Ask a server that gives each request this reply; return answers, connections, requests."""
    serving, heard = list[asyncio.Task[None] | None](), list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        while request := await reader.read(10_000):
            heard.append(request)
            answer = reply(request)
            writer.write(answer)
            if not answer or b"nonsense" in answer or answer.endswith(b"{"):
                break
        writer.close()
        await writer.wait_closed()

    async def play() -> list[Answer]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        wire = CrowdWire(most)
        async with server:
            try:
                return await ask(wire, f"http://127.0.0.1:{port}/claims?x=1")
            finally:
                await wire.close()
                await asyncio.gather(*(task for task in serving if task is not None))

    return asyncio.run(play()), len(serving), heard
