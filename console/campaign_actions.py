"""What operators do to campaigns: publish, copy, pause, resume, cancel; stop all, lift the stop."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from console import asked, refusals
from console.acting import Deed, acting, earlier_place, keep_place, send_for_approval
from console.door import make_room, may, operator
from console.forms.moments import read_moment
from console.ports import instruments, ports
from console.versions import campaign_state, version_of
from kit.money import Fen
from shop.approvals.models import ApprovalKind
from shop.approvals.rules import PREPARED_BY, Wanted
from shop.campaigns import queries, service, stops
from shop.campaigns.models import Campaign
from shop.campaigns.rules import BadPlan, Window
from shop.campaigns.service import NeedsApproval
from shop.operators.rules import Permission

Act = Callable[[Session, Campaign, datetime], Any]

blueprint = make_room("campaign_actions")


@blueprint.post("/campaigns/<uuid:campaign_id>/pause")
@may(Permission.RUN)
def pause(campaign_id: UUID) -> Any:
    """Refuse buyers, who are told why."""
    why = request.form.get("why", "")[:200]
    return _change(
        campaign_id,
        "campaigns.pause",
        lambda session, campaign, at: service.pause_campaign(
            session, campaign, reason=why, actor=operator().name, now=at
        ),
    )


@blueprint.post("/campaigns/<uuid:campaign_id>/resume")
@may(Permission.RUN)
def resume(campaign_id: UUID) -> Any:
    """Take buyers again."""
    return _change(
        campaign_id,
        "campaigns.resume",
        lambda session, campaign, at: service.resume_campaign(
            session, campaign, actor=operator().name, now=at
        ),
    )


@blueprint.post("/campaigns/<uuid:campaign_id>/cancel")
@may(Permission.RUN)
def cancel(campaign_id: UUID) -> Any:
    """Call off what has not opened."""
    return _change(
        campaign_id,
        "campaigns.cancel",
        lambda session, campaign, at: service.cancel_campaign(
            session, campaign, actor=operator().name, now=at
        ),
    )


@blueprint.post("/campaigns/<uuid:campaign_id>/publish")
@may(Permission.PLAN)
def publish(campaign_id: UUID) -> Any:
    """Publish a draft, or ask for that where it sells below cost."""
    with _changing(campaign_id, "campaigns.publish") as (deed, campaign):
        place = publish_draft(deed, campaign, why=request.form.get("why", ""))
    return redirect(place, code=303)


@blueprint.post("/campaigns/<uuid:campaign_id>/copy")
@may(Permission.PLAN)
def copy(campaign_id: UUID) -> Response:
    """Draft the same for another time; it lasts and warms up as long."""
    starts_at = read_moment(request.form.get("starts_at", ""))
    if starts_at is None:
        raise BadPlan(reason="it needs a start")
    with acting("campaigns.copy", "campaign") as deed:
        earlier = earlier_place(deed)
        if earlier is not None:
            deed.subject, deed.after = str(campaign_id), {"repeated": True}
            return redirect(earlier, code=303)
        source = queries.lock_campaign(deed.session, campaign_id)
        copied = (
            instruments()
            .ways[source.kind]
            .copy(
                deed.session,
                source,
                window=_moved(source, starts_at),
                name=request.form.get("name", "").strip()[: service.MOST_NAME] or None,
                actor=operator().name,
                now=deed.now,
            )
        )
        deed.subject = str(copied.id)
        deed.after = {**campaign_state(copied), "copied_from": str(campaign_id)}
        place = url_for("console_campaigns.show", campaign_id=copied.id)
        keep_place(deed, place)
    return redirect(place, code=303)


@blueprint.post("/campaigns/stop-all")
@may(Permission.STOP_ALL)
def stop_all() -> Response:
    """Pause everything that sells, and whatever opens later."""
    why = request.form.get("why", "")[:200]
    with acting("campaigns.stop_all", "stop", "everything") as deed:
        count = stops.stop_all(deed.session, why=why, actor=operator().name, now=deed.now)
        deed.after = {"why": why, "paused": count}
    return redirect(url_for("console_campaigns.list_all"), code=303)


@blueprint.post("/campaigns/lift-stop")
@may(Permission.RUN)
def lift_stop() -> Response:
    """End the emergency stop that the operator saw; to sell again takes more than to stop."""
    seen = asked.as_id(request.form.get("stop_id", ""))
    if seen is None:
        raise stops.OtherStop
    with acting("campaigns.lift_stop", "stop", "everything") as deed:
        stop = queries.find_stop(deed.session)
        deed.before = {"why": stop.why, "stopped_by": stop.stopped_by} if stop else None
        count = stops.lift_stop(deed.session, seen=seen, actor=operator().name, now=deed.now)
        deed.after = {"resumed": count}
    return redirect(url_for("console_campaigns.list_all"), code=303)


def publish_draft(deed: Deed, campaign: Campaign, *, why: str) -> str:
    """Publish it, or ask a second person where it sells below cost; return where to look next.

    Whoever drafted it does not decide, whoever asks. Without a reason it raises `NeedsApproval`.
    """
    way, fee = instruments().ways[campaign.kind], ports().fee_basis_points
    try:
        way.schedule(
            deed.session, campaign, fee_basis_points=fee, actor=operator().name, now=deed.now
        )
    except NeedsApproval as needs:
        if not why.strip():
            raise
        wanted = Wanted(
            kind=ApprovalKind.PUBLISH,
            subject=str(campaign.id),
            arguments={PREPARED_BY: campaign.created_by},
            amount_fen=Fen(needs.details["worst_case_subsidy_fen"]),
            why=why,
        )
        return send_for_approval(deed, wanted)
    deed.after = _after(deed, campaign)
    return url_for("console_campaigns.show", campaign_id=campaign.id)


def _change(campaign_id: UUID, action: str, act: Act) -> Any:
    with _changing(campaign_id, action) as (deed, campaign):
        act(deed.session, campaign, deed.now)
        deed.after = _after(deed, campaign)
    return redirect(url_for("console_campaigns.show", campaign_id=campaign_id), code=303)


@contextmanager
def _changing(campaign_id: UUID, action: str) -> Iterator[tuple[Deed, Campaign]]:
    """Give the campaign that the operator saw, locked, or show that it is another by now."""
    with acting(action, "campaign", str(campaign_id)) as deed:
        campaign = queries.lock_campaign(deed.session, campaign_id)
        deed.before = campaign_state(campaign)
        if request.form.get("version") != version_of(deed.before):
            raise Stale(campaign_id, deed.before, _typed())
        yield deed, campaign


def pause_one(deed: Deed, campaign_id: UUID, why: str) -> None:
    """Refuse its buyers, whatever else has changed since it was listed."""
    campaign = queries.lock_campaign(deed.session, campaign_id)
    deed.before = campaign_state(campaign)
    service.pause_campaign(deed.session, campaign, reason=why, actor=deed.doer.name, now=deed.now)
    deed.after = _after(deed, campaign)


def resume_one(deed: Deed, campaign_id: UUID) -> None:
    """Take its buyers again."""
    campaign = queries.lock_campaign(deed.session, campaign_id)
    deed.before = campaign_state(campaign)
    service.resume_campaign(deed.session, campaign, actor=deed.doer.name, now=deed.now)
    deed.after = _after(deed, campaign)


class Stale(Exception):
    """Somebody changed the campaign after the form was shown."""

    def __init__(self, campaign_id: UUID, state: Mapping[str, Any], typed: dict[str, str]) -> None:
        """Keep how it stands now, and what was typed."""
        super().__init__()
        self.campaign_id = campaign_id
        self.state = state
        self.typed = typed


@blueprint.errorhandler(Stale)
def show_stale(stale: Stale) -> Response:
    """Show how it stands now; the same button acts on that."""
    return refusals.show_conflict(
        stale.typed,
        campaign_id=stale.campaign_id,
        seen=stale.state,
        version=version_of(stale.state),
    )


def _after(deed: Deed, campaign: Campaign) -> dict[str, Any]:
    deed.session.flush()  # the state after it is what is stored
    return campaign_state(campaign)


def _typed() -> dict[str, str]:
    hidden = refusals.SECRET_FIELDS | {"version"}
    return {name: value for name, value in request.form.items() if name not in hidden}


def _moved(source: Campaign, starts_at: datetime) -> Window:
    warms = source.starts_at - source.warms_at if source.warms_at else None
    return Window(
        starts_at,
        starts_at + (source.ends_at - source.starts_at),
        None if warms is None else starts_at - warms,
    )
