"""Who comes tonight: members with a platform, a phone number and a part to play."""

import random
import string
from dataclasses import dataclass, field
from typing import Any, Final

from demo.mini_program import MiniProgram
from demo.platforms import ALIPAY, WECHAT

FEWEST_MEMBERS: Final = 25  # so that every part is played
_LETTERS: Final = string.ascii_letters + string.digits
_SURNAMES: Final = "林陈黄张李王吴刘蔡杨许郑谢郭洪邱曾廖赖周"
_NAMES: Final = "安宁小雨阿明一诺佳怡子轩思远欣然浩宇若曦"


@dataclass(frozen=True, slots=True)
class Part:
    """A way to spend the evening; `share` is how many of a hundred members do it."""

    name: str
    share: int
    on_both: bool = False  # has the mini-program on both platforms, joined by the phone number


PARTS: Final = (
    Part("buyer", 14),
    Part("basket", 10),
    Part("saver", 3),
    Part("double_clicker", 4),
    Part("switcher", 4, on_both=True),
    Part("double_payer", 6, on_both=True),
    Part("forgetful", 5),
    Part("late_payer", 6),
    Part("too_late_payer", 2),
    Part("last_buyer", 2),
    Part("last_minute", 4),
    Part("canceller", 5),
    Part("paid_after_cancelling", 3),
    Part("returner", 7),
    Part("part_returner", 5),
    Part("regretter", 3),
    Part("nosy", 3),
    Part("leaver", 2),
    Part("joiner", 2),
    Part("family", 2),
    Part("unheard", 2),
    Part("misheard", 4),
    Part("victim", 2),
)
# Beside the hundred, members who came to buy together.
NEIGHBOUR: Final = Part("neighbour", 0)
# A leader, and members who came by their invite.
LED: Final = Part("led", 0)
# And members who came for the flash sale alone.
CLAIMANT: Final = Part("claimant", 0)
EVERY_HUNDRED: Final = sum(part.share for part in PARTS)


@dataclass(slots=True)
class Person:
    """One member and what is on their phone."""

    number: int
    nickname: str
    part: Part
    platform: str  # where they feel at home
    open_ids: dict[str, str]
    union_id: str
    phone: str
    draw: random.Random = field(repr=False)
    programs: dict[str, MiniProgram] = field(default_factory=dict, repr=False)
    has_left: bool = False
    mind: dict[str, Any] = field(default_factory=dict, repr=False)  # from one scene to the next

    @property
    def program(self) -> MiniProgram:
        """Return the mini-program on the member's own platform."""
        return self.programs[self.platform]

    @property
    def other_platform(self) -> str:
        """Return the platform that is not theirs."""
        return ALIPAY if self.platform == WECHAT else WECHAT

    def __str__(self) -> str:
        """Name them as the story does."""
        return f"{self.nickname}#{self.number:03d}"


def cast(members: int, *, seed: int, tag: str) -> list[Person]:
    """Return the members of an evening; `tag` makes them others than those of another evening."""
    return [_person(number, part, seed, tag) for number, part in enumerate(_parts(members, seed))]


def neighbours(count: int, *, after: int, seed: int, tag: str) -> list[Person]:
    """Return members who buy together; their numbers go on from `after`."""
    return [_person(after + number, NEIGHBOUR, seed, tag) for number in range(count)]


def circle(count: int, *, after: int, seed: int, tag: str) -> list[Person]:
    """Return a leader and whom they bring; their numbers go on from `after`."""
    return [_person(after + number, LED, seed, tag) for number in range(count)]


def crowd(count: int, *, after: int, seed: int, tag: str) -> list[Person]:
    """Return members who come for the flash sale; their numbers go on from `after`."""
    return [_person(after + number, CLAIMANT, seed, tag) for number in range(count)]


def _parts(members: int, seed: int) -> list[Part]:
    """Give every part to somebody, and the rest by their shares."""
    if members < FEWEST_MEMBERS:
        raise ValueError(f"at least {FEWEST_MEMBERS} members are needed")
    counts = [max(1, part.share * members // EVERY_HUNDRED) for part in PARTS]
    counts[0] += members - sum(counts)
    while counts[0] < 1:  # few members: what is played twice is played less
        most = max(range(len(counts)), key=counts.__getitem__)
        counts[most] -= 1
        counts[0] += 1
    parts = [part for part, count in zip(PARTS, counts, strict=True) for _ in range(count)]
    random.Random(seed).shuffle(parts)  # noqa: S311 - a play, repeatable by its seed
    return parts


def _person(number: int, part: Part, seed: int, tag: str) -> Person:
    draw = random.Random(f"{seed}/{number}")  # noqa: S311 - as above
    wechat = f"o{tag}{number:04d}" + "".join(draw.choices(_LETTERS, k=23 - len(tag)))
    alipay = f"0{tag}{number:04d}" + "".join(draw.choices(_LETTERS, k=42 - len(tag)))
    return Person(
        number=number,
        nickname=draw.choice(_SURNAMES) + "".join(draw.choices(_NAMES, k=2)),
        part=part,
        platform=(WECHAT, ALIPAY)[number % 2],
        open_ids={WECHAT: wechat, ALIPAY: alipay},
        union_id=f"u{tag}{number:04d}",
        phone=f"1{3 + number % 7}{int(tag, 36) % 10**6:06d}{number % 1000:03d}",
        draw=draw,
    )
