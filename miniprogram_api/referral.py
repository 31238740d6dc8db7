"""Inviting and being invited, and what a leader earns by it."""

from typing import Final

from flask import Response

from kit.pages import BadCursor
from miniprogram_api.auth import caller
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.pages import answer_read
from miniprogram_api.ports import ports
from miniprogram_api.schemas.answers import PageQuery
from miniprogram_api.schemas.referral import (
    EarningsPage,
    EntryOut,
    FunnelOut,
    InviteAnswer,
    InviteIn,
    InviteOut,
    LeaderRead,
    PreviewOut,
    RankOut,
    SumsOut,
)
from shop.campaigns.queries import CampaignNotFound
from shop.chat_groups.queries import ChatGroupNotFound
from shop.members.leaders import LeaderAlready, apply_as_leader
from shop.members.queries import MemberNotActive
from shop.posters import service as posters
from shop.referral import funnels, queries, ranking, service
from shop.referral.models import CommissionEntry, Earnings

FUNNEL: Final = tuple(FunnelOut.model_fields)
AMOUNTS: Final = ("paid_fen", "refunded_fen")
RANK: Final = tuple(RankOut.model_fields)

blueprint = member_blueprint("referral", tag="Referral")


@blueprint.post("/invites")
@blueprint.input(InviteIn)
@blueprint.output(InviteAnswer, status_code=201)
@blueprint.doc(summary="Get my invite")
@refuses(CampaignNotFound, ChatGroupNotFound, MemberNotActive)
def invite(json_data: InviteIn) -> InviteAnswer:
    """The same code each time, for the same campaign and chat group."""
    who, now = caller(), ports().clock()
    with ports().begin() as session:
        given = service.give_invite(
            session,
            who.member_id,
            campaign_id=json_data.campaign_id,
            chat_group_id=json_data.chat_group_id,
            now=now,
        )
        posters.want_codes(session, given.id, now=now)
        previews = funnels.preview(session, who.member, given.campaign_id, now=now)
        return InviteAnswer(
            invite=InviteOut(
                code=given.code,
                share_path=f"/s/{given.code}",
                poster_path=f"/s/{given.code}/poster.png",
                campaign_id=given.campaign_id,
                chat_group_id=given.chat_group_id,
                views=given.views,
                created_at=given.created_at,
                previews=[
                    PreviewOut(sku_id=each.sku_id, unit_fen=each.unit_fen) for each in previews
                ],
            )
        )


@blueprint.post("/invites/<invite_code>/open")
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Come by somebody's invite")
@refuses(queries.InviteNotFound, MemberNotActive)
def open_one(invite_code: str) -> Response:
    """For a while my orders are owed to whoever gave it; my own invite changes nothing."""
    with ports().begin() as session:
        service.open_invite(session, invite_code, member_id=caller().member_id, now=ports().clock())
    return Response(status=204)


@blueprint.get("/leader")
@blueprint.output(LeaderRead)
@blueprint.doc(summary="See what came of my invites")
def see_standing() -> Response:
    """Per campaign: looks, members, paid orders, and what went back; and my sums."""
    member = caller().member
    is_leader = member.leader_since is not None
    with ports().begin() as session:
        sums = view_sums(queries.find_earnings(session, member.id))
        rows = funnels.list_funnels(session, member.id)
        by_chat_group = funnels.list_chat_group_funnels(session, member.id)
        ranks = ranking.list_ranks(session, member.id)
    read = LeaderRead(
        is_leader=is_leader,
        leader_since=member.leader_since,
        applied_at=member.leader_applied_at,
        declined_why=member.leader_declined_why,
        sums=sums,
        funnels=[view_funnel(row, has_amounts=is_leader) for row in rows],
        chat_group_funnels=[view_funnel(row, has_amounts=is_leader) for row in by_chat_group],
        ranks=[RankOut(**{name: getattr(rank, name) for name in RANK}) for rank in ranks],
        server_time=ports().clock(),
        poll_after_ms=None,
    )
    return answer_read(read)


@blueprint.post("/leader/application")
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Apply to become a leader")
@refuses(LeaderAlready, MemberNotActive)
def apply() -> Response:
    """An operator answers; again while I wait it changes nothing."""
    with ports().begin() as session:
        apply_as_leader(session, caller().member_id, now=ports().clock())
    return Response(status=204)


@blueprint.get("/earnings")
@blueprint.input(PageQuery, location="query")
@blueprint.output(EarningsPage)
@blueprint.doc(summary="See my statement, newest first")
@refuses(BadCursor)
def list_earnings(query_data: PageQuery) -> Response:
    """Empty for whoever never earned anything."""
    who = caller().member_id
    with ports().begin() as session:
        sums = view_sums(queries.find_earnings(session, who))
        page = queries.list_entries(session, who, cursor=query_data.cursor, limit=query_data.limit)
    read = EarningsPage(
        sums=sums,
        items=[view_entry(entry) for entry in page.items],
        next_cursor=page.next_cursor,
        server_time=ports().clock(),
        poll_after_ms=None,
    )
    return answer_read(read)


def view_funnel(row: funnels.Funnel, *, has_amounts: bool) -> FunnelOut:
    """Return a funnel, field by field; what few orders cost tells who bought them."""
    hidden = () if has_amounts else AMOUNTS
    return FunnelOut(**{name: None if name in hidden else getattr(row, name) for name in FUNNEL})


def view_sums(earnings: Earnings) -> SumsOut:
    """Return the five sums."""
    return SumsOut(
        pending_fen=earnings.pending_fen,
        payable_fen=earnings.payable_fen,
        withdrawing_fen=earnings.withdrawing_fen,
        paid_fen=earnings.paid_fen,
        debt_fen=earnings.debt_fen,
    )


def view_entry(entry: CommissionEntry) -> EntryOut:
    """Return a line of the statement; who bought is none of it."""
    return EntryOut(
        id=entry.id,
        kind=entry.kind,
        commission_id=entry.commission_id,
        withdrawal_id=entry.withdrawal_id,
        pending_fen=entry.pending_fen,
        payable_fen=entry.payable_fen,
        withdrawing_fen=entry.withdrawing_fen,
        paid_fen=entry.paid_fen,
        debt_fen=entry.debt_fen,
        at=entry.at,
    )
