"""What every request passes, on a bare application: headers, ids, limits, problems, proxies."""

import json
from typing import Any

import pytest
from flask import Flask, jsonify, request
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from app import http, problems
from app.bodies import MOST_BODY_BYTES, ShopRequest, StrictJson
from kit.errors import Conflict, RateLimited, Unavailable


class TooLate(Conflict):
    """A refusal of this test."""

    code = "test.too_late"
    title = "Too late"
    message = "太晚了"


def make_app(trusted_proxies: int = 0) -> Flask:
    """Return an application with the routes that the tests below need."""
    app = Flask("bare", static_folder=None)
    app.request_class = ShopRequest
    app.json = StrictJson(app)
    http.install(app, trusted_proxies=trusted_proxies)
    problems.install(app)
    raised: dict[str, Exception] = {
        "refusal": TooLate(at="noon"),
        "limited": RateLimited(retry_after_seconds=7),
        "unavailable": Unavailable(),
        "outage": OperationalError("SELECT 'canary'", {"phone": "canary"}, Exception("canary")),
        "failure": RuntimeError("canary"),
    }

    @app.post("/echo")
    def echo() -> Any:
        return jsonify(request.get_json())

    @app.get("/raise/<name>")
    def fail(name: str) -> Any:
        raise raised[name]

    @app.get("/address")
    def address() -> Any:
        return jsonify(address=request.remote_addr, secure=request.is_secure)

    return app


@pytest.fixture
def client() -> FlaskClient:
    """Return a client of the bare application."""
    return make_app().test_client()


class TestProblems:
    """Every exception becomes a problem with a stable code."""

    def test_a_refusal_says_what_and_why(self, client: FlaskClient) -> None:
        """409 with code, title, Chinese detail, details and the request's id."""
        answer = client.get("/raise/refusal")
        assert answer.status_code == 409
        assert answer.content_type == "application/problem+json"
        body = json.loads(answer.data)
        assert body == {
            "type": "about:blank",
            "status": 409,
            "code": "test.too_late",
            "title": "Too late",
            "detail": "太晚了",
            "details": {"at": "noon"},
            "request_id": answer.headers["X-Request-Id"],
        }

    @pytest.mark.parametrize(
        ("accept", "detail"),
        [
            ("en", "Too late"),
            ("en-US,en;q=0.9", "Too late"),
            ("zh-CN,zh;q=0.9,en;q=0.8", "太晚了"),
            ("fr", "太晚了"),
            ("", "太晚了"),
        ],
    )
    def test_detail_is_in_the_language_of_the_client(
        self, client: FlaskClient, accept: str, detail: str
    ) -> None:
        """Chinese unless English is preferred."""
        answer = client.get("/raise/refusal", headers={"Accept-Language": accept})
        assert json.loads(answer.data)["detail"] == detail

    @pytest.mark.parametrize(
        ("name", "status", "code", "retry_after"),
        [
            ("limited", 429, "rate_limited", "7"),
            ("unavailable", 503, "unavailable", "2"),
            ("outage", 503, "unavailable", "2"),
            ("failure", 500, "internal_error", None),
        ],
    )
    def test_failures_tell_nothing_of_the_inside(
        self, client: FlaskClient, name: str, status: int, code: str, retry_after: str | None
    ) -> None:
        """The code and when to come back, never the exception's text."""
        answer = client.get(f"/raise/{name}")
        assert answer.status_code == status
        assert json.loads(answer.data)["code"] == code
        assert answer.headers.get("Retry-After") == retry_after
        assert b"canary" not in answer.data

    def test_unknown_paths_and_methods(self, client: FlaskClient) -> None:
        """404 and 405 are problems too; 405 says what is allowed."""
        assert json.loads(client.get("/v1/nothing").data)["code"] == "not_found"
        answer = client.put("/echo", json={})
        assert (answer.status_code, json.loads(answer.data)["code"]) == (405, "method_not_allowed")
        assert "POST" in answer.headers["Allow"]


class TestI143Bodies:
    """Bodies that are too large, too deep or ambiguous are refused, and the process lives on."""

    @pytest.mark.parametrize(
        "body",
        [
            b"[" * 60_000,
            b'{"a":' * 10_000,
            b'{"a":' * 17 + b"1" + b"}" * 17,
            b'{"a":1,"a":2}',
            b'{"a":NaN}',
            b'{"a":Infinity}',
            b'{"a":"\\u0000"}',
            b'{"a":"\\ud800"}',
            b'{"\\u0000":1}',
            b'{"a":"\xff"}',
            '{"a":1}'.encode("utf-16"),
            b'{"a":' + b"1" * 5_000 + b"}",
            b"null",
            b"[]",
            b'"x"',
            b"{",
        ],
        ids=lambda body: repr(body[:12]),
    )
    def test_i143_refuses_strange_json(self, client: FlaskClient, body: bytes) -> None:
        """422 `malformed`, whatever the trick."""
        answer = client.post("/echo", data=body, content_type="application/json")
        assert answer.status_code == 422
        assert json.loads(answer.data)["code"] == "malformed"
        assert client.post("/echo", json={"a": 1}).status_code == 200

    def test_i143_refuses_a_large_body(self, client: FlaskClient) -> None:
        """413, whether the size is told or only found."""
        body = b'{"a":"' + b"x" * MOST_BODY_BYTES + b'"}'
        answer = client.post("/echo", data=body, content_type="application/json")
        assert (answer.status_code, json.loads(answer.data)["code"]) == (413, "body_too_large")
        answer = client.post(
            "/echo",
            data=b"",
            content_type="application/json",
            environ_overrides={"CONTENT_LENGTH": str(100 * 1024 * 1024)},
        )
        assert answer.status_code == 413

    def test_i143_a_body_of_untold_length_is_read_to_the_limit(self, client: FlaskClient) -> None:
        """A chunked body is cut off at the limit."""
        from io import BytesIO

        answer = client.post(
            "/echo",
            content_type="application/json",
            input_stream=BytesIO(b'{"a":"' + b"x" * MOST_BODY_BYTES + b'"}'),
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert answer.status_code == 413

    @pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "x"])
    def test_wants_json(self, client: FlaskClient, media: str) -> None:
        """415 for a body that is not said to be JSON."""
        answer = client.post("/echo", data=b'{"a":1}', content_type=media)
        assert (answer.status_code, json.loads(answer.data)["code"]) == (
            415,
            "unsupported_media_type",
        )


class TestH131Headers:
    """Headers that keep browsers from doing what we do not mean."""

    @pytest.mark.parametrize("path", ["/address", "/raise/failure", "/nothing"])
    def test_h131_every_answer_has_them(self, client: FlaskClient, path: str) -> None:
        """On success, failure and 404 alike."""
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in headers

    def test_https_is_remembered(self, client: FlaskClient) -> None:
        """HSTS only where the request came by https."""
        headers = client.get("/address", base_url="https://shop.example").headers
        assert headers["Strict-Transport-Security"].startswith("max-age=31536000")


class TestH134Addresses:
    """The client's address is what our own proxies say, and nothing the client says."""

    @pytest.mark.parametrize(
        ("proxies", "forwarded", "seen"),
        [
            (0, "9.9.9.9", "127.0.0.1"),
            (1, "9.9.9.9", "9.9.9.9"),
            (1, "1.1.1.1, 9.9.9.9", "9.9.9.9"),
            (2, "1.1.1.1, 9.9.9.9, 10.0.0.1", "9.9.9.9"),
            (2, "9.9.9.9", "127.0.0.1"),
            (1, "", "127.0.0.1"),
        ],
    )
    def test_h134_counts_from_the_right(self, proxies: int, forwarded: str, seen: str) -> None:
        """As many from the right as proxies of ours stand before us."""
        client = make_app(proxies).test_client()
        answer = client.get("/address", headers={"X-Forwarded-For": forwarded})
        assert answer.get_json()["address"] == seen

    def test_h134_scheme_too(self) -> None:
        """Without a proxy of ours nobody can claim https."""
        claim = {"X-Forwarded-Proto": "https"}
        assert not make_app(0).test_client().get("/address", headers=claim).get_json()["secure"]
        assert make_app(1).test_client().get("/address", headers=claim).get_json()["secure"]


class TestRequestIds:
    """Each request has an id of ours, or of our own proxy."""

    def test_a_client_cannot_choose_it(self, client: FlaskClient) -> None:
        """Without a proxy the header is ignored."""
        answer = client.get("/address", headers={"X-Request-Id": "chosen-by-client"})
        assert answer.headers["X-Request-Id"] != "chosen-by-client"

    def test_the_proxys_is_kept_when_it_is_one(self) -> None:
        """Behind a proxy a sane id is kept and a strange one replaced."""
        client = make_app(1).test_client()
        for given, kept in (("abcd-1234", True), ("x", False), ("a b c d e f g h", False)):
            answer = client.get("/address", headers={"X-Request-Id": given})
            assert (answer.headers["X-Request-Id"] == given) is kept
