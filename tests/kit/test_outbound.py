"""Calls to the outside end in time and size, keep their connections and say nothing secret."""

import gzip
import socket
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from kit.outbound import NotConnected, OutboundSession, Unreachable, header
from tests.doubles.http import Answer, ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte every tenth of a second: each arrives in time, the whole never does."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"half")
    handler.close_connection = True


def chunked(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")


class TestOutboundSession:
    def test_keeps_a_connection_for_the_next_call(self, server: ScriptedServer) -> None:
        session = OutboundSession(timeout_seconds=2)
        for answer in (Answer(200, b"a" * 100_000), Answer(204), Answer(200, b""), Answer(404)):
            server.answer = lambda _, answer=answer: answer
            assert session.get(server.url).content == answer.body
        assert len({asked.peer for asked in server.asked}) == 1

    def test_reads_chunks(self, server: ScriptedServer) -> None:
        server.answer = lambda _: Answer(send=chunked)
        assert OutboundSession(timeout_seconds=2).get(server.url).content == b"abcde"

    def test_a_drop_now_and_then_does_not_stretch_the_deadline(
        self, server: ScriptedServer
    ) -> None:
        server.answer = lambda _: Answer(send=drip)
        started = time.monotonic()
        with pytest.raises(Unreachable):
            OutboundSession(timeout_seconds=0.3).get(server.url)
        assert time.monotonic() - started < 1

    def test_a_callers_own_wish_for_no_timeout_does_not_count(self, server: ScriptedServer) -> None:
        server.answer = lambda _: Answer(send=lambda _: time.sleep(1))
        with pytest.raises(Unreachable):
            OutboundSession(timeout_seconds=0.2).get(server.url, timeout=None)

    def test_half_an_answer_is_none(self, server: ScriptedServer) -> None:
        server.answer = lambda _: Answer(send=cut)
        with pytest.raises(Unreachable):
            OutboundSession(timeout_seconds=1).get(server.url)

    def test_too_much_is_cut_off_also_when_it_was_packed(self, server: ScriptedServer) -> None:
        session = OutboundSession(timeout_seconds=5, most_bytes=100_000)
        server.answer = lambda _: Answer(200, b"x" * 100_001)
        with pytest.raises(Unreachable):
            session.get(server.url)
        packed = gzip.compress(b"x" * 10_000_000)
        server.answer = lambda _: Answer(200, packed, {"Content-Encoding": "gzip"})
        with pytest.raises(Unreachable):
            session.get(server.url)

    def test_does_not_follow(self, server: ScriptedServer) -> None:
        server.answer = lambda _: Answer(302, b"", {"Location": f"{server.url}/elsewhere"})
        assert OutboundSession(timeout_seconds=1).get(server.url).status_code == 302
        assert len(server.asked) == 1

    def test_keeps_no_cookies(self, server: ScriptedServer) -> None:
        server.answer = lambda _: Answer(200, b"", {"Set-Cookie": "a=1"})
        session = OutboundSession(timeout_seconds=1)
        session.get(server.url)
        session.get(server.url)
        assert "Cookie" not in server.asked[1].headers

    def test_the_failure_never_quotes_the_url(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}/?secret=hidden"
            with pytest.raises(Unreachable) as failure:
                OutboundSession(timeout_seconds=1).get(url)
        assert "hidden" not in str(failure.value)
        assert failure.value.__cause__ is None
        assert failure.value.__suppress_context__


class TestNotConnected:
    """Whether a request can have left decides whether it may be repeated."""

    def test_nobody_listens(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            with pytest.raises(NotConnected):
                OutboundSession(timeout_seconds=1).get(f"http://127.0.0.1:{taken.getsockname()[1]}")

    @pytest.mark.parametrize("peer", [cut, drip, lambda handler: handler.connection.close()])
    def test_whoever_listened_may_have_heard(
        self, server: ScriptedServer, peer: Callable[[BaseHTTPRequestHandler], None]
    ) -> None:
        server.answer = lambda _: Answer(send=peer)
        with pytest.raises(Unreachable) as failure:
            OutboundSession(timeout_seconds=0.3).get(server.url)
        assert type(failure.value) is Unreachable


def test_header_counts_in_any_case() -> None:
    assert header({"wechatpay-serial": "a"}, "Wechatpay-Serial") == "a"
    assert header({}, "Wechatpay-Serial") == ""
