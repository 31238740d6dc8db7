"""The acts of the evening, from the first sign-in to the last refund, and who plays in each."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from demo.cast import Person
from demo.chronicle import Chronicle, Deal, Purchase, Reveal
from demo.mini_program import MiniProgram
from demo.platforms import CHANNEL_OF, Platforms
from demo.sale_record import SaleRecord
from demo.wire import Answer, Wire

AT_ONCE: Final = 8
CHANGE_SECONDS: Final = 120.0
PAUSE_SECONDS: Final = 0.3

Scene = Callable[["Evening", Person], None]
Tale = Callable[..., None]  # of the evening, what it is about, and the people


@dataclass(slots=True)
class Evening:
    """The stage: the shop, the platforms, the people, and what is for sale."""

    shop: Wire
    platforms: Platforms
    people: Sequence[Person]
    chronicle: Chronicle
    special_sku: str  # plenty of it, sold tonight only
    rare_sku: str  # as many as there are members who come too late for it
    offers: list[dict[str, Any]] = field(default_factory=list)
    deals: Sequence[Deal] = ()  # campaigns that open and end tonight
    sale: SaleRecord | None = None  # the flash sale, once it is planned

    def play(self, scenes: dict[str, Scene]) -> None:
        """Let everybody who has a scene in this act play it, a few at a time."""
        players = [person for person in self.people if person.part.name in scenes]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="member") as pool:
            for _ in pool.map(lambda person: self._play(scenes[person.part.name], person), players):
                pass

    def phone(self, platform: str) -> MiniProgram:
        """Return a mini-program on which nobody is signed in yet."""
        return MiniProgram(self.shop, platform, self._note_trouble)

    def buy(
        self,
        person: Person,
        lines: list[dict[str, Any]],
        *,
        hoped: Sequence[str] = ("fulfilled",),
        program: MiniProgram | None = None,
        key: str | None = None,
    ) -> Purchase | None:
        """Place an order and remember how it is to end; None when it was refused."""
        answer = (program or person.program).place(lines, key=key)
        if not answer.is_ok:
            self.chronicle.count("orders refused")
            self.chronicle.probe(
                "orders refused by rule",
                ("orders.limit_reached", "cards.out_of_stock"),
                answer.code or answer.status,
            )
            return None
        return self.remember(person, answer, hoped)

    def remember(self, person: Person, answer: Answer, hoped: Sequence[str]) -> Purchase:
        """Write an order of tonight down."""
        order = answer.body["order"]
        purchase = Purchase(
            member=person.number,
            part=person.part.name,
            order_id=order["id"],
            order_no=order["order_no"],
            total_fen=order["total_fen"],
            hoped=frozenset(hoped),
            pay_by=order["pay_by"],
        )
        self.chronicle.add_purchase(purchase)
        return purchase

    def go_to_cashier(
        self, person: Person, purchase: Purchase, channel: str | None = None
    ) -> dict[str, str] | None:
        """Open a trade; None when the time to pay is over already."""
        channel = channel or CHANNEL_OF[person.platform]
        answer = person.program.pay(purchase.order_id, channel)
        if answer.is_ok:
            params: dict[str, str] = answer.body["params"]
            return params
        self.chronicle.probe("trades not opened", "orders.not_payable", answer.code)
        purchase.hoped |= {"closed"}  # a slow evening: they ran out of time
        self.chronicle.count("ran out of time")
        return None

    def confirm(self, purchase: Purchase, channel: str, params: dict[str, str]) -> bool:
        """Pay at the cashier; False when the platform says that it is too late."""
        answer = self.platforms.pay(channel, params)
        if answer.is_ok:
            purchase.paid[answer.body["out_trade_no"]] = channel
            self.chronicle.count("payments")
        return answer.is_ok

    def pay(self, person: Person, purchase: Purchase, channel: str | None = None) -> bool:
        """Go to the cashier and pay."""
        channel = channel or CHANNEL_OF[person.platform]
        params = self.go_to_cashier(person, purchase, channel)
        if params is None:
            return False
        is_paid = self.confirm(purchase, channel, params)
        if not is_paid:
            purchase.hoped |= {"closed"}
        return is_paid

    def wait_for(self, person: Person, purchase: Purchase, *statuses: str) -> bool:
        """Wait until the order has one of the statuses, or for a minute."""
        until = time.monotonic() + CHANGE_SECONDS
        while time.monotonic() < until:
            answer = person.program.order(purchase.order_id, wait=5)
            if answer.body.get("status") in statuses:
                return True
            time.sleep(0.2)
        return False

    def reveal(self, person: Person, purchase: Purchase, *, most: int = 100) -> None:
        """Look at the codes of an order."""
        for card in person.program.cards(purchase.order_id)[:most]:
            answer = person.program.reveal(card["id"])
            if answer.is_ok:
                self.chronicle.add_reveal(Reveal(person.number, card["id"], answer.body["code"]))
            self.chronicle.probe("own cards open", "200", answer.status)

    def some_sku(self, person: Person) -> str:
        """Choose something of the catalogue."""
        return str(person.draw.choice(self.offers)["id"]) if self.offers else self.special_sku

    def rest(self) -> None:
        """Let a moment pass before looking again."""
        time.sleep(PAUSE_SECONDS)

    def tell_tale(self, tale: Tale, people: Sequence[Person], *more: Any) -> None:
        """Let several people play a story together."""
        self._tell(people[0], lambda: tale(self, *more, people))

    def _play(self, scene: Scene, person: Person) -> None:
        self._tell(person, lambda: scene(self, person))

    def _tell(self, person: Person, story: Callable[[], None]) -> None:
        try:
            story()
        except Exception as failure:  # the evening goes on
            self.chronicle.tell(f"{person} cannot go on: {type(failure).__name__}: {failure}")
            self.chronicle.probe("stories told to their end", "yes", type(failure).__name__)

    def _note_trouble(self, what: str, answer: Answer) -> None:
        self.chronicle.hiccup(answer.code or f"HTTP {answer.status}")
