"""Credentials that somebody else gave out: nothing opens before they are new."""

import re

import pyotp
import pytest

from shop.operators import queries
from shop.operators.service import Credentials
from tests.console.office import Clerk, Office, hidden
from tests.console.test_matrix import CLOSED, path_of
from tests.console.test_sign_in import add, enter

NEW = "correct horse battery"


@pytest.fixture
def told(office: Office) -> Credentials:
    """Return the credentials of an owner who was just added."""
    return add(office, "lin")


def entered(office: Office, told: Credentials) -> Clerk:
    """Return them signed in for the first time."""
    visitor = office.visitor()
    assert enter(office, visitor, told).status_code == 303
    return visitor


def given(office: Office, page: str, **changes: str) -> dict[str, str]:
    """Return the fields of the page, filled in."""
    secret = re.search(r'id="secret">([A-Z2-7]+)<', page)
    assert secret is not None
    return {
        "csrf": hidden(page, "csrf"),
        "offer": hidden(page, "offer"),
        "password": NEW,
        "again": NEW,
        "code": pyotp.TOTP(secret[1]).at(office.world.now),
        **changes,
    }


class TestRenewal:
    def test_nothing_else_opens_before_it(self, office: Office, told: Credentials) -> None:
        clerk = entered(office, told)
        csrf = hidden(clerk.page("/renew"), "csrf")
        open_still = {"/console/renew", "/console/sign-out", "/console/preferences"}
        for method, rule, _needs in CLOSED:
            if rule in open_still:
                continue
            answer = clerk.client.open(
                f"/console{path_of(rule)}", method=method, data={"csrf": csrf}
            )
            assert (answer.status_code, answer.headers.get("Location")) == (
                303,
                "/console/renew",
            ), rule
        answer = clerk.get("/palette", headers={"HX-Request": "true"})
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/console/renew")
        assert clerk.post("/preferences", csrf=csrf, language="en").status_code == 303
        assert "Renew your credentials" in clerk.page("/renew")

    def test_opens_the_console_and_shows_recovery_codes_once(
        self, office: Office, told: Credentials
    ) -> None:
        clerk = entered(office, told)
        answer = clerk.post("/renew", **given(office, clerk.page("/renew")))
        assert answer.status_code == 200
        assert len(re.findall(r"\b\w{4}-\w{4}-\w{4}\b", answer.text)) == 8
        assert "lin" in clerk.page("")
        assert clerk.get("/renew").headers["Location"] == "/console"
        again = clerk.post("/renew", csrf=clerk.csrf(), password="another good one",
                           again="another good one")  # fmt: skip
        assert again.status_code == 422
        with office.world.begin() as session:
            found = queries.find_by_name(session, "lin")
            assert found is not None
            assert not found.must_renew

    def test_what_is_wrong_is_said_and_the_secret_stays(
        self, office: Office, told: Credentials
    ) -> None:
        clerk = entered(office, told)
        page = clerk.page("/renew")
        secret = re.search(r'id="secret">([A-Z2-7]+)<', page)
        assert secret is not None
        for changes in (
            {"again": "something else"},
            {"password": told.password, "again": told.password},
            {"code": "000000"},
            {"password": "x" * 999, "again": "x" * 999},
            {"password": "", "again": ""},
        ):
            answer = clerk.post("/renew", **given(office, page, **changes))
            assert answer.status_code == 422, changes
            assert secret[1] in answer.text
            assert told.password not in answer.text
        assert clerk.post("/renew", **given(office, page, offer="\u00e9")).status_code == 422
        assert clerk.get("").headers["Location"] == "/console/renew"

    def test_what_was_typed_is_never_handed_back(self, office: Office, told: Credentials) -> None:
        clerk = entered(office, told)
        fields = given(office, clerk.page("/renew"), csrf="0" * 64)
        answer = clerk.post("/renew", **fields)
        assert answer.status_code == 403
        assert NEW not in answer.text
        assert fields["offer"] not in answer.text
