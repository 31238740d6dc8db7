"""Orders over HTTP: place, see, wait, cancel, refund."""

import threading
import time
from typing import Any
from uuid import uuid4

import pytest

from miniprogram_api import waiting
from tests.miniprogram_api.world import Person, World


def lines(*wanted: tuple[Any, Any]) -> dict[str, Any]:
    """Return the body of an order."""
    return {"lines": [{"sku_id": str(sku), "quantity": quantity} for sku, quantity in wanted]}


class TestPlace:
    """POST /v1/orders."""

    def test_answers_201_with_the_order(self, world: World) -> None:
        """Price, lines and the moment until which to pay."""
        sku_id = world.make_sku(price_fen=990)
        order = world.member().order(sku_id, 2)
        assert (order["status"], order["total_fen"]) == ("pending", 1980)
        assert order["lines"][0]["unit_price_fen"] == 990
        assert order["lines"][0]["product_title"] == "游戏点卡"
        assert order["pay_by"] > order["placed_at"]
        assert order["sale_channel"] == "weapp_android"

    def test_is_sold_where_the_client_runs(self, world: World) -> None:
        """The header says where; a SKU that is not sold there is refused."""
        sku_id = world.make_sku(on_sale={"h5": True})
        member = world.member()
        answer = member.post("/v1/orders", lines((sku_id, 1)), key="k1")
        assert (answer.status_code, answer.get_json()["code"]) == (409, "orders.sku_not_for_sale")
        sold = member.post(
            "/v1/orders", lines((sku_id, 1)), key="k2", headers={"X-Client-Channel": "h5"}
        )
        assert sold.get_json()["order"]["sale_channel"] == "h5"
        odd = member.post(
            "/v1/orders", lines((sku_id, 1)), key="k3", headers={"X-Client-Channel": "fax"}
        )
        assert (odd.status_code, odd.get_json()["code"]) == (422, "unknown_client_channel")

    def test_refuses_more_than_there_is(self, world: World) -> None:
        """409 without a trace of an order."""
        member, sku_id = world.member(), world.make_sku(stock=1)
        answer = member.post("/v1/orders", lines((sku_id, 2)), key="k")
        assert (answer.status_code, answer.get_json()["code"]) == (409, "cards.out_of_stock")
        assert member.get("/v1/orders").get_json()["items"] == []

    @pytest.mark.parametrize(
        "quantity", [0, -1, 101, 1.0, 1.5, "1", "1e3", True, None, [], {}, 2**70]
    )
    def test_i136_takes_only_whole_numbers(self, world: World, quantity: Any) -> None:
        """No number is guessed from something else."""
        answer = world.member().post("/v1/orders", lines((uuid4(), quantity)), key="k")
        assert (answer.status_code, answer.get_json()["code"]) == (422, "malformed")
        assert answer.get_json()["errors"][0]["field"] == "lines.0.quantity"

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"lines": []},
            {"lines": [{"sku_id": str(uuid4()), "quantity": 1}] * 21},
            {"lines": [{"sku_id": "1 OR 1=1", "quantity": 1}]},
            {"lines": [{"sku_id": str(uuid4()), "quantity": 1, "unit_price_fen": 1}]},
            {"lines": [{"sku_id": str(uuid4()), "quantity": 1}], "total_fen": 1},
        ],
    )
    def test_refuses_other_shapes(self, world: World, body: Any) -> None:
        """Missing, further and malformed fields; a client cannot name a price."""
        answer = world.member().post("/v1/orders", body, key="k")
        assert (answer.status_code, answer.get_json()["code"]) == (422, "malformed")


class TestList:
    """GET /v1/orders."""

    def test_pages_newest_first(self, world: World) -> None:
        """Each order once, the cursor leading to the next page."""
        member, sku_id = world.member(), world.make_sku(stock=5)
        placed = [member.order(sku_id)["id"] for _ in range(5)]
        seen: list[str] = []
        path = "/v1/orders?limit=2"
        while True:
            page = member.get(path).get_json()
            seen += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            path = f"/v1/orders?limit=2&cursor={page['next_cursor']}"
        assert seen == placed[::-1]

    def test_by_status(self, world: World) -> None:
        """Only those that stand so."""
        member, sku_id = world.member(), world.make_sku(stock=5)
        member.order(sku_id)
        world.bought(member, sku_id)
        items = member.get("/v1/orders?status=fulfilled").get_json()["items"]
        assert [item["status"] for item in items] == ["fulfilled"]

    @pytest.mark.parametrize(
        "query",
        [
            "limit=0",
            "limit=101",
            "limit=1e1",
            "limit=x",
            "status=open'--",
            "sort=id;drop table orders",
            "cursor=%00",
            "cursor=' OR 1=1",
        ],
    )
    def test_i136_refuses_strange_queries(self, world: World, query: str) -> None:
        """422; nothing of the query reaches the database as words."""
        answer = world.member().get(f"/v1/orders?{query}")
        assert answer.status_code == 422

    def test_a_cursor_that_is_not_ours(self, world: World) -> None:
        """422 with its own code."""
        answer = world.member().get("/v1/orders?cursor=abcd")
        assert (answer.status_code, answer.get_json()["code"]) == (422, "bad_cursor")


class TestSee:
    """GET /v1/orders/{id}."""

    def test_carries_time_etag_and_when_to_ask_again(self, world: World) -> None:
        """The time alone makes no new version; a change does."""
        member, sku_id = world.member(), world.make_sku()
        order = member.order(sku_id)
        first = member.get(f"/v1/orders/{order['id']}")
        assert first.get_json()["poll_after_ms"] > 0
        assert first.headers["Cache-Control"] == "no-store"
        etag = first.headers["ETag"]
        world.now = world.now.replace(microsecond=(world.now.microsecond + 1) % 1_000_000)
        again = member.get(f"/v1/orders/{order['id']}", headers={"If-None-Match": etag})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == etag
        world.pay(member, order)
        changed = member.get(f"/v1/orders/{order['id']}", headers={"If-None-Match": etag})
        assert changed.status_code == 200
        assert changed.headers["ETag"] != etag
        assert changed.get_json()["server_time"] != first.get_json()["server_time"]
        assert changed.get_json()["poll_after_ms"] is None

    def test_tells_of_payments_and_refunds(self, world: World) -> None:
        """Each with its status and amount."""
        member, sku_id = world.member(), world.make_sku()
        order = world.bought(member, sku_id)
        member.post(f"/v1/orders/{order['id']}/refunds", {}, key="r")
        read = member.get(f"/v1/orders/{order['id']}").get_json()
        assert [(row["channel"], row["status"]) for row in read["payments"]] == [
            ("wechat_pay", "captured")
        ]
        assert [(row["reason"], row["amount_fen"]) for row in read["refunds"]] == [("member", 1000)]
        assert (read["status"], read["refunded_fen"]) == ("refunding", 1000)

    @pytest.mark.parametrize("wait", ["-1", "11", "1.5", "x"])
    def test_wait_is_bounded(self, world: World, wait: str) -> None:
        """0 to 10 whole seconds."""
        assert world.member().get(f"/v1/orders/{uuid4()}?wait={wait}").status_code == 422


class TestWait:
    """GET /v1/orders/{id}?wait=."""

    def test_ends_when_the_order_is_paid(self, real_world: World) -> None:
        """The answer comes with the news, not at the end of the time."""
        member, sku_id = real_world.member(), real_world.make_sku()
        order = member.order(sku_id)
        answers: list[tuple[str, float]] = []

        def wait() -> None:
            started = time.monotonic()
            read = Person(real_world.app.test_client(), member.token).get(
                f"/v1/orders/{order['id']}?wait=10"
            )
            answers.append((read.get_json()["status"], time.monotonic() - started))

        waiter = threading.Thread(target=wait)
        waiter.start()
        time.sleep(0.6)
        real_world.pay(member, order)
        waiter.join(timeout=8)
        assert answers
        status, seconds = answers[0]
        assert status == "fulfilled"
        assert 0.3 < seconds < 5

    def test_a_second_waiter_is_answered_at_once(self, world: World) -> None:
        """One thread of a process may wait; the rest go on serving."""
        member, sku_id = world.member(), world.make_sku()
        order = member.order(sku_id)
        with waiting.place:
            started = time.monotonic()
            answer = member.get(f"/v1/orders/{order['id']}?wait=5")
        assert answer.status_code == 200
        assert time.monotonic() - started < 2

    def test_what_is_not_pending_is_answered_at_once(self, world: World) -> None:
        """A final order has no news to wait for."""
        member, sku_id = world.member(), world.make_sku()
        order = world.bought(member, sku_id)
        started = time.monotonic()
        member.get(f"/v1/orders/{order['id']}?wait=5")
        assert time.monotonic() - started < 2


class TestCancel:
    """POST /v1/orders/{id}/cancel."""

    def test_frees_the_cards(self, world: World) -> None:
        """The order is closed, and what it held may be ordered again."""
        member, sku_id = world.member(), world.make_sku(stock=1)
        order = member.order(sku_id)
        answer = member.post(f"/v1/orders/{order['id']}/cancel")
        assert answer.status_code == 200
        assert answer.get_json()["order"]["status"] == "closed"
        assert answer.get_json()["order"]["close_reason"] == "cancelled"
        member.order(sku_id)

    def test_waits_for_an_open_trade(self, world: World) -> None:
        """While the platform could still take money the order is only being cancelled."""
        member, sku_id = world.member(), world.make_sku()
        order = member.order(sku_id)
        member.post(f"/v1/orders/{order['id']}/payments", {"channel": "wechat_pay"}, key="p")
        answer = member.post(f"/v1/orders/{order['id']}/cancel").get_json()["order"]
        assert (answer["status"], answer["is_cancelling"]) == ("pending", True)

    def test_b35_not_after_delivery(self, world: World) -> None:
        """409 with a code the client knows."""
        member, sku_id = world.member(), world.make_sku()
        order = world.bought(member, sku_id)
        answer = member.post(f"/v1/orders/{order['id']}/cancel")
        assert (answer.status_code, answer.get_json()["code"]) == (409, "orders.not_cancellable")


class TestRefund:
    """POST /v1/orders/{id}/refunds."""

    def test_gives_back_one_of_two(self, world: World) -> None:
        """A line and a quantity narrow it."""
        member, sku_id = world.member(), world.make_sku()
        order = world.bought(member, sku_id, 2)
        line_id = order["lines"][0]["id"]
        answer = member.post(
            f"/v1/orders/{order['id']}/refunds", {"line_id": line_id, "quantity": 1}, key="r"
        )
        assert answer.status_code == 201
        body = answer.get_json()
        assert [row["amount_fen"] for row in body["refunds"]] == [1000]
        assert body["order"]["lines"][0]["refunded_quantity"] == 1

    def test_not_what_was_never_paid(self, world: World) -> None:
        """409."""
        member, sku_id = world.member(), world.make_sku()
        order = member.order(sku_id)
        answer = member.post(f"/v1/orders/{order['id']}/refunds", {}, key="r")
        assert (answer.status_code, answer.get_json()["code"]) == (409, "orders.not_refundable")

    def test_f_the_same_key_twice_is_one_refund(self, world: World) -> None:
        """The second answer is the first, word for word."""
        member, sku_id = world.member(), world.make_sku()
        order = world.bought(member, sku_id, 2)
        body = {"line_id": order["lines"][0]["id"], "quantity": 1}
        answers = [
            member.post(f"/v1/orders/{order['id']}/refunds", body, key="r") for _ in range(2)
        ]
        assert answers[0].data == answers[1].data
        read = member.get(f"/v1/orders/{order['id']}").get_json()
        assert len(read["refunds"]) == 1

    def test_a_quantity_needs_its_line(self, world: World) -> None:
        """422."""
        member, sku_id = world.member(), world.make_sku()
        order = world.bought(member, sku_id)
        answer = member.post(f"/v1/orders/{order['id']}/refunds", {"quantity": 1}, key="r")
        assert answer.status_code == 422
