"""The lane and Flask answer the same request alike: status, body and headers."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from tests.app.lane.driver import Answer, Lane, Request, claim_of
from tests.miniprogram_api.sales import let_in, open_doors, put_on
from tests.miniprogram_api.world import World

OWN = frozenset({"x-request-id", "content-length", "date"})
# These are for pages; the lane shows none.
OF_PAGES = frozenset(
    {
        "x-frame-options",
        "referrer-policy",
        "cross-origin-resource-policy",
        "permissions-policy",
        "content-security-policy",
    }
)
JSON = {"Content-Type": "application/json"}


def by_flask(world: World, request: Request) -> Answer:
    """Return what Flask answers."""
    answer = world.app.test_client().open(
        request.path, method=request.method, data=request.body, headers=request.headers
    )
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(answer.status_code, headers, answer.data)


def alike(answer: Answer) -> tuple[int, dict[str, str], Any]:
    """Return the answer without what differs each time."""
    headers = {name: value for name, value in answer.headers.items() if name not in OWN | OF_PAGES}
    body = answer.get_json() if answer.data else None
    if isinstance(body, dict):
        body.pop("request_id", None)
    return answer.status_code, headers, body


def assert_alike(world: World, lane: Lane, request: Request) -> Answer:
    """Ask both, and return what the lane said."""
    ours = lane.ask(request)[0]
    assert alike(ours) == alike(by_flask(world, request))
    return ours


BODIES: list[tuple[bytes, dict[str, str], int]] = [
    *(
        (f'{{"quantity":{value}}}'.encode(), JSON, 422)
        for value in ("0", "-1", "101", "1000000000", "1.5", '"1"', '"1e3"', "null", "true", "[]")
    ),
    (b'{"quantity":1e3}', JSON, 422),
    (b'{"quantity":1,"quantity":2}', JSON, 422),
    (b'{"quantity":NaN}', JSON, 422),
    (b'{"many":1}', JSON, 422),
    (b'{"offer_id":"x"}', JSON, 422),
    (b"[1]", JSON, 422),
    (b"{", JSON, 422),
    (b'"\xff"', JSON, 422),
    (b'{"quantity":1}', {"Content-Type": "text/plain"}, 415),
    (b'{"quantity":1}', {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    (b'{"quantity":0}', {"Content-Type": "application/vnd.api+json; charset=utf-8"}, 422),
    (b'{"quantity":1}', {}, 415),
    (b" " * 70_000, JSON, 413),
]


class TestAlike:
    @pytest.mark.parametrize(("body", "headers", "status"), BODIES)
    @pytest.mark.parametrize("language", ["", "en-GB,en;q=0.9"])
    def test_a_bad_body_is_refused_in_the_same_words(
        self,
        world: World,
        lane: Lane,
        body: bytes,
        headers: dict[str, str],
        status: int,
        language: str,
    ) -> None:
        made = put_on(world)
        token = let_in(world, world.member(), made).token
        asked = replace(claim_of(token, made.id), body=body)
        asked.headers = {**asked.headers, "Accept-Language": language}
        del asked.headers["Content-Type"]
        asked.headers |= headers
        assert assert_alike(world, lane, asked).status_code == status

    def test_so_is_a_bad_token(self, world: World, lane: Lane) -> None:
        made = put_on(world)
        token = let_in(world, world.member(), made).token or ""
        other = "A" if token[40] != "A" else "B"
        bad = [None, "x", "x" * 43, token[:40] + other + token[41:], token + "A"]
        statuses = [assert_alike(world, lane, claim_of(one, made.id)).status_code for one in bad]
        assert statuses == [401, 401, 401, 409, 401]

    @pytest.mark.parametrize("key", ["", " ", "x" * 65, "schlüssel"])
    def test_so_is_a_bad_key(self, world: World, lane: Lane, key: str) -> None:
        made = put_on(world)
        asked = claim_of(let_in(world, world.member(), made).token, made.id)
        asked.headers["Idempotency-Key"] = key
        assert assert_alike(world, lane, asked).status_code == 422

    def test_so_is_a_bad_channel(self, world: World, lane: Lane) -> None:
        made = put_on(world)
        asked = claim_of(world.member().token, made.id)
        asked.headers["X-Client-Channel"] = "fax"
        assert assert_alike(world, lane, asked).status_code == 422

    def test_so_is_what_is_no_sale_or_no_claim(self, world: World, lane: Lane) -> None:
        made = put_on(world)
        member = world.member()
        for asked in (
            claim_of(member.token, uuid4()),
            replace(claim_of(member.token, made.id), method="GET", body=b""),
            replace(claim_of(member.token, made.id), method="PUT"),
        ):
            assert assert_alike(world, lane, asked).status_code in (404, 405)
        assert lane.ask(Request("/v1/campaigns/x/claims"))[0].status_code == 404
        assert lane.ask(Request("/v1/me", method="GET"))[0].status_code == 404

    def test_so_is_a_refused_claim(self, world: World, lane: Lane) -> None:
        made, other = put_on(world, stock=1), put_on(world)
        bearers = [let_in(world, world.member(), made).token for _ in range(3)]
        early = assert_alike(world, lane, claim_of(bearers[0], made.id))
        assert early.get_json()["code"] == "not_started"
        open_doors(world)
        assert lane.ask(claim_of(bearers[0], made.id))[0].status_code == 201
        again = assert_alike(world, lane, claim_of(bearers[0], made.id))
        late = assert_alike(world, lane, claim_of(bearers[1], made.id))
        elsewhere = assert_alike(world, lane, claim_of(bearers[1], other.id))
        codes = [one.get_json()["code"] for one in (again, late, elsewhere)]
        assert codes == ["limit_reached", "sold_out", "flash_sale.bad_token"]


class TestOneAnswerForOneKey:
    """What one door answered, the other answers again, byte for byte."""

    def test_from_the_lane_to_flask_and_back(self, world: World, lane: Lane) -> None:
        made = put_on(world, stock=5, limit=2)
        tokens = [let_in(world, world.member(), made).token for _ in range(2)]
        open_doors(world)
        for token, first_by, then_by in (
            (tokens[0], lane_of(lane), flask_of(world)),
            (tokens[1], flask_of(world), lane_of(lane)),
        ):
            asked = claim_of(token, made.id, "mine", quantity=2)
            first, then = first_by(asked), then_by(asked)
            assert (first.status_code, then.status_code) == (201, 201)
            assert first.data == then.data

    def test_a_sign_in_s_token_claims_too(self, world: World, lane: Lane) -> None:
        made = put_on(world)
        member = world.member()
        open_doors(world)
        asked = claim_of(member.token, made.id, "mine")
        first = lane.ask(asked)[0]
        assert first.status_code == 201
        assert by_flask(world, asked).data == first.data
        order_id = first.get_json()["order"]["id"]
        assert member.get(f"/v1/orders/{order_id}").get_json()["status"] == "pending"

    def test_whoever_looks_like_a_program_is_asked_for_a_challenge(
        self, world: World, lane: Lane
    ) -> None:
        made = put_on(world)
        members = [world.member("one-and-the-same") for _ in range(6)]
        open_doors(world)
        asked = claim_of(members[-1].token, made.id)
        codes = {ask(asked).get_json()["code"] for ask in (lane_of(lane), flask_of(world))}
        assert codes == {"flash_sale.challenge_required"}


def lane_of(lane: Lane) -> Any:
    """Return how the lane is asked."""
    return lambda asked: lane.ask(asked)[0]


def flask_of(world: World) -> Any:
    """Return how Flask is asked."""
    return lambda asked: by_flask(world, asked)
