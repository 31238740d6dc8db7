"""Strange requests to every route: nothing fails inside, nothing is told, nothing is logged."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import structlog

from app import logs
from tests.miniprogram_api.test_authorisation import ROUTES, absent, call, own
from tests.miniprogram_api.world import COST_FEN, METRICS_KEY, World

PAYLOADS = (
    "' OR 1=1 --",
    '"; DROP TABLE orders; --',
    "{{7*7}}${7*7}<%= 7*7 %>",
    "{0.__class__.__mro__}",
    "../../../../etc/passwd",
    "%00",
    "😀" * 20,
    "<script>alert(1)</script>",
    "%s%n%x",
    "\u202e\ufeff",
)

KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


@pytest.fixture
def log_text() -> Iterator[Any]:
    """Send every line through the pipeline, and return a function that reads all of it."""
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    stream = io.StringIO()
    logs.configure(level="DEBUG", form="json", stream=stream)
    yield stream.getvalue
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raising
    logging.captureWarnings(False)
    structlog.reset_defaults()


class TestI136Injection:
    """Words in places where numbers, ids and texts are meant."""

    @pytest.mark.parametrize("payload", PAYLOADS)
    def test_i136_every_route_and_place(self, world: World, payload: str) -> None:
        """Never a 5xx, and never the payload's effect."""
        member = world.member()
        for method, rule in ROUTES:
            path = rule.replace("<uuid:", "").replace(">", "")
            for more in (
                {"query_string": {"cursor": payload, "limit": payload, payload: payload}},
                {"json": {"nickname": payload, "lines": payload, "code": payload}},
                {"headers": {"X-Client-Channel": payload.encode("ascii", "replace").decode()}},
                {"headers": {"Accept-Language": payload.encode("ascii", "replace").decode()}},
            ):
                answer = member.send(method, path, key="k", **more)
                assert answer.status_code < 500, (method, path, more)
                if method == "DELETE":
                    member = world.member()

    @pytest.mark.parametrize("payload", [text for text in PAYLOADS if text.isprintable()])
    def test_i137_texts_come_back_as_they_were(self, world: World, payload: str) -> None:
        """A nickname is text, whatever it looks like."""
        member, nickname = world.member(), payload[:40]
        assert member.send("PATCH", "/v1/me", json={"nickname": nickname}).status_code == 200
        answer = member.get("/v1/me")
        assert answer.get_json()["nickname"] == nickname
        assert answer.content_type == "application/json"

    def test_a_name_that_nobody_sees_is_none(self, world: World) -> None:
        """Invisible and direction-turning characters alone would pass for somebody else."""
        answer = world.member().send("PATCH", "/v1/me", json={"nickname": "\u202e\ufeff"})
        assert (answer.status_code, answer.get_json()["code"]) == (422, "members.nickname_refused")

    def test_ids_of_other_forms_do_not_exist(self, world: World) -> None:
        """404 as for any path that is none."""
        member = world.member()
        for strange in ("1", "x" * 300, "..", "%2e%2e", "null", "0" * 36, f"{uuid4()}'"):
            assert member.get(f"/v1/orders/{strange}").status_code == 404


class TestI143Bombs:
    """Bodies made to hurt, sent to real routes."""

    @pytest.mark.parametrize(
        "body", [b"[" * 60_000, b'{"lines":' * 8_000, b'{"lines":[' + b"{}," * 21_000 + b"{}]}"]
    )
    def test_i143_is_refused_and_service_goes_on(self, world: World, body: bytes) -> None:
        """4xx, and the next request is served."""
        member = world.member()
        answer = member.send(
            "POST", "/v1/orders", data=body, content_type="application/json", key="k"
        )
        assert answer.status_code in (413, 422)
        assert member.get("/v1/me").status_code == 200


class TestH135ClosedDoors:
    """What must not be there in production."""

    @pytest.mark.parametrize(
        "path",
        [
            "/docs",
            "/docs/openapi.json",
            "/openapi.json",
            "/redoc",
            "/swagger",
            "/?__debugger__=yes&cmd=resource&f=debugger.js",
            "/static/x",
            "/admin",
            "/install",
            "/metrics",
            "/debug",
            "/.env",
            "/.git/config",
            "/server-status",
        ],
    )
    def test_h135_is_not_there(self, world: World, path: str) -> None:
        """404, as for any other unknown path."""
        answer = world.visitor().get(path)
        assert answer.status_code == 404
        assert answer.get_json()["code"] == "not_found"

    def test_h131_no_redirect_names_the_clients_host(self, world: World) -> None:
        """No answer depends on Host, and none leads elsewhere."""
        for path in ("//v1/home", "/v1/home/", "/v1//home", "/legal/", "//evil.example/x"):
            answer = world.visitor().get(path, headers={"Host": "evil.example"})
            assert answer.status_code == 404
            assert "evil.example" not in answer.get_data(as_text=True)
            assert "Location" not in answer.headers

    def test_methods_cannot_be_smuggled(self, world: World) -> None:
        """Override headers mean nothing."""
        member = world.member()
        answer = member.get("/v1/me", headers={"X-HTTP-Method-Override": "DELETE"})
        assert answer.status_code == 200
        assert member.get("/v1/me?_method=DELETE").status_code == 200
        assert member.get("/v1/me").status_code == 200


def validate(schema: dict[str, Any], value: Any, schemas: dict[str, Any], where: str) -> None:
    """Check `value` against the document's schema: names, kinds, nothing more."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema:
        options = [one for one in schema["anyOf"] if (one.get("type") == "null") == (value is None)]
        assert options, where
        validate(options[0], value, schemas, where)
        return
    assert isinstance(value, KINDS[schema["type"]] if "type" in schema else object), where
    assert value in schema.get("enum", [value]), where
    if isinstance(value, dict) and "properties" in schema:
        assert set(value) <= set(schema["properties"]), where
        assert set(schema.get("required", ())) <= set(value), where
        for name, item in value.items():
            validate(schema["properties"][name], item, schemas, f"{where}.{name}")
    if isinstance(value, list):
        for item in value:
            validate(schema["items"], item, schemas, f"{where}[]")


class TestH124Answers:
    """What really comes back is what the document says, field by field."""

    def test_h124_h125_every_route_for_its_owner(self, world: World) -> None:
        """No field that is not documented, and no secret of anybody in any answer."""
        spec = world.app.spec
        assert isinstance(spec, dict)
        owner = world.member("canary-open-id")
        ids = own(world, owner)
        seen: list[str] = []
        last = [route for route in ROUTES if route[0] == "DELETE"]
        for method, rule in [route for route in ROUTES if route not in last] + last:
            answer = call(owner, method, rule, ids)
            seen.append(answer.get_data(as_text=True))
            path = rule.replace("uuid:", "").replace("<", "{").replace(">", "}")
            told = spec["paths"][path][method.lower()]["responses"][str(answer.status_code)]
            if answer.status_code == 204:
                continue
            (media, content), *others = told["content"].items()
            assert not others
            assert answer.content_type in (media, "text/csv; charset=utf-8")
            told_of = answer.get_json() if answer.is_json else answer.get_data(as_text=True)
            validate(content["schema"], told_of, spec["components"]["schemas"], path)
        text = "\n".join(seen)
        for secret in ("canary-open-id", "session_key", str(COST_FEN), METRICS_KEY):
            assert secret not in text


class TestL187Logs:
    """Canaries through every route, with the log at its most talkative."""

    def test_l187_nothing_personal_is_logged(self, world: World, log_text: Any) -> None:
        """Not on success, not on refusal, not on failure."""
        phone = "+8613912345678"
        member = world.member("canary-open-id")
        ids = own(world, member)
        codes = []
        for card in member.get("/v1/cards").get_json()["items"]:
            codes.append(member.post(f"/v1/cards/{card['id']}/reveal").get_json()["code"])
        member.post("/v1/me/phone", {"credential": f"phone:{phone}"})
        member.send("PATCH", "/v1/me", json={"nickname": "canary-nickname"})
        for method, rule in [route for route in ROUTES if route[0] != "DELETE"]:
            call(member, method, rule, ids)
            call(member, method, rule, absent())
            member.send(
                method,
                rule.replace("<uuid:", "").replace(">", ""),
                query_string={"phone": phone, "token": "canary-query"},
                json={"code": "canary-body", "phone": phone},
            )
        world.tell({"out_trade_no": "canary-number", "openid": "canary-open-id"})
        world.tell({"code": codes[0]}, signature="bad_signature")
        text = log_text()
        assert len(text.splitlines()) > 50
        for canary in (
            "canary-open-id",
            "canary-query",
            "canary-body",
            "canary-nickname",
            phone.removeprefix("+86"),
            member.token,
            *codes,
        ):
            assert canary not in text, canary

    def test_l187_a_crash_tells_no_parameters(
        self, world: World, log_text: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A failing statement is logged by type and place; its row stays unknown."""
        from miniprogram_api import me
        from shop.members.models import Member

        person = world.member("canary-open-id")

        def break_down(session: Any, _member: Member) -> None:
            from sqlalchemy import text

            session.execute(text("SELECT CAST(:phone AS integer)"), {"phone": "canary-13912345678"})

        monkeypatch.setattr(me, "view_me", break_down)
        answer = person.get("/v1/me")
        assert answer.status_code == 500
        assert "canary" not in answer.get_data(as_text=True)
        written = log_text()
        assert "canary" not in written
        failed = [json.loads(line) for line in written.splitlines() if '"failed"' in line]
        assert "psycopg" in failed[0]["exception"] or "sqlalchemy" in failed[0]["exception"]
