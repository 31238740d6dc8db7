"""Who comes for the flash sale, and how each of them is: in a hurry, forgetful, greedy, patient."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

from demo.cast import Person
from demo.chronicle import Purchase

FEWEST: Final = 60  # so that everything is done by somebody
MOST: Final = 5000
MEMBERS_PER_UNIT: Final = 10
LIMIT: Final = 2  # units per member
CHALLENGED_PHONES: Final = 5  # sign-ins of one member, who looks like a program then

Kind = TypeVar("Kind", bound=StrEnum)


class Click(StrEnum):
    """How a member presses the button."""

    ONCE = "once"
    TWICE = "twice"  # at the same moment
    EARLY = "early"  # a second before the opening, and then again
    AGAIN = "again"  # once more, when it has been answered
    GREEDY = "greedy"  # for as many as are allowed, on top of what is theirs


class Purse(StrEnum):
    """What a member does with an order."""

    PAYS = "pays"
    FORGETS = "forgets"  # and never looked at the cashier
    DAWDLES = "dawdles"  # at the cashier, and never pays
    CANCELS = "cancels"


class Patience(StrEnum):
    """What a member does when everything is gone, and when a unit comes back."""

    NONE = "none"
    TAKES = "takes"
    LETS_GO = "lets_go"  # looks at the offer until its time is over
    LEAVES = "leaves"  # gives the offer up


CLICKS: Final = {Click.TWICE: 10, Click.EARLY: 3, Click.AGAIN: 8, Click.GREEDY: 4}
PURSES: Final = {Purse.FORGETS: 9, Purse.DAWDLES: 6, Purse.CANCELS: 5}
PATIENCE: Final = {Patience.TAKES: 5, Patience.LETS_GO: 1, Patience.LEAVES: 1}
WANT_TWO: Final = 0.2
SLOWEST_SECONDS: Final = 4.0


@dataclass(slots=True)
class Claimant:
    """A member who came for the sale."""

    person: Person
    click: Click
    purse: Purse
    patience: Patience
    wants: int
    phones: int  # on which they sign in
    delay: float  # seconds after the opening at which they press
    has_token: bool = True  # else they claim with their sign-in alone
    bearer: str = field(default="", repr=False)  # what a claim is sent with
    claims_url: str = ""
    orders: dict[str, Purchase] = field(default_factory=dict)  # by id
    wait: str = ""  # how they stood on the waitlist when they last looked


def assemble(people: list[Person], *, seed: int) -> list[Claimant]:
    """Give each of them a character; the same seed gives the same ones."""
    if len(people) < FEWEST:
        raise ValueError(f"at least {FEWEST} members are needed")
    draw = random.Random(f"{seed}/sale")  # noqa: S311 - a play, repeatable by its seed
    count = len(people)
    characters = zip(
        people,
        _deal_out(CLICKS, Click.ONCE, count, draw),
        _deal_out(PURSES, Purse.PAYS, count, draw),
        _deal_out(PATIENCE, Patience.NONE, count, draw),
        strict=True,
    )
    claimants = [
        Claimant(
            person=person,
            click=click,
            purse=purse,
            patience=patience,
            wants=LIMIT if person.draw.random() < WANT_TWO else 1,
            phones=1,
            # Few press at once, then more and more: the page has to tell them first.
            delay=SLOWEST_SECONDS * math.sqrt(person.draw.random()),
        )
        for person, click, purse, patience in characters
    ]
    for claimant in draw.sample(claimants, max(1, count // 200)):
        claimant.phones = CHALLENGED_PHONES
    for claimant in draw.sample(claimants, max(1, count // 50)):
        claimant.has_token = claimant.phones > 1  # who is challenged needs one
    return claimants


def units_for(members: int) -> int:
    """Return how many units there are for so many."""
    return members // MEMBERS_PER_UNIT


def _deal_out(
    shares: Mapping[Kind, int], rest: Kind, count: int, draw: random.Random
) -> list[Kind]:
    """Give every character to somebody, by its share of a hundred, and the rest to the others."""
    dealt = [kind for kind, share in shares.items() for _ in range(max(1, share * count // 100))]
    dealt += [rest] * (count - len(dealt))
    draw.shuffle(dealt)
    return dealt
