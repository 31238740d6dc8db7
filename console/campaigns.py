"""Campaigns: the list with its tabs, and one campaign with all there is to know of it."""

from uuid import UUID

from flask import render_template

from console import asked
from console import campaign_reading as reading
from console.campaign_reading import Choice
from console.door import make_room, may
from console.ports import instruments, now, ports
from console.versions import campaign_state, version_of
from group_buy import queries as group_buys
from shop.approvals import queries as approvals
from shop.approvals.models import ApprovalKind
from shop.campaigns import queries
from shop.campaigns.models import CampaignKind, CampaignStatus
from shop.operators import queries as operators
from shop.operators.rules import Permission

blueprint = make_room("campaigns")


@blueprint.get("/campaigns")
@may(Permission.CAMPAIGNS)
def list_all() -> str:
    """Show campaigns, newest first."""
    choice = Choice(
        asked.choice_of(CampaignStatus, "status"),
        asked.choice_of(CampaignKind, "kind"),
        asked.words_of("q"),
        asked.cursor(),
    )
    with ports().begin() as session:
        page = reading.list_chosen(session, choice)
        return render_template(
            "console/campaigns.html",
            page=page,
            wares=reading.list_wares(session, [campaign.id for campaign in page.items]),
            counts=reading.count_chosen(session, choice),
            choice=choice,
            statuses=CampaignStatus,
            kinds=CampaignKind,
            stop=queries.find_stop(session),
        )


@blueprint.get("/campaigns/<uuid:campaign_id>")
@may(Permission.CAMPAIGNS)
def show(campaign_id: UUID) -> str:
    """Show one campaign."""
    at = now()
    with ports().begin() as session:
        campaign = reading.get_any(session, campaign_id)
        is_draft = campaign.status is CampaignStatus.DRAFT
        forecast = None
        if is_draft:
            way = instruments().ways[campaign.kind]
            forecast = way.dry_run(
                session, campaign, fee_basis_points=ports().fee_basis_points, now=at
            )
        is_group_buy = campaign.kind is CampaignKind.GROUP_BUY
        return render_template(
            "console/campaign.html",
            campaign=campaign,
            version=version_of(campaign_state(campaign)),
            wares=reading.list_wares(session, [campaign.id])[campaign.id],
            terms=reading.terms_of(session, campaign),
            edges=reading.planned_edges(campaign),
            passed={edge.edge.value: edge for edge in queries.list_edges(session, campaign.id)},
            steps=reading.list_steps(session, campaign.id),
            clashes=reading.list_clashes(session, campaign),
            deeds_rows=operators.list_actions(session, subject=str(campaign.id), limit=20).items,
            forecast=forecast,
            groups=reading.list_recent_groups(session, campaign.id) if is_group_buy else [],
            group_counts=group_buys.count_by_status(session, campaign.id) if is_group_buy else {},
            stop=queries.find_stop(session),
            asked=approvals.find_waiting(session, ApprovalKind.PUBLISH, str(campaign.id)),
            now=at,
        )
