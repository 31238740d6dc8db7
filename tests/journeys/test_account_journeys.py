"""Accounts: two identities that become one, everything exported, and gone for good."""

import secrets

from tests.journeys.people import Person, eventually, join_by_phone, phone_given
from tests.running_shop import RunningShop


def test_two_members_become_one_with_all_they_have(shop: RunningShop, sku: str) -> None:
    first, second = Person(shop, "wechat"), Person(shop, "alipay")
    orders = [person.buy((sku, 1)) for person in (first, second)]
    join_by_phone(first, second)
    kept = first.get("/me")
    assert second.get("/me") == kept
    assert sorted(kept["platforms"]) == ["alipay", "wechat"]
    # Orders and cards follow by an event, which the worker brings.
    listed = lambda: {one["id"] for one in first.get("/orders")["items"]}  # noqa: E731 - a look
    eventually(lambda: listed() == {order["id"] for order in orders}, what="orders follow")
    for person in (first, second):
        cards = person.get("/cards")["items"]
        assert len(cards) == 2
        assert {person.reveal(card).status_code for card in cards} == {200}
    # The joined member pays on either platform, whichever phone is in the hand.
    order = first.place((sku, 1))
    second.pay(order, "alipay")
    first.await_status(order, "fulfilled")


def test_a_number_of_somebody_else_is_not_taken(shop: RunningShop) -> None:
    first, second = Person(shop, "wechat"), Person(shop, "wechat")
    phone = f"137{secrets.randbelow(10**8):08d}"
    linked = first.ask("POST", "/me/phone", phone_given(first, phone))
    assert linked.status_code == 200
    assert phone not in linked.text
    assert linked.json()["phone_masked"].endswith(phone[-4:])
    refused = second.ask("POST", "/me/phone", phone_given(second, phone))
    assert (refused.status_code, refused.json()["code"]) == (
        409,
        "members.phone_belongs_to_another",
    )
    assert second.get("/me")["phone_masked"] is None


def test_l192_an_export_holds_all_of_mine_and_nothing_else(shop: RunningShop, sku: str) -> None:
    person, other = Person(shop, "wechat"), Person(shop, "alipay")
    mine, theirs = person.buy((sku, 1)), other.buy((sku, 1))
    code = person.reveal(person.cards(mine)[0]).json()["code"]
    exported = person.ask("POST", "/me/export")
    assert exported.status_code == 200
    assert mine["order_no"] in exported.text
    assert theirs["order_no"] not in exported.text
    assert code not in exported.text


def test_l191_a_deleted_account_is_gone_and_the_books_stay(
    shop: RunningShop, sku: str, platform: str
) -> None:
    person = Person(shop, platform)
    member_id = person.get("/me")["id"]
    order = person.place((sku, 2))
    refused = person.ask("DELETE", "/me")
    assert (refused.status_code, refused.json()["code"]) == (409, "members.unfinished_orders")
    person.pay(order)
    person.await_status(order, "fulfilled")
    refused = person.ask("DELETE", "/me")
    assert (refused.status_code, refused.json()["code"]) == (409, "members.unrevealed_cards")
    for card in person.cards(order):
        assert person.reveal(card).status_code == 200
    assert person.ask("DELETE", "/me").status_code == 204
    assert person.ask("GET", "/me").status_code == 401
    # The same person may come again, as somebody new.
    assert person.sign_in()["id"] != member_id
    assert person.get("/orders")["items"] == []
    assert person.ask("GET", f"/orders/{order['id']}").status_code == 404
    assert person.trade()["transaction_no"]


def test_l191_cards_are_given_up_only_by_ones_own_word(shop: RunningShop, sku: str) -> None:
    person = Person(shop, "wechat")
    person.buy((sku, 1))
    assert person.ask("DELETE", "/me").status_code == 409
    assert person.ask("DELETE", "/me?give_up_cards=true").status_code == 204
    assert person.ask("GET", "/me").status_code == 401
