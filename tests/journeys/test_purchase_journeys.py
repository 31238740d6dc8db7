"""A purchase on each platform from the first sign-in to the code, and who may not have it."""

from concurrent.futures import ThreadPoolExecutor

from tests.journeys.auditor import new_sku
from tests.journeys.people import Person, eventually, order_body
from tests.running_shop import RunningShop


def test_a_purchase_from_sign_in_to_reveal(shop: RunningShop, sku: str, platform: str) -> None:
    person = Person(shop, platform)
    for document in ("terms", "privacy"):
        body = {"document": document, "version": "1.0"}
        assert person.ask("POST", "/me/consents", body).status_code == 204
    products = person.get("/products?limit=50")["items"]
    offered = next(one for product in products for one in product["skus"] if one["id"] == sku)
    assert offered["can_buy"] == {"ok": True, "reason": None}

    order = person.place((sku, 2))
    assert (order["status"], order["total_fen"]) == ("pending", 2 * offered["list_price_fen"])
    person.pay(order)
    paid = person.order(order, wait=5)
    assert paid["status"] == "fulfilled"
    assert [payment["status"] for payment in paid["payments"]] == ["captured"]

    cards = person.cards(order)
    assert [card["status"] for card in cards] == ["delivered"] * 2
    assert all("code" not in card for card in cards)
    seen = person.reveal(cards[0])
    assert seen.headers["Cache-Control"] == "no-store"
    assert person.reveal(cards[0]).json() == seen.json()
    other = person.reveal(cards[1]).json()
    assert other["code"] != seen.json()["code"]
    refused = person.ask("POST", f"/orders/{order['id']}/refunds", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "orders.not_refundable")


def test_several_lines_are_delivered_together(shop: RunningShop, sku: str, platform: str) -> None:
    person = Person(shop, platform)
    lines = [(sku, 2), *((new_sku(shop, stock=1), 1) for _ in range(2))]
    order = person.buy(*lines)
    assert order["total_fen"] == sum(line["total_fen"] for line in order["lines"])
    found = sorted(card["sku_id"] for card in person.cards(order))
    assert found == sorted(sku_id for sku_id, quantity in lines for _ in range(quantity))


def test_wechat_is_told_of_the_delivery(shop: RunningShop, sku: str) -> None:
    person = Person(shop, "wechat")
    order = person.place((sku, 1))
    body = {"transaction_id": person.pay(order)["transaction_id"]}
    person.await_status(order, "fulfilled")
    confirm = lambda: shop.sandbox.post("wechat/confirm-receipt", body)["confirmed"]  # noqa: E731 - a look
    assert eventually(confirm, what="the delivery is reported")


def test_a28_a_client_that_says_it_paid_is_not_believed(
    shop: RunningShop, sku: str, platform: str
) -> None:
    person = Person(shop, platform)
    order = person.place((sku, 1))
    person.open_trade(order)
    for method, path in (
        ("POST", f"/orders/{order['id']}/paid"),
        ("PATCH", f"/orders/{order['id']}"),
        ("PUT", f"/orders/{order['id']}/payments"),
    ):
        assert person.ask(method, path, {"status": "paid"}).status_code in (404, 405)
    assert person.order(order)["status"] == "pending"
    assert person.cards(order) == []
    assert person.ask("POST", f"/orders/{order['id']}/refunds", {}).status_code == 409
    assert person.ask("POST", f"/orders/{order['id']}/cancel").status_code == 200


def test_b36_a_double_click_is_one_order(shop: RunningShop, sku: str) -> None:
    person = Person(shop, "wechat")
    body = order_body((sku, 1))
    with ThreadPoolExecutor(20) as pool:
        clicks = [pool.submit(person.ask, "POST", "/orders", body, key="click") for _ in range(20)]
        answers = [click.result() for click in clicks]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert len(person.get("/orders")["items"]) == 1
    other = person.ask("POST", "/orders", order_body((sku, 2)), key="click")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_b38_a_key_is_its_members_own(shop: RunningShop, sku: str) -> None:
    first, second = Person(shop, "wechat"), Person(shop, "wechat")
    body = order_body((sku, 1))
    one = first.ask("POST", "/orders", body, key="same").json()["order"]
    two = second.ask("POST", "/orders", body, key="same").json()["order"]
    assert one["id"] != two["id"]
    assert second.ask("GET", f"/orders/{one['id']}").status_code == 404


def test_h121_what_is_others_is_not_there(shop: RunningShop, sku: str, platform: str) -> None:
    owner, other = Person(shop, platform), Person(shop, platform)
    order = owner.buy((sku, 1))
    (card,) = owner.cards(order)
    path = f"/orders/{order['id']}"
    answers = [
        other.ask("GET", path),
        other.ask("POST", f"{path}/cancel"),
        other.ask("POST", f"{path}/refunds", {}),
        other.ask("POST", f"{path}/payments", {"channel": other.channel}),
        other.reveal(card),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5
    assert other.cards(order) == []
    unknown = other.ask("GET", "/orders/00000000-0000-7000-8000-000000000000").json()
    told = answers[0].json()
    assert {**told, "request_id": ""} == {**unknown, "request_id": ""}
    assert owner.reveal(card).status_code == 200


def test_a_platform_one_never_signed_in_on_is_refused(shop: RunningShop, sku: str) -> None:
    person = Person(shop, "wechat")
    order = person.place((sku, 1))
    body = {"channel": "alipay"}
    answer = person.ask("POST", f"/orders/{order['id']}/payments", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "orders.no_payer_identity")
    person.pay(order)
    person.await_status(order, "fulfilled")
