"""One group of the evening as its members make it: open, sit down, pay, leave, be completed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from demo import commands
from demo.cast import Person
from demo.chronicle import Deal, Gathering, Purchase
from demo.evening import Evening
from demo.platforms import CHANNEL_OF

CHANGE_SECONDS: Final = 60.0


@dataclass(slots=True)
class Party:
    """A group, and who has which order in it."""

    evening: Evening
    gathering: Gathering
    keeper: Person  # whose phone looks at it
    orders: dict[int, Purchase] = field(default_factory=dict)  # by the member's number
    paid: set[int] = field(default_factory=set)

    @classmethod
    def opened(
        cls,
        evening: Evening,
        deal: Deal,
        person: Person,
        story: str,
        *,
        hoped: str,
        orders: str = "fulfilled",
    ) -> "Party | None":
        """Open a group; None when it was refused, which nothing tonight gives a reason for."""
        answer = person.program.open_group(deal.campaign_id)
        evening.chronicle.probe("groups opened", "201", answer.status)
        if not answer.is_ok:
            return None
        group = answer.body["group"]
        gathering = Gathering(story, group["id"], frozenset({hoped}))
        evening.chronicle.add_gathering(gathering)
        party = cls(evening, gathering, person)
        party.orders[person.number] = evening.remember(person, answer, (orders,))
        gathering.purchases.append(party.orders[person.number])
        if party.orders[person.number].total_fen < group["price_fen"]:
            gathering.initiator_price_fen = party.orders[person.number].total_fen
        return party

    @property
    def id(self) -> str:
        """Return the group's id."""
        return self.gathering.group_id

    def order_of(self, person: Person) -> Purchase:
        """Return the member's newest order in the group."""
        return self.orders[person.number]

    def sit(self, person: Person, *, hoped: str = "fulfilled", may_move: bool = False) -> bool:
        """Take a seat that is free."""
        answer = person.program.join_group(self.id, may_move=may_move)
        self.evening.chronicle.probe("free seats are given", "201", answer.status)
        if not answer.is_ok:
            self.loosen()
            return False
        self.orders[person.number] = self.evening.remember(person, answer, (hoped,))
        self.gathering.purchases.append(self.orders[person.number])
        self.evening.chronicle.count("seats taken")
        return True

    def pay(self, *people: Person) -> bool:
        """Pay for the seats; False when somebody's time was over, on a slow evening."""
        for person in people:
            if not self.evening.pay(person, self.order_of(person)):
                self.loosen()
                return False
            self.paid.add(person.number)
        return True

    def pay_late(self, person: Person) -> bool:
        """Confirm at the cashier that is still open, for a seat that is lost."""
        order, params = self.order_of(person), person.mind.get("params")
        if params is None or not self.evening.confirm(order, CHANNEL_OF[person.platform], params):
            order.hoped |= {"closed"}
            return False
        return True

    def leave(self, person: Person) -> None:
        """Give the seat up."""
        answer = person.program.leave_group(self.id)
        self.evening.chronicle.probe("members may leave", "204", answer.status)
        self.evening.chronicle.count("seats given up")
        self.paid.discard(person.number)

    def take_over(self, person: Person, other: "Party") -> None:
        """Write down that a late payer of another group sits here now."""
        moved = other.orders.pop(person.number)
        other.gathering.purchases.remove(moved)
        self.orders[person.number] = moved
        self.gathering.purchases.append(moved)
        self.paid.add(person.number)

    def complete_by_house(self, *, missing: int) -> bool:
        """Have one operator ask for it and another approve; whoever asked cannot approve."""
        chronicle = self.evening.chronicle
        asked = commands.flask("groups", "complete", self.id, "--why", "感谢支持", "--by", "op-a")
        alone = commands.flask("groups", "approve", self.id, "--by", "op-a")
        chronicle.probe("nobody approves their own wish", "1", alone.code)
        approved = commands.flask("groups", "approve", self.id, "--by", "op-b")
        chronicle.probe("two operators complete a group", "0", asked.code or approved.code)
        if approved.code:
            self.loosen()
            return False
        self.gathering.house_seats = missing
        chronicle.count("groups completed by the house")
        return True

    def await_status(self, *statuses: str) -> bool:
        """Wait until the group has one of the statuses, or for a minute."""
        return self._await(lambda seen: seen.get("status") in statuses)

    def await_seats(self, count: int) -> bool:
        """Wait until so many seats are known to be paid, or for a minute."""
        return self._await(lambda seen: seen.get("seats_paid", 0) >= count)

    def await_free(self, person: Person) -> None:
        """Wait until the member's seat is free, a moment after their order has lapsed."""
        until = time.monotonic() + CHANGE_SECONDS
        while person.program.seats(self.id) and time.monotonic() < until:
            self.evening.rest()

    def enjoy(self) -> None:
        """Let everybody who paid look at their code."""
        people = {person.number: person for person in self.evening.people}
        for number in sorted(self.paid):
            person, order = people[number], self.orders[number]
            if self.evening.wait_for(person, order, "fulfilled"):
                self.evening.reveal(person, order)

    def loosen(self) -> None:
        """Expect no certain end any more: on a slow evening somebody ran out of time."""
        self.gathering.hoped |= {"formed", "failed"}
        for order in self.gathering.purchases:
            order.hoped |= {"fulfilled", "refunded", "closed"}
        self.evening.chronicle.count("groups that ran out of time")

    def _await(self, is_so: Callable[[dict[str, Any]], bool]) -> bool:
        until = time.monotonic() + CHANGE_SECONDS
        while time.monotonic() < until:
            if is_so(self.keeper.program.group(self.id).body):
                return True
            self.evening.rest()
        self.evening.chronicle.probe("groups do not hang", "True", False)
        return False
