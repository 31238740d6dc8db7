"""Groups of a group-buy campaign: open one, see one, join, leave, nudge."""

from typing import Final, cast
from uuid import UUID

from flask import Response, current_app
from sqlalchemy.orm import Session

from group_buy import joining, leaving, nudging, queries
from group_buy.joining import Buyer, Joined
from group_buy.progress import ProgressBoard
from group_buy.rules import (
    AlreadyIn,
    GroupFull,
    GroupOver,
    NewMembersOnly,
    TooManyGroups,
)
from miniprogram_api import idempotency
from miniprogram_api.auth import caller, open_to_all
from miniprogram_api.client_channel import (
    UnknownClientChannel,
    client_channel,
    takes_client_channel,
)
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.group_views import poll_after, view_group, view_groups, view_seat
from miniprogram_api.order_views import view_order
from miniprogram_api.pages import answer_kept, answer_read, keep_read
from miniprogram_api.ports import ports
from miniprogram_api.schemas.groups import (
    GroupList,
    GroupRead,
    JoinedAnswer,
    OpenGroupIn,
    SeatIn,
    SeatList,
)
from shop.campaigns import queries as campaigns
from shop.campaigns.rules import CampaignLimitReached, Ended, NotForYou, NotStarted, Paused
from shop.cards.service import OutOfStock
from shop.orders.rules import LimitReached, SkuNotForSale

SHORT_BY: Final = 2
MOST_LISTED: Final = 20
LIST_POLL_MS: Final = 5000

blueprint = member_blueprint("groups", tag="Groups")

_ORDER_REFUSALS = (UnknownClientChannel, SkuNotForSale, LimitReached, OutOfStock)
_SEAT_REFUSALS = (Paused, Ended, NotForYou, TooManyGroups, CampaignLimitReached)


@blueprint.post("/campaigns/<uuid:campaign_id>/groups")
@blueprint.input(OpenGroupIn)
@blueprint.output(JoinedAnswer, status_code=201)
@blueprint.doc(summary="Open a group and take its first seat")
@idempotency.needs_key
@takes_client_channel
@refuses(campaigns.CampaignNotFound, NotStarted, *_SEAT_REFUSALS, *_ORDER_REFUSALS)
def open_one(campaign_id: UUID, json_data: OpenGroupIn) -> Response:
    """The seat is held while the order waits for its payment."""
    who, now = caller(), ports().clock()
    buyer = Buyer(
        member_id=who.member_id, sale_channel=client_channel(), may_move=json_data.may_move
    )
    with ports().begin() as session:
        earlier = idempotency.recall(session, member_id=who.member_id, body=json_data, now=now)
        if earlier is not None:
            return earlier
        joined = joining.open_group(session, campaign_id, buyer, sku_id=json_data.sku_id, now=now)
        answer = _answer(session, joined)
        return idempotency.remember(session, member_id=who.member_id, answer=answer, status=201)


@blueprint.get("/campaigns/<uuid:campaign_id>/groups")
@blueprint.output(GroupList)
@blueprint.doc(summary="List groups of a campaign that lack a seat or two")
@open_to_all
@refuses(campaigns.CampaignNotFound)
def list_nearly_full(campaign_id: UUID) -> Response:
    """The fewest missing first; only seats that are paid count."""
    now = ports().clock()
    with ports().begin() as session:
        campaigns.get_campaign(session, campaign_id)
        found = queries.list_nearly_full(
            session, campaign_id, missing=SHORT_BY, now=now, limit=MOST_LISTED
        )
        items = view_groups(session, found)
    return answer_read(
        GroupList(items=items, server_time=now, poll_after_ms=LIST_POLL_MS), is_personal=False
    )


@blueprint.get("/groups/<uuid:group_id>")
@blueprint.output(GroupRead)
@blueprint.doc(summary="See a group")
@open_to_all
@refuses(queries.GroupNotFound)
def see(group_id: UUID) -> Response:
    """What everybody may see of a group; a hot one is read without asking the database."""
    shown = _board().read(group_id, lambda: _show(group_id))
    return answer_kept(shown, server_time=ports().clock())


@blueprint.post("/groups/<uuid:group_id>/seats")
@blueprint.input(SeatIn)
@blueprint.output(JoinedAnswer, status_code=201)
@blueprint.doc(summary="Join a group")
@idempotency.needs_key
@takes_client_channel
@refuses(
    queries.GroupNotFound,
    GroupOver,
    GroupFull,
    AlreadyIn,
    NewMembersOnly,
    *_SEAT_REFUSALS,
    *_ORDER_REFUSALS,
)
def join(group_id: UUID, json_data: SeatIn) -> Response:
    """The seat is held while the order waits for its payment."""
    who, now = caller(), ports().clock()
    buyer = Buyer(
        member_id=who.member_id, sale_channel=client_channel(), may_move=json_data.may_move
    )
    with ports().begin() as session:
        earlier = idempotency.recall(session, member_id=who.member_id, body=json_data, now=now)
        if earlier is not None:
            return earlier
        joined = joining.join_group(session, group_id, buyer, now=now)
        answer = _answer(session, joined)
        response = idempotency.remember(session, member_id=who.member_id, answer=answer, status=201)
    _board().wipe(group_id)
    return response


@blueprint.get("/groups/<uuid:group_id>/seats/mine")
@blueprint.output(SeatList)
@blueprint.doc(summary="See my seats in a group")
@refuses(queries.GroupNotFound)
def see_mine(group_id: UUID) -> Response:
    """Empty when the member has none."""
    with ports().begin() as session:
        queries.get_group(session, group_id)
        seats = queries.list_own_seats(session, group_id, caller().member_id)
        items = [view_seat(seat) for seat in seats]
    return answer_read(SeatList(items=items, server_time=ports().clock(), poll_after_ms=None))


@blueprint.delete("/groups/<uuid:group_id>/seats/mine")
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Leave a group that has not formed")
@refuses(queries.GroupNotFound, queries.NotInGroup, GroupOver)
def leave(group_id: UUID) -> Response:
    """An unpaid order is cancelled, a paid one refunded."""
    with ports().begin() as session:
        leaving.leave_group(session, group_id, member_id=caller().member_id, now=ports().clock())
    _board().wipe(group_id)
    return Response(status=204)


@blueprint.post("/groups/<uuid:group_id>/nudge")
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Ask for the last members of a group")
@refuses(queries.GroupNotFound, queries.NotInGroup, GroupOver, nudging.NudgedAlready)
def nudge(group_id: UUID) -> Response:
    """Not more often than every ten minutes."""
    with ports().begin() as session:
        nudging.nudge_group(session, group_id, member_id=caller().member_id, now=ports().clock())
    return Response(status=204)


def _answer(session: Session, joined: Joined) -> JoinedAnswer:
    return JoinedAnswer(
        group=view_group(session, joined.group),
        seat=view_seat(joined.seat),
        order=view_order(session, joined.order),
    )


def _show(group_id: UUID) -> str:
    with ports().begin() as session:
        seen = view_group(session, queries.get_group(session, group_id))
    # The time is put in when it is answered.
    read = GroupRead(**dict(seen), server_time=ports().clock(), poll_after_ms=poll_after(seen))
    return keep_read(read)


def _board() -> ProgressBoard:
    return cast("ProgressBoard", current_app.extensions["progress"])
