"""Taking a seat: open a group or join one; the seat is held before anything is paid."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from group_buy import queries
from group_buy.models import Group, GroupStatus, GroupTerms, Seat, SeatStatus
from group_buy.rules import (
    AlreadyIn,
    GroupOver,
    NewMembersOnly,
    TooManyGroups,
    entry_price,
    first_free,
    free_member_seat,
    takes_members,
)
from group_buy.standing import Place, Standing, find_standing, lock_place
from kit.faultpoints import faultpoint
from kit.ids import new_id
from kit.money import Fen
from shop.campaigns import queries as campaigns
from shop.campaigns.models import Audience, Campaign, CampaignItem, CampaignKind, CampaignStatus
from shop.campaigns.rules import Ended, NotForYou, Paused, check_limit, check_open
from shop.catalog.models import SaleChannel
from shop.members import queries as members
from shop.orders import queries as orders_queries
from shop.orders import service as orders
from shop.orders.models import Order
from shop.orders.rules import Deal, LineWanted, SkuNotForSale


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Who takes a seat, through which channel, and whether a late payment may move them."""

    member_id: UUID
    sale_channel: SaleChannel
    may_move: bool = False


@dataclass(frozen=True, slots=True)
class Joined:
    """A seat that is held, its group, and the order that pays for it."""

    group: Group
    seat: Seat
    order: Order


def open_group(
    session: Session,
    campaign_id: UUID,
    buyer: Buyer,
    *,
    sku_id: UUID | None = None,
    now: datetime,
) -> Joined:
    """Open a group and take its first seat.

    `sku_id` chooses among several items. Raises `CampaignNotFound`, `NotStarted`, `Ended`,
    `Paused`, `NotForYou`, `TooManyGroups`, `CampaignLimitReached`, or what placing an order
    raises.
    """
    campaign = campaigns.get_campaign(session, campaign_id)
    if campaign.kind is not CampaignKind.GROUP_BUY:
        raise campaigns.CampaignNotFound
    check_open(campaign, now=now)
    item = _choose_item(session, campaign, sku_id)
    terms = queries.get_terms(session, campaign.id)
    # Two requests of one member at once would each count without the other.
    members.lock_member(session, buyer.member_id)
    group_id = new_id()
    standing = find_standing(
        session, campaign_id=campaign.id, group_id=group_id, member_id=buyer.member_id
    )
    _check_member(session, campaign, terms, buyer, standing, is_opening=True)
    ends_at = now + timedelta(seconds=terms.lasts_seconds)
    group = Group(
        id=group_id,
        campaign_id=campaign.id,
        item_id=item.id,
        sku_id=item.sku_id,
        status=GroupStatus.OPEN,
        initiator_id=buyer.member_id,
        seats_required=terms.seats_required,
        seats_max=terms.seats_max,
        price_fen=item.deal_price_fen,
        opened_at=now,
        ends_at=ends_at,
        due_at=ends_at,
    )
    session.add(group)
    session.flush()  # the seat names the group
    return _take_seat(session, Place(group, campaign, terms), buyer, standing, now=now)


def join_group(session: Session, group_id: UUID, buyer: Buyer, *, now: datetime) -> Joined:
    """Take a seat in a group, under its lock, so that no two take the same.

    Raises `GroupNotFound`, `GroupOver`, `GroupFull`, `AlreadyIn`, `Paused`, `NotForYou`,
    `NewMembersOnly`, `TooManyGroups`, `CampaignLimitReached`, or what placing an order raises.
    """
    # The member, too: two requests of one at once would each count without the other.
    place = lock_place(session, group_id, buyer.member_id)
    group, campaign, terms = place.group, place.campaign, place.terms
    if campaign.status is CampaignStatus.PAUSED:
        raise Paused(reason=campaign.pause_reason)
    if campaign.status not in (CampaignStatus.LIVE, CampaignStatus.ENDED):
        raise Ended
    if not takes_members(group, now=now):
        raise GroupOver(status=group.status.value)
    standing = find_standing(
        session, campaign_id=campaign.id, group_id=group.id, member_id=buyer.member_id
    )
    mine = [seat for seat in standing.taken if seat.member_id == buyer.member_id]
    if len(mine) >= terms.seats_per_member:
        raise AlreadyIn
    if not mine:
        _check_member(session, campaign, terms, buyer, standing, is_opening=False)
    return _take_seat(session, place, buyer, standing, now=now)


def _choose_item(session: Session, campaign: Campaign, sku_id: UUID | None) -> CampaignItem:
    items = campaigns.list_items(session, [campaign.id])[campaign.id]
    if sku_id is None:
        return items[0]
    for item in items:
        if item.sku_id == sku_id:
            return item
    raise SkuNotForSale(sku_id=str(sku_id))


def _check_member(
    session: Session,
    campaign: Campaign,
    terms: GroupTerms,
    buyer: Buyer,
    standing: Standing,
    *,
    is_opening: bool,
) -> None:
    is_new = True
    if campaign.audience is Audience.NEW_MEMBERS or terms.new_members_only:
        is_new = not orders_queries.has_paid_before(session, buyer.member_id)
    if campaign.audience is Audience.NEW_MEMBERS and not is_new:
        raise NotForYou
    if terms.new_members_only and not is_opening and not is_new:
        raise NewMembersOnly
    if standing.groups >= terms.groups_per_member:
        raise TooManyGroups(limit=terms.groups_per_member)


def _take_seat(
    session: Session, place: Place, buyer: Buyer, standing: Standing, *, now: datetime
) -> Joined:
    group, campaign, taken = place.group, place.campaign, standing.taken
    seat_no = first_free([seat.seat_no for seat in taken], seats_max=group.seats_max)
    check_limit(campaign, bought=standing.bought, wanted=1)
    price = entry_price(place.terms, group.price_fen, is_initiator=not taken)
    order = orders.place_order(
        session,
        member_id=buyer.member_id,
        sale_channel=buyer.sale_channel,
        wanted=[LineWanted(group.sku_id, 1)],
        # Nobody may be paying for a seat when the group's time is over.
        pay_within=min(timedelta(seconds=campaign.pay_within_seconds), group.ends_at - now),
        deal=_deal(campaign, group, price),
        is_member_locked=True,
        now=now,
    )
    faultpoint("group_buy.joining.after_order")
    seat = Seat(
        id=new_id(),
        group_id=group.id,
        seats_max=group.seats_max,
        seat_no=seat_no,
        member_id=buyer.member_id,
        member_seat=free_member_seat(
            [seat.member_seat for seat in taken if seat.member_id == buyer.member_id]
        ),
        order_id=order.id,
        status=SeatStatus.HELD,
        may_move=buyer.may_move,
        joined_at=now,
    )
    session.add(seat)
    session.flush()  # the constraints have the last word before the answer is made
    return Joined(group, seat, order)


def _deal(campaign: Campaign, group: Group, price: Fen) -> Deal:
    return Deal(
        campaign_id=campaign.id,
        name=campaign.name,
        prices={group.sku_id: price},
        allotments={group.sku_id: group.item_id},
        is_held=True,
    )
