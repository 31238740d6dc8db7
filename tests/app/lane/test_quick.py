"""Connections to the lane: what is answered at once, and that all else goes the whole way."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from app.lane.application import Begun
from app.lane.quick import QuickProtocol
from app.sample_campaigns import MadeCampaign
from flash_sale import queries
from tests.app.lane.driver import Lane
from tests.app.lane.line import Line, asked
from tests.miniprogram_api.sales import let_in, open_doors, put_on
from tests.miniprogram_api.world import World


@pytest.fixture
def quick(lane: Lane) -> Iterator[list[int]]:
    """Have connections answer claims by themselves; return the statuses of what they answered."""
    told: list[int] = []
    finish = lane.application.finish

    def listen(begun: Begun) -> tuple[int, bytes]:
        answer = finish(begun)
        told.append(answer[0])
        return answer

    lane.application.finish = listen  # type: ignore[method-assign] # it is listened to
    QuickProtocol.lane = lane.application
    yield told
    QuickProtocol.lane = None


@pytest.fixture
def sold_out(world: World, lane: Lane) -> tuple[MadeCampaign, str, str]:
    """Return a campaign of which nothing is left, and the tokens of its buyer and of another."""
    made = put_on(world, stock=1)
    buyer, other = (str(let_in(world, world.member(), made).token) for _ in range(2))
    open_doors(world)
    assert lane.claim(buyer, made.id, "mine", quantity=1).status_code == 201
    lane.look(made.id)
    return made, buyer, other


@pytest.fixture
def on_sale(world: World, lane: Lane) -> tuple[MadeCampaign, list[str]]:
    """Return a campaign that sells, known to the lane, and tokens of three members."""
    made = put_on(world, stock=5)
    tokens = [str(let_in(world, world.member(), made).token) for _ in range(3)]
    open_doors(world)
    assert lane.claim(tokens[2], made.id, "", quantity=9).status_code == 409
    return made, tokens


def held(world: World, made: MadeCampaign) -> int:
    """Return how many units were claimed."""
    with world.begin() as session:
        return len(queries.count_held_by_member(session, made.id))


class TestAtOnce:
    def test_what_is_sold_out_is_refused_in_the_same_words(
        self, lane: Lane, quick: list[int], sold_out: tuple[MadeCampaign, str, str]
    ) -> None:
        made, _, other = sold_out
        line = Line(lane)
        line.send(asked(made, other))
        QuickProtocol.lane = None
        line.send(asked(made, other))
        at_once, whole = (list(answer.split(b"\r\n")) for answer in line.answers)
        assert quick == [409]
        assert at_once[0] == whole[0] == b"HTTP/1.1 409 Conflict"
        ids = [
            next(part.split(b": ")[1] for part in answer if part.startswith(b"x-request-id"))
            for answer in (at_once, whole)
        ]
        assert [part.replace(ids[0], b"") for part in at_once] == [
            part.replace(ids[1], b"") for part in whole
        ]

    def test_however_it_arrives(
        self, lane: Lane, quick: list[int], sold_out: tuple[MadeCampaign, str, str]
    ) -> None:
        made, _, other = sold_out
        whole = asked(made, other)
        for cut in (1, 40, whole.index(b"\r\n\r\n") + 2, len(whole) - 5):
            line = Line(lane)
            line.send(whole[:cut], whole[cut:])
            assert [answer[:12] for answer in line.answers] == [b"HTTP/1.1 409"]
        line = Line(lane)
        line.send(whole * 3)
        assert len(line.answers) == 3
        assert quick == [409] * 7

    def test_in_turn_with_what_takes_longer(
        self, lane: Lane, quick: list[int], sold_out: tuple[MadeCampaign, str, str]
    ) -> None:
        """The buyer's claim is recalled from the database; nobody's answer overtakes another's."""
        made, buyer, other = sold_out
        line = Line(lane)
        line.send(
            asked(made, other) + asked(made, buyer, "mine") + asked(made, other),
            asked(made, other),
        )
        assert [answer[9:12] for answer in line.answers] == [b"409", b"201", b"409", b"409"]
        assert len(quick) < 4

    def test_a_winner_is_told_without_a_task(
        self, world: World, lane: Lane, quick: list[int], on_sale: tuple[MadeCampaign, list[str]]
    ) -> None:
        made, (one, other, _) = on_sale
        line, second = Line(lane), Line(lane)
        line.send(asked(made, one, "a"), asked(made, one, "a") + asked(made, one, "a"))
        second.send(asked(made, other, "b"))
        assert [answer[9:12] for answer in line.answers] == [b"201"] * 3
        bodies = {answer.split(b"\r\n\r\n")[1] for answer in line.answers}
        assert len(bodies) == 1
        assert quick.count(201) >= 2  # what was sent behind another waits in uvicorn's own queue
        assert held(world, made) == 2

    def test_one_who_has_gone_is_not_told_and_has_it(
        self, world: World, lane: Lane, quick: list[int], on_sale: tuple[MadeCampaign, list[str]]
    ) -> None:
        made, (one, *_) = on_sale
        line = Line(lane)

        async def hang_up() -> None:
            line.protocol.data_received(asked(made, one))
            line.wire.close()
            line.protocol.connection_lost(None)

        lane.run(hang_up())
        line.send()
        assert line.wire.sent == b""
        assert held(world, made) == 1

    def test_who_is_waiting_is_told_before_the_lane_closes(
        self, lane: Lane, quick: list[int], on_sale: tuple[MadeCampaign, list[str]]
    ) -> None:
        made, (one, *_) = on_sale
        line = Line(lane)

        async def shut_down() -> None:
            line.protocol.data_received(asked(made, one))
            line.protocol.shutdown()

        lane.run(shut_down())
        line.send()
        assert (quick, line.wire.is_over) == ([201], True)

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"version": "1.0"}, b"409"),
            ({"more": b"Connection: close\r\n"}, b"409"),
            ({"more": b"Expect: 100-continue\r\n"}, b"409"),
            ({"body": b'{"quantity":1' + b" " * 300 + b"}"}, b"409"),
            ({"body": b'{"quantity":0}'}, b"422"),
            ({"key": ""}, b"422"),
            ({"method": "PUT"}, b"405"),
            ({"body": b'{"offer_id":"01a22307-1203-7129-8c6a-abfd70000000"}'}, b"409"),
        ],
    )
    def test_the_unusual_goes_the_whole_way(
        self,
        lane: Lane,
        quick: list[int],
        sold_out: tuple[MadeCampaign, str, str],
        changes: dict[str, Any],
        status: bytes,
    ) -> None:
        made, _, other = sold_out
        line = Line(lane)
        line.send(asked(made, other, **changes))
        assert line.answers[-1][9:12] == status
        assert quick == []

    def test_limits_are_counted_once(
        self, world: World, lane: Lane, quick: list[int], sold_out: tuple[MadeCampaign, str, str]
    ) -> None:
        made, _, other = sold_out
        counting = lane.application._parts.door._counting
        counting._most_of_member = 2
        line = Line(lane)
        line.send(asked(made, other) * 4)
        statuses = [answer[9:12] for answer in line.answers]
        assert statuses[0] == b"409"
        assert statuses[-1] == b"429"
        assert b"\r\nretry-after: " in line.answers[-1]
        assert statuses.count(b"409") <= 3  # a window may end between two

    def test_who_asks_nothing_more_is_hung_up_on(
        self, lane: Lane, quick: list[int], sold_out: tuple[MadeCampaign, str, str]
    ) -> None:
        made, _, other = sold_out
        line = Line(lane)
        line.protocol.timeout_keep_alive = 0.1

        async def look(*, asks: bool) -> None:
            for _ in range(20):
                if asks:
                    line.protocol.data_received(asked(made, other))
                await asyncio.sleep(0.02)

        lane.run(look(asks=True))
        assert not line.wire.is_over
        lane.run(look(asks=False))
        assert line.wire.is_over
        assert len(quick) == 20

    def test_who_waits_for_an_answer_is_not(
        self, lane: Lane, quick: list[int], on_sale: tuple[MadeCampaign, list[str]]
    ) -> None:
        made, (one, *_) = on_sale
        line = Line(lane)

        async def stall() -> None:
            line.protocol.data_received(asked(made, one))
            line.protocol._idle_since -= 1_000  # as if that were long ago
            line.protocol._look_if_idle()
            assert not line.wire.is_over

        lane.run(stall())
        line.send()
        assert quick == [201]

    def test_what_is_no_http_is_refused(
        self, lane: Lane, quick: list[int], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.CRITICAL)
        line = Line(lane)
        line.send(b"HELO lane\r\n\r\n")
        assert line.wire.sent.startswith(b"HTTP/1.1 400")
        assert line.wire.is_over
