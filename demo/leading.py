"""A leader's evening: members come by an invite and buy, one gives back, the leader withdraws."""

import time
from typing import Any, Final

from demo import commands
from demo.buying import line
from demo.cast import Person
from demo.chronicle import Led, Purchase
from demo.evening import CHANGE_SECONDS, Evening
from demo.platforms import CHANNEL_OF

PLAYERS: Final = 4
SHARE: Final = 1000  # of ten thousand
EARN_SECONDS: Final = 120.0  # commissions ripen every ten seconds
OPEN: Final = frozenset({"requested", "in_review", "approved", "sending", "awaiting_user"})


def lead(evening: Evening, people: list[Person]) -> None:
    """Let three buy, and one of them give everything back before the leader withdraws the rest."""
    leader, first, second, third = people
    _appoint(leader)
    invite = leader.program.invite()
    evening.chronicle.probe("members have an invite", "201", invite.status)
    led = Led(leader.number, SHARE)
    for person, quantity in ((first, 2), (second, 1), (third, 1)):
        opened = person.program.open_invite(invite.body["invite"]["code"])
        evening.chronicle.probe("an invite leads in", "204", opened.status)
        purchase = evening.buy(person, [line(evening.special_sku, quantity)])
        if purchase is None or not evening.pay(person, purchase):
            return
        led.purchases.append(purchase)
        evening.wait_for(person, purchase, "fulfilled")
    _give_back(evening, second, led.purchases[1])
    kept = sum(one.total_fen for one in (led.purchases[0], led.purchases[2])) * SHARE // 10_000
    sums = _await_earned(leader, kept)
    evening.chronicle.probe("a leader earns on what is kept", str(kept), sums.get("payable_fen"))
    greedy = leader.program.withdraw(kept + 1, CHANNEL_OF[leader.platform])
    evening.chronicle.probe(
        "nobody withdraws more than is payable", "referral.not_enough_payable", greedy.code
    )
    _withdraw(evening, leader, kept)
    evening.chronicle.add_led(led)


def see_statement(evening: Evening) -> None:
    """Keep the leader's statement, sums and withdrawals as they stand in the end."""
    people = {person.number: person for person in evening.people}
    for led in evening.chronicle.led:
        program = people[led.member].program
        led.sums = program.earnings().body.get("sums", {})
        led.entries = program.statement()
        led.withdrawals = program.withdrawals().body.get("items", [])


def _appoint(leader: Person) -> None:
    """Make the member a leader who earns a tenth, payable as soon as it is delivered."""
    member_id = str(leader.program.me().body["id"])
    commands.must("leaders", "approve", member_id)
    rule = ("--basis-points", str(SHARE), "--holds-days", "0", "--leader", member_id)
    commands.must("commissions", "rule", "add", *rule)


def _give_back(evening: Evening, person: Person, purchase: Purchase) -> None:
    answer = person.program.refund(purchase.order_id)
    evening.chronicle.probe("unseen cards may go back", "201", answer.status)
    purchase.hoped = frozenset({"refunded"})
    evening.chronicle.count("refunds asked for")
    evening.wait_for(person, purchase, "refunded")


def _await_earned(leader: Person, fen: int) -> dict[str, Any]:
    """Return the sums once that much is payable and nothing is pending."""
    until = time.monotonic() + EARN_SECONDS
    while True:
        sums: dict[str, Any] = leader.program.earnings().body.get("sums", {})
        if (sums.get("payable_fen"), sums.get("pending_fen")) == (fen, 0):
            return sums
        if time.monotonic() > until:
            return sums
        time.sleep(1)


def _withdraw(evening: Evening, leader: Person, fen: int) -> None:
    """Ask for it, and take it where the platform wants that."""
    channel = CHANNEL_OF[leader.platform]
    asked = leader.program.withdraw(fen, channel)
    evening.chronicle.probe("a leader withdraws", "201", asked.status)
    if not asked.is_ok:
        return
    withdrawal = asked.body["withdrawal"]
    until, is_taken = time.monotonic() + CHANGE_SECONDS, False
    while withdrawal["status"] in OPEN and time.monotonic() < until:
        if withdrawal["params"] is not None and not is_taken:
            evening.platforms.take_transfer(withdrawal["number"])
            is_taken = True
        evening.rest()
        withdrawal = leader.program.withdrawal(withdrawal["id"]).body["withdrawal"]
    evening.chronicle.probe("what is withdrawn arrives", "paid", withdrawal["status"])
    evening.chronicle.count("withdrawals paid", by=withdrawal["status"] == "paid")
    evening.chronicle.tell(f"{leader} brought three who bought, and withdraws their commission")
