"""Pure rules of group-buy: terms that make sense, the price at a number of seats, who is next."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from group_buy.models import MOST_SEATS, Group, GroupStatus, GroupTerms
from kit.errors import Conflict, Malformed
from kit.money import Fen

MOST_RUNGS: Final = 5
LONGEST_LIFE: Final = timedelta(days=30)


class BadTerms(Malformed):
    """The seats, the ladder or a limit make no sense; `reason` says which."""

    code = "group_buy.bad_terms"
    title = "The terms of the group make no sense"
    message = "拼团设置有误"


class GroupFull(Conflict):
    """Every seat is taken."""

    code = "group_buy.full"
    title = "Every seat of the group is taken"
    message = "该团已满员"


class GroupOver(Conflict):
    """The group is formed, failed, or its time is over."""

    code = "group_buy.over"
    title = "The group takes nobody any more"
    message = "该团已结束"


class AlreadyIn(Conflict):
    """The member has as many seats in this group as one may have."""

    code = "group_buy.already_in"
    title = "You are in this group"
    message = "您已参加该团"


class TooManyGroups(Conflict):
    """The member takes part in as many groups of the campaign as one may."""

    code = "group_buy.too_many_groups"
    title = "You take part in as many groups as you may"
    message = "您参加的团数已达上限"


class NewMembersOnly(Conflict):
    """Only somebody who has never bought may join this group."""

    code = "group_buy.new_members_only"
    title = "Only new members may join this group"
    message = "该团仅限新会员参加"


@dataclass(frozen=True, slots=True)
class Rung:
    """From so many paid seats on, everybody pays this price, in fen."""

    seats: int
    price_fen: Fen


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsPlan:
    """What an operator decides about the groups of a campaign."""

    seats_required: int
    lasts: timedelta
    ladder: Sequence[Rung] = ()
    initiator_price_fen: Fen | None = None
    new_members_only: bool = False
    groups_per_member: int = 10
    seats_per_member: int = 1


def check_terms(plan: TermsPlan, *, deal_price_fen: Fen, items: int) -> None:
    """Raise `BadTerms` unless groups could work by this plan."""
    if not 2 <= plan.seats_required <= MOST_SEATS:
        raise BadTerms(reason=f"a group has 2 to {MOST_SEATS} seats")
    if not timedelta(seconds=1) <= plan.lasts <= LONGEST_LIFE:
        raise BadTerms(reason=f"a group lasts a second to {LONGEST_LIFE.days} days")
    if not 1 <= plan.groups_per_member <= 100:
        raise BadTerms(reason="a member takes part in 1 to 100 groups")
    if not 1 <= plan.seats_per_member <= 20:
        raise BadTerms(reason="a member has 1 to 20 seats in a group")
    if items > 1 and (plan.ladder or plan.initiator_price_fen is not None):
        raise BadTerms(reason="a ladder or an initiator price needs a campaign of one item")
    if plan.initiator_price_fen is not None and not 0 < plan.initiator_price_fen <= deal_price_fen:
        raise BadTerms(reason="the initiator price is above the deal price")
    _check_ladder(plan, deal_price_fen)


def ladder_of(terms: GroupTerms) -> list[Rung]:
    """Return the rungs of a price ladder, lowest number of seats first; none: no ladder."""
    rungs: list[Any] = terms.ladder["rungs"]
    return [Rung(int(seats), Fen(int(price))) for seats, price in rungs]


def price_at(rungs: Sequence[Rung], seats_paid: int, *, deal_price_fen: Fen) -> Fen:
    """Return what everybody pays in the end when `seats_paid` seats are paid."""
    reached = [rung.price_fen for rung in rungs if rung.seats <= seats_paid]
    return min(reached, default=deal_price_fen)


def entry_price(terms: GroupTerms, group_price_fen: Fen, *, is_initiator: bool) -> Fen:
    """Return what a member pays who takes a seat now."""
    if is_initiator and terms.initiator_price_fen is not None:
        return Fen(min(terms.initiator_price_fen, group_price_fen))
    return group_price_fen


def lowest_price(terms: GroupTerms, deal_price_fen: Fen) -> Fen:
    """Return the lowest price anybody may pay in the end."""
    prices = [deal_price_fen, *(rung.price_fen for rung in ladder_of(terms))]
    if terms.initiator_price_fen is not None:
        prices.append(terms.initiator_price_fen)
    return min(prices)


def takes_members(group: Group, *, now: datetime) -> bool:
    """Say whether somebody may still take a seat, if one is free."""
    if now >= group.ends_at or group.status is GroupStatus.FAILED:
        return False
    is_growing = group.seats_max > group.seats_required and group.house_seats == 0
    return group.status is GroupStatus.OPEN or is_growing


def first_free(taken: Sequence[int], *, seats_max: int) -> int:
    """Return the lowest seat number that nobody has; raises `GroupFull`."""
    numbers = set(taken)
    for number in range(1, seats_max + 1):
        if number not in numbers:
            return number
    raise GroupFull


def free_member_seat(mine: Collection[int]) -> int:
    """Return the number of a member's next seat in a group where they have those."""
    return next(number for number in range(1, len(mine) + 2) if number not in mine)


def _check_ladder(plan: TermsPlan, deal_price_fen: Fen) -> None:
    if not plan.ladder:
        return
    if len(plan.ladder) > MOST_RUNGS or len(plan.ladder) < 2:
        raise BadTerms(reason=f"a ladder has 2 to {MOST_RUNGS} rungs")
    if plan.ladder[0] != Rung(plan.seats_required, deal_price_fen):
        raise BadTerms(reason="the first rung is the seats required, at the deal price")
    if plan.ladder[-1].seats > MOST_SEATS:
        raise BadTerms(reason=f"a group has 2 to {MOST_SEATS} seats")
    for lower, higher in zip(plan.ladder, plan.ladder[1:], strict=False):
        if higher.seats <= lower.seats or not 0 < higher.price_fen < lower.price_fen:
            raise BadTerms(reason="each rung has more seats and a lower price")
