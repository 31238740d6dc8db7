"""Signing in to the console over HTTP: cookies, where one lands, refusals, lock-out, limits."""

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from kit.ratelimit import LimiterUnavailable, RateLimiter
from shop.operators import service
from shop.operators.deeds import Doer
from shop.operators.models import Operator
from shop.operators.service import Credentials
from tests.console.office import Clerk, Office, hidden
from tests.miniprogram_api.world import World

ELSEWHERE = (
    "https://evil.example/console",
    "//evil.example/console",
    "/console.evil.example",
    "/console\\@evil.example",
    "javascript:alert(1)",
    "/v1/me",
    "",
)


@pytest.fixture
def told(office: Office) -> Credentials:
    """Return the credentials of an owner who renewed what others knew of them."""
    credentials = add(office, "lin")
    with office.world.begin() as session:
        session.execute(update(Operator).values(must_renew=False))
    return credentials


def add(office: Office, name: str) -> Credentials:
    """Make an owner."""
    with office.world.begin() as session:
        return service.add_operator(
            session,
            name=name,
            roles=["owner"],
            keys=office.keys,
            doer=Doer("tests"),
            now=office.world.now,
        )


def enter(office: Office, visitor: Clerk, told: Credentials, **changes: str) -> TestResponse:
    """Fill the form in and send it."""
    fields = {
        "name": told.name,
        "password": told.password,
        "code": pyotp.TOTP(told.totp_secret).at(office.world.now),
        "csrf": hidden(visitor.page("/sign-in"), "csrf"),
        **changes,
    }
    return visitor.client.post("/console/sign-in", data=fields)


class TestSigningIn:
    def test_opens_the_first_page(self, office: Office, told: Credentials) -> None:
        visitor = office.visitor()
        answer = enter(office, visitor, told)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/console")
        cookies = answer.headers.getlist("Set-Cookie")
        (session,) = [one for one in cookies if one.startswith("console=")]
        assert "HttpOnly" in session
        assert "SameSite=Strict" in session
        assert "Path=/console" in session
        assert "lin" in visitor.page("")

    def test_h128_the_token_is_new_and_ends_with_signing_out(
        self, office: Office, told: Credentials
    ) -> None:
        visitor = office.visitor()
        visitor.client.set_cookie("console", "chosen-by-somebody-else", path="/console")
        enter(office, visitor, told)
        cookie = visitor.client.get_cookie("console", path="/console")
        assert cookie is not None
        assert cookie.value != "chosen-by-somebody-else"
        assert visitor.post("/sign-out").status_code == 303
        visitor.client.set_cookie("console", cookie.value, path="/console")
        assert visitor.get("").status_code == 303

    def test_by_https_the_cookies_go_by_https_alone(
        self, office: Office, told: Credentials
    ) -> None:
        world = office.world
        secure = World(
            world.begin, world.redis, world.now, options={"public_origin": "https://shop.example"}
        )
        answer = secure.app.test_client().get("/console/sign-in", base_url="https://shop.example")
        (door,) = answer.headers.getlist("Set-Cookie")
        assert door.startswith("__Secure-console-door=")
        assert "Secure;" in door

    def test_h131_leads_nowhere_else(self, office: Office, told: Credentials) -> None:
        for place, code in zip(ELSEWHERE, told.recovery_codes, strict=False):
            answer = enter(office, office.visitor(), told, next=place, code=code)
            assert answer.headers["Location"] == "/console", place

    def test_leads_back_to_the_page_that_was_asked_for(
        self, office: Office, told: Credentials
    ) -> None:
        asked = office.visitor().get("/orders?status=paid").headers["Location"]
        assert asked == "/console/sign-in?next=/console/orders?status%3Dpaid"
        answer = enter(office, office.visitor(), told, next="/console/orders?status=paid")
        assert answer.headers["Location"] == "/console/orders?status=paid"

    def test_h132_whatever_is_wrong_the_answer_is_the_same(
        self, office: Office, told: Credentials
    ) -> None:
        wrong = [{"password": "no"}, {"code": "000000"}, {"name": "nobody"}, {"code": ""}]
        answers = [enter(office, office.visitor(), told, **one) for one in wrong]
        assert {answer.status_code for answer in answers} == {401}
        texts = [answer.get_data(as_text=True) for answer in answers]
        assert all("账号、密码或验证码不对" in text for text in texts)
        assert not any(told.password in text for text in texts)

    def test_h129_needs_the_door_s_token(self, office: Office, told: Credentials) -> None:
        answer = enter(office, office.visitor(), told, csrf="0" * 64)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/console/sign-in")

    def test_h132_h134_an_address_has_a_limit(self, office: Office) -> None:
        limiter = office.world.ports.limiter
        for _ in range(20):
            limiter.hit("console-sign-in:127.0.0.1", most=20, window_seconds=60)
        visitor = office.visitor()
        csrf = hidden(visitor.page("/sign-in"), "csrf")
        elsewhere = {"X-Forwarded-For": "203.0.113.7"}  # what anybody may say of themselves
        answer = visitor.post("/sign-in", csrf=csrf, name="lin", headers=elsewhere)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1

    def test_h134_a_household_has_one_limit_also_without_redis(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def out(*_given: object, **_more: object) -> None:
            raise LimiterUnavailable

        monkeypatch.setattr(RateLimiter, "hit", out)
        monkeypatch.setattr("kit.ratelimit.monotonic_seconds", lambda: 0.0)  # one window
        monkeypatch.setattr("shop.operators.signing_in.is_password", lambda *_given: False)
        visitor = office.visitor()
        csrf = hidden(visitor.page("/sign-in"), "csrf")
        answers = [
            visitor.client.post(
                "/console/sign-in",
                data={"csrf": csrf, "name": "nobody"},
                environ_overrides={"REMOTE_ADDR": f"2001:db8::{number:x}"},
            ).status_code
            for number in range(1, 22)
        ]
        assert answers == [401] * 20 + [429]


class TestSessions:
    def test_h128_an_idle_session_ends(self, office: Office) -> None:
        clerk = office.clerk("owner")
        office.world.now += timedelta(minutes=59)
        assert clerk.get("").status_code == 200
        office.world.now += timedelta(minutes=61)
        assert clerk.get("").status_code == 303

    def test_preferences_stay_in_the_browser(self, office: Office) -> None:
        clerk = office.clerk("owner")
        answer = clerk.post("/preferences", language="en", look="dark", back="/console/orders")
        assert answer.headers["Location"] == "/console/orders"
        page = clerk.page("/orders")
        assert '<html lang="en" data-bs-theme="dark">' in page
        assert "Unpaid" in page
        answer = clerk.post("/preferences", language="zh", back="https://evil.example/console")
        assert answer.headers["Location"] == "/console"
        assert "待付款" in clerk.page("/orders")
