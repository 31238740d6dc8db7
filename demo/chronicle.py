"""What happens tonight, as it happens: told to the terminal, and remembered for the checks."""

import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


@dataclass(slots=True)
class Purchase:
    """An order of tonight, how it is to end, and what was paid for it at the cashiers."""

    member: int
    part: str
    order_id: str
    order_no: str
    total_fen: int
    hoped: frozenset[str]  # statuses in which the order may end
    pay_by: str
    paid: dict[str, str] = field(default_factory=dict)  # out_trade_no → channel
    seen: dict[str, Any] | None = None  # the order as its member saw it last
    cards: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Gathering:
    """A group of tonight, how it is to end, and the orders of whoever had a seat in it."""

    story: str
    group_id: str
    hoped: frozenset[str]  # statuses in which the group may end
    purchases: list[Purchase] = field(default_factory=list)
    house_seats: int = 0
    initiator_price_fen: int | None = None
    seen: dict[str, Any] | None = None  # the group as everybody saw it last


@dataclass(slots=True)
class Reached:
    """A chat group of a leader: the invite in its message, and what came of it."""

    chat_group_id: str
    chat_id: str  # at WeCom
    code: str = ""
    bought: int = 0
    messages: int = 0  # that arrived in it


@dataclass(slots=True)
class Led:
    """What a leader brought about: whose orders, at which share, and their statement at the end."""

    member: int
    share: int  # of ten thousand
    purchases: list[Purchase] = field(default_factory=list)
    sums: dict[str, int] = field(default_factory=dict)
    entries: list[dict[str, Any]] = field(default_factory=list)
    withdrawals: list[dict[str, Any]] = field(default_factory=list)
    reached: list[Reached] = field(default_factory=list)
    funnels: dict[str, dict[str, Any]] = field(default_factory=dict)  # by chat group


@dataclass(slots=True)
class Deal:
    """A campaign of tonight: what was set aside for it, and how it stood in the end."""

    name: str
    campaign_id: str
    sku_id: str
    made: int
    seen: dict[str, Any] | None = None
    left: int = 0  # for sale again once it is settled


@dataclass(frozen=True, slots=True)
class Reveal:
    """A code somebody looked at; it is never written anywhere."""

    member: int
    card_id: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Probe:
    """Something that had to be answered in one of a few ways, and how it was."""

    name: str
    expected: tuple[str, ...]
    got: str

    @property
    def held(self) -> bool:
        """Say whether the answer was right."""
        return self.got in self.expected


class Chronicle:
    """The memory of the evening; any thread may write."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self._lock = threading.Lock()
        self.purchases: list[Purchase] = []
        self.gatherings: list[Gathering] = []
        self.led: list[Led] = []
        self.reveals: list[Reveal] = []
        self.probes: list[Probe] = []
        self.counts: Counter[str] = Counter()
        self.hiccups: Counter[str] = Counter()

    def tell(self, text: str) -> None:
        """Say a line of the story."""
        at = datetime.now(SHANGHAI)
        with self._lock:
            sys.stdout.write(f"{at:%H:%M:%S}  {text}\n")
            sys.stdout.flush()

    def count(self, what: str, by: int = 1) -> None:
        """Count something."""
        with self._lock:
            self.counts[what] += by

    def hiccup(self, what: str) -> None:
        """Count something that went wrong and was tried again."""
        with self._lock:
            self.hiccups[what] += 1

    def add_purchase(self, purchase: Purchase) -> None:
        """Remember an order."""
        with self._lock:
            self.purchases.append(purchase)
            self.counts["orders"] += 1

    def add_gathering(self, gathering: Gathering) -> None:
        """Remember a group."""
        with self._lock:
            self.gatherings.append(gathering)
            self.counts["groups opened"] += 1

    def add_led(self, led: Led) -> None:
        """Remember what a leader brought about."""
        with self._lock:
            self.led.append(led)

    def led_by(self, member: int) -> Led | None:
        """Return what the member brought about, None when they did not come so far."""
        with self._lock:
            return next((led for led in self.led if led.member == member), None)

    def add_reveal(self, reveal: Reveal) -> None:
        """Remember a look at a code."""
        with self._lock:
            self.reveals.append(reveal)
            self.counts["reveals"] += 1

    def probe(self, name: str, expected: str | tuple[str, ...], got: object) -> None:
        """Remember how something was answered that has just few right answers."""
        wanted = (expected,) if isinstance(expected, str) else expected
        with self._lock:
            self.probes.append(Probe(name, wanted, str(got)))
