"""The same request twice is one effect and one answer."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from shop.orders.models import Order
from tests.miniprogram_api.world import Person, World

CLIENTS = 50


def body_of(sku_id: object, quantity: int = 1) -> dict[str, Any]:
    """Return the body of an order."""
    return {"lines": [{"sku_id": str(sku_id), "quantity": quantity}]}


def at_once(acts: list[Any]) -> list[Any]:
    """Run the acts in threads released by one barrier, and return what each returned."""
    barrier = threading.Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def run(index: int) -> None:
        barrier.wait()
        results[index] = acts[index]()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


class TestB36DoubleClick:
    """One key, one effect."""

    @pytest.mark.race
    def test_b36_fifty_clicks_are_one_order(self, real_world: World) -> None:
        """Fifty threads, one key: one order, and every answer given is the same."""
        member, sku_id = real_world.member(), real_world.make_sku(stock=60)
        key = uuid4().hex

        def click() -> Any:
            person = Person(real_world.app.test_client(), member.token)
            return person.post("/v1/orders", body_of(sku_id), key=key)

        answers = at_once([click] * CLIENTS)
        served = [answer for answer in answers if answer.status_code == 201]
        # A click that waited too long for a connection is told to come again, and then may.
        assert {answer.status_code for answer in answers} <= {201, 503}
        again = click()
        assert again.status_code == 201
        assert {answer.data for answer in served} | {again.data} == {again.data}
        with real_world.begin() as session:
            orders = session.scalar(
                select(func.count()).select_from(Order).where(Order.member_id == member.id)
            )
        assert orders == 1

    @pytest.mark.race
    def test_b36_ten_clicks_on_pay_are_one_trade(self, real_world: World) -> None:
        """One open trade at the platform, whoever asked first."""
        member, sku_id = real_world.member(), real_world.make_sku()
        order, key = member.order(sku_id), uuid4().hex

        def click() -> Any:
            person = Person(real_world.app.test_client(), member.token)
            return person.post(
                f"/v1/orders/{order['id']}/payments", {"channel": "wechat_pay"}, key=key
            )

        answers = at_once([click] * 10)
        assert {answer.status_code for answer in answers} <= {201, 503}
        assert click().status_code == 201
        read = member.get(f"/v1/orders/{order['id']}").get_json()
        assert len(read["payments"]) == 1

    def test_b36_another_body_is_refused(self, world: World) -> None:
        """409 `idempotency_key_reused`, and no second order."""
        member, sku_id = world.member(), world.make_sku()
        assert member.post("/v1/orders", body_of(sku_id), key="k").status_code == 201
        answer = member.post("/v1/orders", body_of(sku_id, 2), key="k")
        assert (answer.status_code, answer.get_json()["code"]) == (409, "idempotency_key_reused")
        assert len(member.get("/v1/orders").get_json()["items"]) == 1

    def test_b36_another_path_is_another_request(self, world: World) -> None:
        """A key used for an order says nothing for its payment."""
        member, sku_id = world.member(), world.make_sku()
        order = member.post("/v1/orders", body_of(sku_id), key="k").get_json()["order"]
        answer = member.post(
            f"/v1/orders/{order['id']}/payments", {"channel": "wechat_pay"}, key="k"
        )
        assert answer.get_json()["code"] == "idempotency_key_reused"

    def test_a_refused_request_may_be_sent_again(self, world: World) -> None:
        """A refusal leaves nothing behind, the key neither."""
        member, sku_id = world.member(), world.make_sku(stock=1)
        assert member.post("/v1/orders", body_of(sku_id, 2), key="k").status_code == 409
        assert member.post("/v1/orders", body_of(sku_id, 1), key="k").status_code == 201


class TestB38Scope:
    """Keys belong to members."""

    def test_b38_the_same_key_of_somebody_else(self, world: World) -> None:
        """Each has an order of their own, and neither sees the other's."""
        sku_id = world.make_sku()
        first, second = world.member(), world.member()
        ours = first.post("/v1/orders", body_of(sku_id), key="same").get_json()["order"]
        theirs = second.post("/v1/orders", body_of(sku_id), key="same").get_json()["order"]
        assert ours["id"] != theirs["id"]


class TestKeyForm:
    """A key is required, and is a short printable word."""

    @pytest.mark.parametrize("path", ["orders", "refunds", "payments"])
    @pytest.mark.parametrize("key", [None, "", "x" * 65, "a b", "clé", "\t"])
    def test_refuses_without_a_sane_key(self, world: World, path: str, key: str | None) -> None:
        """422 `idempotency_key_required`."""
        member, sku_id = world.member(), world.make_sku()
        bodies = {
            "orders": ("/v1/orders", body_of(sku_id)),
            "refunds": (f"/v1/orders/{uuid4()}/refunds", {}),
            "payments": (f"/v1/orders/{uuid4()}/payments", {"channel": "alipay"}),
        }
        where, body = bodies[path]
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = member.post(where, body, headers=headers)
        assert (answer.status_code, answer.get_json()["code"]) == (422, "idempotency_key_required")
