"""Buying together: groups that fill, fail, grow, lose members, and those who pay too late."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from demo import deals, sheets
from demo.cast import Person
from demo.chronicle import Deal
from demo.evening import Evening
from demo.gathering import Party
from demo.straying import dawdle_over

STORIES_AT_ONCE: Final = 11  # all: they mostly wait
EARLY: Final = timedelta(seconds=2)


def fill(evening: Evening, deal: Deal, people: list[Person]) -> None:
    """Fill a group: one more than it has seats is refused, and it delivers only when it forms."""
    party = Party.opened(evening, deal, people[0], "fill", hoped="formed")
    if party is None:
        return
    seated = [person for person in people[1:3] if party.sit(person)]
    if len(seated) == 2:
        refused = people[3].program.join_group(party.id)
        evening.chronicle.probe("one more than there are seats", "group_buy.full", refused.code)
    if party.pay(*people[:2]):
        wallet = people[0].program.cards(party.order_of(people[0]).order_id)
        evening.chronicle.probe("nothing is delivered before the group forms", "0", len(wallet))
    if party.pay(people[2]) and party.await_status("formed"):
        party.enjoy()
        evening.chronicle.tell(f"{people[0]}'s group of three is complete: all have their codes")


def fail(evening: Evening, deal: Deal, people: list[Person]) -> None:
    """Find too few in time: whoever paid is repaid, whoever did not has nothing to do."""
    party = Party.opened(evening, deal, people[0], "fail", hoped="failed", orders="refunded")
    if party is None:
        return
    party.sit(people[1], hoped="refunded")
    party.pay(*people[:2])
    party.sit(people[2], hoped="closed")
    if party.await_status("failed"):
        refused = people[2].program.join_group(party.id)
        evening.chronicle.probe("a group that failed takes nobody", "group_buy.over", refused.code)
        evening.chronicle.tell(f"{people[0]}'s group of five found too few: the money goes back")


def climb(evening: Evening, deal: Deal, people: list[Person]) -> None:
    """Grow up a ladder: with each rung everybody gets the difference back."""
    party = Party.opened(evening, deal, people[0], "climb", hoped="formed")
    if party is None:
        return
    party.sit(people[1])
    if not party.pay(*people[:2]) or not party.await_status("formed"):
        return
    for person in people[2:]:
        if party.sit(person) and party.pay(person):
            party.await_seats(len(party.paid))
            evening.chronicle.count("rungs reached")
    party.enjoy()
    evening.chronicle.tell(f"{people[0]}'s group grew to {len(party.paid)}: it is cheaper for all")


def move_on(evening: Evening, deal: Deal, people: list[Person]) -> None:
    """Pay too late for one group, and be moved to another as agreed."""
    late, keeper = people[1], people[3]
    first = _lose_a_seat(evening, deal, people, may_move=True)
    if first is None:
        return
    second = Party.opened(evening, deal, keeper, "take in", hoped="formed")
    if second is None or not second.pay(keeper) or not second.await_seats(1):
        first.order_of(late).hoped |= {"refunded", "closed"}
        return
    if first.pay_late(late) and second.await_status("formed"):
        second.take_over(late, first)
        evening.chronicle.count("late payers moved")
        evening.chronicle.tell(f"{late} paid too late for one group and has a seat in another")
        second.enjoy()
    else:
        second.loosen()


def be_repaid(evening: Evening, deal: Deal, people: list[Person]) -> None:
    """Pay too late without having agreed to be moved: the money goes back."""
    party = _lose_a_seat(evening, deal, people, may_move=False)
    if party is not None and party.pay_late(people[1]):
        evening.wait_for(people[1], party.order_of(people[1]), "refunded")
        evening.chronicle.count("late payers repaid")
        evening.chronicle.tell(f"{people[1]} paid too late for the group: the money goes back")


def pass_on(evening: Evening, deal: Deal, people: list[Person]) -> None:
    """Leave after paying, so that initiation passes on; leave before; come back."""
    first, second, third, fourth = people
    party = Party.opened(evening, deal, first, "pass on", hoped="formed", orders="refunded")
    if party is None or not party.sit(second) or not party.pay(first, second):
        return
    party.await_seats(2)
    party.leave(first)
    shown = second.program.group(party.id).body.get("members", [])
    heirs = [member["seat_no"] for member in shown if member["is_initiator"]]
    evening.chronicle.probe("initiation passes on", "[2]", heirs)
    if party.sit(third, hoped="closed"):
        party.leave(third)
    if party.sit(fourth) and party.sit(first) and party.pay(fourth, first):
        party.await_status("formed")
        party.enjoy()
        evening.chronicle.tell(f"{first} left, {second} became the initiator, {first} came back")


def be_helped(evening: Evening, deal: Deal, people: list[Person]) -> None:
    """Find nobody, and have the house fill the rest, openly, by the word of two operators."""
    party = Party.opened(evening, deal, people[0], "house", hoped="formed")
    if party is None or not party.pay(people[0]) or not party.await_seats(1):
        return
    if party.complete_by_house(missing=2) and party.await_status("formed"):
        party.enjoy()
        evening.chronicle.tell(f"{people[0]}'s group was completed by the house, and says so")


@dataclass(frozen=True, slots=True)
class Tale:
    """A story, which campaign of the evening it is about, and how many members play it."""

    play: Callable[[Evening, Deal, list[Person]], None]
    deal: str
    players: int


TALES: Final = (
    Tale(fail, deals.HOPELESS.name, 3),
    Tale(move_on, deals.HASTY.name, 4),
    Tale(be_repaid, deals.HASTY.name, 3),
    Tale(climb, deals.LADDER.name, 4),
    Tale(pass_on, deals.TRIO.name, 4),
    Tale(be_helped, deals.TRIO.name, 1),
    Tale(fill, deals.TRIO.name, 4),
    Tale(fail, deals.HOPELESS.name, 3),
    Tale(fill, deals.TRIO.name, 4),
    Tale(fill, deals.TRIO.name, 4),
)
PLAYERS: Final = sum(tale.players for tale in TALES) + sheets.PLAYERS


def play(evening: Evening, people: list[Person]) -> None:
    """Wait for the scheduler to open the campaigns, play every story, and see the doors close."""
    by_name = {deal.name: deal for deal in evening.deals}
    with ThreadPoolExecutor(STORIES_AT_ONCE, thread_name_prefix="group") as pool:
        left = list(people)
        players, left = left[: sheets.PLAYERS], left[sheets.PLAYERS :]
        jobs = [pool.submit(evening.tell_tale, sheets.write_down, players)]
        _knock_early(evening, by_name[deals.TRIO.name], left[0])
        for deal in evening.deals:
            opened = deals.await_status(evening, deal, "live")
            evening.chronicle.probe("campaigns open by themselves", "True", opened)
        for tale in TALES:
            players, left = left[: tale.players], left[tale.players :]
            jobs.append(pool.submit(evening.tell_tale, tale.play, players, by_name[tale.deal]))
        for job in jobs:
            job.result()
    for deal in evening.deals:
        closed = deals.await_status(evening, deal, "ended", "settled")
        evening.chronicle.probe("campaigns end by themselves", "True", closed)
        refused = people[-1].program.open_group(deal.campaign_id)
        evening.chronicle.probe("a campaign that is over takes nobody", "ended", refused.code)


def _knock_early(evening: Evening, deal: Deal, person: Person) -> None:
    seen = person.program.campaign(deal.campaign_id).body
    if datetime.fromisoformat(seen["starts_at"]) - datetime.now(UTC) > EARLY:
        refused = person.program.open_group(deal.campaign_id)
        evening.chronicle.probe("nobody gets in early", "not_started", refused.code)


def _lose_a_seat(
    evening: Evening, deal: Deal, people: list[Person], *, may_move: bool
) -> Party | None:
    """Let the second dawdle at the cashier until the third has the seat and the group forms."""
    party = Party.opened(evening, deal, people[0], "late", hoped="formed")
    if party is None:
        return None
    is_paid = party.pay(people[0])
    hoped = "fulfilled" if may_move else "refunded"
    if not is_paid or not party.sit(people[1], hoped=hoped, may_move=may_move):
        return None
    order = party.order_of(people[1])
    dawdle_over(evening, people[1], order)
    evening.wait_for(people[1], order, "closed")
    party.await_free(people[1])
    if not party.sit(people[2]) or not party.pay(people[2]):
        return None
    party.await_status("formed")
    return party
