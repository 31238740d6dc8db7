"""Campaigns, open to all."""

from uuid import UUID

from flask import Response

from kit.pages import BadCursor
from miniprogram_api.auth import open_to_all
from miniprogram_api.campaign_views import poll_after, view_campaigns
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.pages import answer_read
from miniprogram_api.ports import ports
from miniprogram_api.schemas.campaigns import CampaignPage, CampaignQuery, CampaignRead
from shop.campaigns import queries

blueprint = member_blueprint("campaigns", tag="Campaigns")


@blueprint.get("/campaigns")
@blueprint.input(CampaignQuery, location="query")
@blueprint.output(CampaignPage)
@blueprint.doc(summary="List campaigns, newest first")
@open_to_all
@refuses(BadCursor)
def list_all(query_data: CampaignQuery) -> Response:
    """One page of published campaigns."""
    now = ports().clock()
    status = query_data.status
    shown = queries.SHOWN if status is None else tuple({status} & set(queries.SHOWN))
    with ports().begin() as session:
        page = queries.list_campaigns(
            session,
            kind=query_data.kind,
            statuses=shown,
            cursor=query_data.cursor,
            limit=query_data.limit,
        )
        items = view_campaigns(session, page.items, now=now)
    waits = [wait for item in items if (wait := poll_after(item, now=now)) is not None]
    read = CampaignPage(
        items=items,
        next_cursor=page.next_cursor,
        server_time=now,
        poll_after_ms=min(waits, default=None),
    )
    return answer_read(read, is_personal=False)


@blueprint.get("/campaigns/<uuid:campaign_id>")
@blueprint.output(CampaignRead)
@blueprint.doc(summary="See a campaign")
@open_to_all
@refuses(queries.CampaignNotFound)
def see(campaign_id: UUID) -> Response:
    """One campaign, with what is left and whether buyers are taken."""
    now = ports().clock()
    with ports().begin() as session:
        campaign = queries.get_campaign(session, campaign_id)
        seen = view_campaigns(session, [campaign], now=now)[0]
    read = CampaignRead(**dict(seen), server_time=now, poll_after_ms=poll_after(seen, now=now))
    return answer_read(read, is_personal=False)
