"""What must hold of leaders after the evening, each a pure function of the facts."""

from typing import Final

from demo.checks import Looks, Named, refunded
from demo.facts import Facts

SUMS: Final = ("pending_fen", "payable_fen", "withdrawing_fen", "paid_fen", "debt_fen")
CHANNELS: Final = ("wechat_pay", "alipay")
CHAT_GROUPS: Final = 3


def somebody_led(facts: Facts) -> Looks:
    """The story of the leader was told to its end."""
    yield None if facts.led else "nobody led anybody"


def statement_adds_up(facts: Facts) -> Looks:
    """Each sum is that of its column of the statement."""
    for led in facts.led:
        for name in SUMS:
            told = sum(entry[name] for entry in led.entries)
            fits = told == led.sums.get(name)
            yield None if fits else f"{name}: {led.sums.get(name)}, entries sum to {told}"


def earned_on_what_was_kept(facts: Facts) -> Looks:
    """What a leader has, was paid or has coming is the share of what did not go back."""
    for led in facts.led:
        expected = sum(
            (one.total_fen - refunded(one)) * led.share // 10_000 for one in led.purchases
        )
        fen = sum(led.sums.get(name, 0) for name in SUMS[:4]) - led.sums.get("debt_fen", 0)
        yield None if fen == expected else f"{fen} fen, {expected} by the rule"


def withdrawn_is_sent(facts: Facts) -> Looks:
    """What leaders were paid is what the platforms sent under the same numbers, once each."""
    sent = {
        row["out_bill_no"]: row["paid_fen"]
        for channel in CHANNELS
        for row in facts.books[channel].get("transfers", [])
    }
    for led in facts.led:
        paid = 0
        for one in led.withdrawals:
            here = one["net_fen"] if one["status"] == "paid" else 0
            there = sent.get(one["number"], 0)
            paid += one["amount_fen"] if one["status"] == "paid" else 0
            yield None if here == there else f"{one['number']}: {here} fen here, {there} fen there"
        words = f"{led.sums.get('paid_fen')} fen paid, {paid} fen withdrawn"
        yield None if paid == led.sums.get("paid_fen") else words


def heard_once(facts: Facts) -> Looks:
    """One message arrived in each chat group."""
    reached = [one for led in facts.led for one in led.reached]
    yield None if len(reached) == CHAT_GROUPS else f"{len(reached)} chat groups"
    for one in reached:
        yield None if one.messages == 1 else f"{one.messages} messages in {one.chat_id}"


def came_from_there(facts: Facts) -> Looks:
    """What was bought by a chat group's invite stands in its funnel, and nothing else."""
    for led in facts.led:
        for one in led.reached:
            funnel = led.funnels.get(one.chat_group_id, {})
            told = (funnel.get("members"), funnel.get("paid_orders"))
            fits = told == (1, one.bought) and one.bought == 1
            yield None if fits else f"{one.chat_id}: {told} in the funnel, {one.bought} bought"


LEADING_CHECKS: Final[tuple[Named, ...]] = (
    ("a leader brought members who bought", somebody_led),
    ("the leader's statement adds up", statement_adds_up),
    ("the leader earned on what was kept", earned_on_what_was_kept),
    ("what was withdrawn is what the platform sent", withdrawn_is_sent),
    ("each chat group got its push once", heard_once),
    ("who came from a chat group stands in its funnel", came_from_there),
)
