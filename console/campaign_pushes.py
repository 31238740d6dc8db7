"""The pushes of one campaign: what is planned for which edge, and what came of it in each group."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from console import asked, refusals
from console import campaign_reading as reading
from console.acting import acting
from console.door import make_room, may, operator
from console.forms.push_plan import PushPlanForm, clock_of
from console.ports import now, ports
from kit.errors import DomainError
from shop.campaigns.models import Campaign
from shop.campaigns.queries import CampaignNotFound, list_items
from shop.campaigns.rules import OVER
from shop.chat_groups.models import ChatChannel
from shop.operators.rules import Permission
from shop.outreach import late_groups, planning, queries, watching
from shop.outreach.models import PushEdge, PushPlan, PushStatus, PushTemplate, WhenQuiet
from shop.outreach.planning import PlanKnown
from shop.outreach.push_texts import SAMPLE, facts_of, render_push
from shop.outreach.queries import TemplateNotFound
from shop.outreach.rules import BadPushPlan, clock_time
from shop.referral import funnels

PAGE = 30
MOST_TEMPLATES = 100

blueprint = make_room("campaign_pushes")


@blueprint.get("/campaigns/<uuid:campaign_id>/pushes")
@may(Permission.OUTREACH)
def show(campaign_id: UUID) -> Response:
    """Show plans and results."""
    return _page(campaign_id, PushPlanForm.empty(), 200)


@blueprint.post("/campaigns/<uuid:campaign_id>/pushes")
@may(Permission.PUSH)
def plan(campaign_id: UUID) -> Response:
    """Show what the text becomes, or plan all that is named or nothing."""
    form = PushPlanForm.read(request.form)
    wanted = form.plans()
    if form.errors:
        return _page(campaign_id, form, 422)
    if request.form.get("do", "check") == "check":
        return _page(campaign_id, form, 200, previews=True)
    try:
        with acting("pushes.plan", "campaign", str(campaign_id)) as deed:
            template = queries.get_template(deed.session, form.typed["template"])
            for each in wanted:
                planning.plan_edge(
                    deed.session,
                    campaign_id=campaign_id,
                    template=template,
                    actor=operator().name,
                    now=deed.now,
                    **each,
                )
            deed.after = {
                "edges": [each["edge"].value for each in wanted],
                "channels": sorted({each["channel"].value for each in wanted}),
                "template": template.name,
                "chat_groups": len(wanted[0]["only"] or []) or "all",
            }
    except (BadPushPlan, PlanKnown, TemplateNotFound) as refusal:
        return _page(campaign_id, form, refusals.status_of(refusal), refusal=refusal)
    return _back(campaign_id)


@blueprint.post("/campaigns/<uuid:campaign_id>/pushes/again")
@may(Permission.PUSH)
def plan_again(campaign_id: UUID) -> Response:
    """Plan for chat groups that came later, each once."""
    with acting("pushes.plan_again", "campaign", str(campaign_id)) as deed:
        count = late_groups.plan_again(deed.session, campaign_id, now=deed.now)
        deed.after = {"new_pushes": count}
    return _back(campaign_id)


def _back(campaign_id: UUID) -> Response:
    place = url_for("console_campaign_pushes.show", campaign_id=campaign_id)
    return redirect(place, code=303)


def _page(
    campaign_id: UUID,
    form: PushPlanForm,
    status: int,
    *,
    refusal: DomainError | None = None,
    previews: bool = False,
) -> Response:
    chosen = asked.choice_of(PushStatus, "status")
    with ports().begin() as session:
        campaign = reading.get_any(session, campaign_id)
        groups = watching.list_by_group(
            session, campaign_id, status=chosen, cursor=asked.cursor(), limit=PAGE
        )
        ids = [each.group.id for each in groups.items]
        plans = queries.list_plans(session, campaign_id)
        templates = watching.list_some_templates(session, limit=MOST_TEMPLATES).items
        page = render_template(
            "console/campaign_pushes.html",
            campaign=campaign,
            is_over=campaign.status in OVER,
            plans=[_view(plan, campaign) for plan in plans],
            names={one.id: one.name for one in _templates_of(session, plans)},
            templates=templates,
            counts=watching.count_by_plan(session, [plan.id for plan in plans]),
            edges=PushEdge,
            channels=ChatChannel,
            statuses=PushStatus,
            when_quiet=WhenQuiet,
            chosen=chosen,
            groups=groups,
            results=funnels.results_of_campaign(session, campaign_id, ids),
            form=form,
            refusal=refusal,
            previews=_preview(session, campaign, form) if previews else {},
            now=now(),
        )
    return make_response(page, status)


def _view(plan: PushPlan, campaign: Campaign) -> dict[str, Any]:
    """Return a plan with when the clock brings it and its quiet hours as a clock shows them."""
    is_quiet = plan.quiet_from_minute != plan.quiet_until_minute
    return {
        "row": plan,
        "at": clock_time(plan.edge, campaign, lead=timedelta(seconds=plan.lead_seconds)),
        "quiet": f"{clock_of(plan.quiet_from_minute)}–{clock_of(plan.quiet_until_minute)}"
        if is_quiet
        else "—",
    }


def _templates_of(session: Session, plans: Any) -> list[PushTemplate]:
    found = [session.get(PushTemplate, plan.template_id) for plan in plans]
    return [one for one in found if one is not None]


def _preview(session: Session, campaign: Campaign, form: PushPlanForm) -> dict[ChatChannel, str]:
    """Return what the chosen text becomes in each channel, of this campaign."""
    try:
        template = queries.get_template(session, form.typed["template"])
    except TemplateNotFound:
        return {}
    if not list_items(session, [campaign.id])[campaign.id]:
        raise CampaignNotFound
    facts = facts_of(session, campaign, link=SAMPLE.link)
    return {channel: render_push(template.text, facts, channel) for channel in ChatChannel}
