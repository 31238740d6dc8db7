"""The card wallet over HTTP."""

from sqlalchemy import func, select

from kit.idempotency import IdempotencyKey
from shop.cards.models import Reveal
from tests.miniprogram_api.world import World


class TestList:
    """GET /v1/cards."""

    def test_holds_no_codes(self, world: World) -> None:
        """Names and states only, before and after the reveal."""
        member = world.member()
        order = world.bought(member, world.make_sku(), 2)
        cards = member.get("/v1/cards").get_json()["items"]
        assert [card["order_id"] for card in cards] == [order["id"]] * 2
        assert {card["status"] for card in cards} == {"delivered"}
        code = member.post(f"/v1/cards/{cards[0]['id']}/reveal").get_json()["code"]
        listed = member.get("/v1/cards")
        assert code not in listed.get_data(as_text=True)
        assert "revealed" in {card["status"] for card in listed.get_json()["items"]}

    def test_of_one_order(self, world: World) -> None:
        """Only the cards of that order."""
        member, sku_id = world.member(), world.make_sku()
        world.bought(member, sku_id)
        order = world.bought(member, sku_id)
        cards = member.get(f"/v1/cards?order_id={order['id']}").get_json()["items"]
        assert [card["order_id"] for card in cards] == [order["id"]]


class TestReveal:
    """POST /v1/cards/{id}/reveal."""

    def test_shows_the_code_and_writes_the_look_down(self, world: World) -> None:
        """Each look is a row with the request's id; the first one's time stays."""
        member = world.member()
        world.bought(member, world.make_sku())
        card_id = member.get("/v1/cards").get_json()["items"][0]["id"]
        first = member.post(f"/v1/cards/{card_id}/reveal")
        again = member.post(f"/v1/cards/{card_id}/reveal")
        assert first.status_code == again.status_code == 200
        assert first.get_json() == again.get_json()
        assert set(first.get_json()) == {"code", "password", "first_revealed_at"}
        with world.begin() as session:
            looks = session.scalars(select(Reveal.request_id)).all()
        assert sorted(looks) == sorted(
            [first.headers["X-Request-Id"], again.headers["X-Request-Id"]]
        )

    def test_e90_is_kept_nowhere(self, world: World) -> None:
        """`no-store`, and no idempotency key even when the client sends one."""
        member = world.member()
        world.bought(member, world.make_sku())
        card_id = member.get("/v1/cards").get_json()["items"][0]["id"]
        with world.begin() as session:
            before = session.scalar(select(func.count()).select_from(IdempotencyKey))
        answer = member.post(f"/v1/cards/{card_id}/reveal", key="reveal-key")
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers
        with world.begin() as session:
            after = session.scalar(select(func.count()).select_from(IdempotencyKey))
        assert before == after

    def test_e75_not_after_a_refund(self, world: World) -> None:
        """A card that went back is nobody's."""
        member = world.member()
        order = world.bought(member, world.make_sku())
        card_id = member.get("/v1/cards").get_json()["items"][0]["id"]
        member.post(f"/v1/orders/{order['id']}/refunds", {}, key="r")
        assert member.post(f"/v1/cards/{card_id}/reveal").status_code == 404
        assert member.get("/v1/cards").get_json()["items"] == []

    def test_e75_no_refund_after_a_reveal(self, world: World) -> None:
        """A code that was seen never goes back."""
        member = world.member()
        order = world.bought(member, world.make_sku())
        card_id = member.get("/v1/cards").get_json()["items"][0]["id"]
        member.post(f"/v1/cards/{card_id}/reveal")
        answer = member.post(f"/v1/orders/{order['id']}/refunds", {}, key="r")
        assert (answer.status_code, answer.get_json()["code"]) == (409, "orders.not_refundable")
