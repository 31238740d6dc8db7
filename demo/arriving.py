"""Coming in: signing in, agreeing, choosing a name, joining two platforms, and leaving for good."""

import time
from dataclasses import replace
from typing import Final

from demo.cast import LED, NEIGHBOUR, Person
from demo.evening import Evening
from demo.mini_program import MiniProgram

HANDED_OVER_SECONDS: Final = 20.0


def arrive(evening: Evening, person: Person) -> None:
    """Sign in, agree to the documents, and look around."""
    program = _sign_in(evening, person, person.platform)
    program.consent()
    program.rename(person.nickname)
    if person.part.on_both:
        _sign_in(evening, person, person.other_platform)
        link_and_join(evening, person)
    is_neighbour = person.part in (NEIGHBOUR, LED)
    evening.chronicle.count("neighbours" if is_neighbour else "members")


def come_back_as_family(evening: Evening, person: Person) -> None:
    """Sign in with another identity of the same person: the union id leads to the same member."""
    program = evening.phone(person.platform)
    sister = person.open_ids[person.platform][:-1] + "_"
    code = evening.platforms.sign_in_code(person.platform, sister, person.union_id)
    answer = program.sign_in(code)
    same = answer.body.get("member", {}).get("id") == person.program.me().body.get("id")
    evening.chronicle.probe("one union id is one member", "True", same)


def link_and_join(evening: Evening, person: Person) -> None:
    """Link the phone number on the own platform, then join the other one by it."""
    for platform, join in ((person.platform, False), (person.other_platform, True)):
        given = evening.platforms.phone_given(platform, person.open_ids[platform], person.phone)
        answer = person.programs[platform].link_phone(given, join=join)
        evening.chronicle.probe("phone numbers linked", "200", answer.status)
    joined = person.programs[person.other_platform].me().body
    evening.chronicle.count("accounts joined")
    evening.chronicle.probe(
        "joined accounts are one member",
        "alipay,wechat",
        ",".join(sorted(joined.get("platforms", []))),
    )


def buy_on_both_then_join(evening: Evening, person: Person) -> None:
    """Buy as two members, become one, and find all cards in one wallet."""
    _sign_in(evening, person, person.other_platform)
    twins = (person, replace(person, platform=person.other_platform))
    purchases = []
    for twin in twins:
        purchase = evening.buy(twin, [{"sku_id": evening.special_sku, "quantity": 1}])
        if purchase is not None and evening.pay(twin, purchase):
            evening.wait_for(twin, purchase, "fulfilled")
            purchases.append(purchase)
    link_and_join(evening, person)
    # Orders and cards follow by an event, a moment after the accounts.
    until = time.monotonic() + HANDED_OVER_SECONDS
    while time.monotonic() < until:
        if all(person.program.cards(purchase.order_id) for purchase in purchases):
            break
        time.sleep(0.5)
    found = sum(len(person.program.cards(purchase.order_id)) for purchase in purchases)
    evening.chronicle.probe("cards follow into the joined account", str(len(purchases)), found)
    evening.chronicle.tell(f"{person} is one member now: both cards are in one wallet")


def leave(evening: Evening, person: Person) -> None:
    """Buy, look, export everything, and delete the account."""
    purchase = evening.buy(person, [{"sku_id": evening.special_sku, "quantity": 1}])
    if purchase is None or not evening.pay(person, purchase):
        return
    if not evening.wait_for(person, purchase, "fulfilled"):
        return
    evening.reveal(person, purchase)
    exported = str(person.program.export().body)
    evening.chronicle.probe("exports hold the order", "True", purchase.order_no in exported)
    purchase.seen = person.program.order(purchase.order_id).body
    purchase.cards = person.program.cards(purchase.order_id)
    answer = person.program.leave()
    evening.chronicle.probe("accounts deleted", "204", answer.status)
    evening.chronicle.probe("a deleted account's token is dead", "401", person.program.me().status)
    person.has_left = True
    evening.chronicle.count("accounts deleted")
    evening.chronicle.tell(f"{person} took their data with them and left for good")


def _sign_in(evening: Evening, person: Person, platform: str) -> MiniProgram:
    program = evening.phone(platform)
    code = evening.platforms.sign_in_code(platform, person.open_ids[platform], person.union_id)
    answer = program.sign_in(code)
    evening.chronicle.probe("sign-ins", "200", answer.status)
    person.programs[platform] = program
    evening.chronicle.count("sign-ins")
    return program
