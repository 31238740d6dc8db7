"""Starting payments over HTTP."""

from uuid import uuid4

import pytest

from shop.members.platforms import Platform
from shop.payments.gateway import Channel
from tests.miniprogram_api.world import World


class TestStart:
    """POST /v1/orders/{id}/payments."""

    def test_gives_what_the_client_library_takes(self, world: World) -> None:
        """201 with the trade and its parameters."""
        member = world.member()
        order = member.order(world.make_sku())
        answer = member.post(
            f"/v1/orders/{order['id']}/payments", {"channel": "wechat_pay"}, key="p"
        )
        assert answer.status_code == 201
        body = answer.get_json()
        assert body["payment"]["amount_fen"] == order["total_fen"]
        assert body["payment"]["status"] == "prepaid"
        assert body["params"]["package"].startswith("prepay_id=")

    def test_another_key_is_the_same_trade(self, world: World) -> None:
        """However often it is asked, one trade is open."""
        member = world.member()
        order = member.order(world.make_sku())
        path = f"/v1/orders/{order['id']}/payments"
        ids = {
            member.post(path, {"channel": "wechat_pay"}, key=uuid4().hex).get_json()["payment"][
                "id"
            ]
            for _ in range(3)
        }
        assert len(ids) == 1

    def test_b39_a_silent_platform_is_503_and_the_key_goes_on(self, world: World) -> None:
        """Repeating the same request, key and all, ends in a trade."""
        member = world.member()
        order = member.order(world.make_sku())
        path, body = f"/v1/orders/{order['id']}/payments", {"channel": "wechat_pay"}
        world.gateways[Channel.WECHAT_PAY].is_silent = True
        silent = member.post(path, body, key="p")
        assert (silent.status_code, silent.get_json()["code"]) == (
            503,
            "payments.platform_unavailable",
        )
        assert int(silent.headers["Retry-After"]) > 0
        world.gateways[Channel.WECHAT_PAY].is_silent = False
        assert member.post(path, body, key="p").status_code == 201

    def test_wants_an_identity_there(self, world: World) -> None:
        """Who signed in with Alipay has no payer at WeChat Pay."""
        member = world.member(platform=Platform.ALIPAY)
        order = member.order(world.make_sku())
        answer = member.post(
            f"/v1/orders/{order['id']}/payments", {"channel": "wechat_pay"}, key="p"
        )
        assert (answer.status_code, answer.get_json()["code"]) == (409, "orders.no_payer_identity")

    def test_a28_saying_paid_pays_nothing(self, world: World) -> None:
        """There is no route by which a client could say so."""
        member = world.member()
        order = member.order(world.make_sku())
        for path in ("paid", "payments/success", "payments/callback", "notify"):
            answer = member.post(f"/v1/orders/{order['id']}/{path}", {"status": "paid"})
            assert answer.status_code == 404
        assert member.get(f"/v1/orders/{order['id']}").get_json()["status"] == "pending"

    @pytest.mark.parametrize("channel", ["cash", "city_card", "", None, 1, ["alipay"]])
    def test_refuses_other_channels(self, world: World, channel: object) -> None:
        """422."""
        member = world.member()
        order = member.order(world.make_sku())
        answer = member.post(f"/v1/orders/{order['id']}/payments", {"channel": channel}, key="p")
        assert answer.status_code == 422
