"""What the benchmarks of flash sales stand on: the load generators and what is compared with."""

import http.server
import shutil
import threading
from collections import Counter as Counts
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, time
from uuid import uuid4

import pytest
from redis import Redis

from benchmarks.frame import Plan
from benchmarks.sales import afternoon, behind_flask, cluster, wrk
from benchmarks.sales.crowd import write_tokens
from benchmarks.sales.hello import application
from benchmarks.sales.open_gates import claims, plenty, take
from benchmarks.sales.open_loop import Shot, Volley
from flash_sale import tokens
from flash_sale.gate import Gate
from flash_sale.gate_wire import Verdict
from flash_sale.tokens import LONGEST, PurchaseToken
from kit.clock import utc_now

REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n"


class Counter(http.server.BaseHTTPRequestHandler):
    """Answers the first with 201, all others with 409, and keeps what it was asked."""

    protocol_version = "HTTP/1.1"
    asked: list[dict[str, str]]

    def do_POST(self) -> None:
        """Read, remember, answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(dict(self.headers.items()))
        body = b'{"told": true}'
        self.send_response(201 if len(self.asked) == 1 else 409)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-request-id", self.headers.get("X-Request-Id", ""))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def asked() -> list[dict[str, str]]:
    """Return what the server was asked: the headers of each request."""
    return []


@pytest.fixture
def url(asked: list[dict[str, str]]) -> Iterator[str]:
    """Return the address of a server that counts."""
    handler = type("Here", (Counter,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class TestVolley:
    """The open loop."""

    def test_tells_each_shot_its_own_answer(self, url: str, asked: list[dict[str, str]]) -> None:
        volley = Volley(url, connections=1)
        hits = volley.fire([Shot(0, REQUEST) for _ in range(5)], start=perf_counter())
        volley.close()
        assert [hit.status for hit in hits] == [201, 409, 409, 409, 409]
        assert {hit.body for hit in hits} == {b'{"told": true}'}
        assert len(asked) == 5

    def test_counts_from_the_moment_at_which_a_claim_was_due(self, url: str) -> None:
        """Whoever could not even be sent has waited all the same."""
        volley = Volley(url, connections=2)
        hits = volley.fire([Shot(0, REQUEST), Shot(0.01, REQUEST)], start=perf_counter() - 3)
        volley.close()
        assert hits[0].took > 3
        assert hits[1].took > 2.9

    def test_waits_for_the_moment(self, url: str) -> None:
        volley = Volley(url, connections=1)
        start = perf_counter()
        volley.fire([Shot(0.2, REQUEST)], start=start)
        volley.close()
        assert perf_counter() - start > 0.2


class TestWrk:
    """The closed loop."""

    def test_claims_with_each_token_in_turn_under_a_new_key(
        self, url: str, asked: list[dict[str, str]], tmp_path: Path
    ) -> None:
        """Where the program is missing, the way to get it is said instead."""
        file = write_tokens(tmp_path / "tokens", ["one", "two"])
        if shutil.which("wrk") is None:
            with pytest.raises(wrk.NoLoadGenerator, match="apt-get install wrk"):
                wrk.ask(f"{url}/claims", file, connections=1, seconds=1)
            return
        told = wrk.ask(f"{url}/claims", file, connections=1, seconds=1)
        assert (told.good, told.lost) == (1, 0)
        assert told.requests > 2
        assert {one["Authorization"] for one in asked} == {"Bearer one", "Bearer two"}
        assert len({one["Idempotency-Key"] for one in asked}) == len(asked)

    def test_fires_each_claim_when_it_is_due_and_counts_from_then(
        self, url: str, asked: list[dict[str, str]], tmp_path: Path
    ) -> None:
        """Four connections for nine claims; who could not even be sent has waited all the same."""
        file, start = tmp_path / "schedule", time() + 0.5
        file.write_text("".join(f"{place * 0.01:.6f} t{place}\n" for place in range(9)))
        given = {"start": start, "ends": start + 0.1, "connections": wrk.SCHEDULE_THREADS}
        if shutil.which("wrk") is None:
            with pytest.raises(wrk.NoLoadGenerator):
                wrk.fire(f"{url}/claims", file, **given)
            return
        hits = wrk.fire(f"{url}/claims", file, **given)
        assert time() > start + 0.08
        assert Counts(hit.status for hit in hits) == {201: 1, 409: 8}
        assert {one["Authorization"] for one in asked} == {f"Bearer t{place}" for place in range(9)}
        assert len({one["Idempotency-Key"] for one in asked}) == 9
        late = wrk.fire(f"{url}/claims", file, **{**given, "start": start - 60})
        assert all(hit.took > 59 for hit in late)

    def test_says_where_to_get_the_program(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        with pytest.raises(wrk.NoLoadGenerator, match="apt-get install wrk"):
            wrk.program()

    def test_counts_refusals_apart(self) -> None:
        told = wrk.read(
            '{"requests": 9, "refused": 3, "microseconds": 2000000, "lost": 1,'
            ' "p50": 1500, "p99": 20000}'
        )
        assert (told.good, told.per_second, told.p50_ms, told.p99_ms) == (6, 4.5, 1.5, 20)


class TestAfternoon:
    """What is compared with sells, too."""

    def test_sells_one_unit_an_order(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        url = f"sqlite:///{tmp_path}/afternoon.db"
        monkeypatch.setenv(afternoon.URL, url)
        afternoon.make_tables(url)
        with afternoon.make_app().test_client() as client:
            answers = [client.post("/orders") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201] * 3
        assert afternoon.count_orders(url) == 3


class TestBehindFlask:
    """The same gate, asked by Flask."""

    def test_lets_through_whoever_has_a_token(
        self, redis: "Redis", redis_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        campaign_id, key = uuid4(), bytes(range(32))
        Gate(redis).fill(plenty(campaign_id, now=utc_now()), now=utc_now())
        monkeypatch.setenv(behind_flask.REDIS, redis_url)
        monkeypatch.setenv(behind_flask.KEY, key.hex())
        expires_at = utc_now() + LONGEST
        token = PurchaseToken(campaign_id, uuid4(), bytes(9), 0, False, expires_at)
        bearer = tokens.issue(token, key=key)
        with behind_flask.make_app().test_client() as client:
            answer = client.post(
                f"/v1/campaigns/{campaign_id}/claims",
                json={"quantity": 1},
                headers={"Authorization": f"Bearer {bearer}", "Idempotency-Key": "k"},
            )
        assert (answer.status_code, answer.get_json()) == (201, {"verdict": "admitted"})
        assert Gate(redis).read_counts(campaign_id).units_admitted == 1


class TestOpenGates:
    """Gates that refuse nobody."""

    def test_let_everybody_through(self, redis: "Redis") -> None:
        campaign_id = uuid4()
        Gate(redis).fill(plenty(campaign_id, now=utc_now()), now=utc_now())
        wanted = take(claims(), 300)
        assert set(Gate(redis).admit(campaign_id, wanted)) == {Verdict.ADMITTED}
        assert len({one.request_key for one in wanted}) == 300


class TestHello:
    """The bare application."""

    def test_says_hello(self) -> None:
        told: list[str] = []
        body = application({}, lambda status, _headers: told.append(status))
        assert (told, list(body)) == (["200 OK"], [b"hello"])


class TestCluster:
    """The gate on three servers and on one."""

    def test_measures_both(self) -> None:
        (figure,) = cluster.run(Plan(is_quick=True))
        assert figure.name == cluster.NAME
        assert figure.figure > 0
        assert figure.ratio
