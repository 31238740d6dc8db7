"""Groups: the list, one group with its seats, and completion by the house, two persons deciding."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from console import asked, stale
from console import group_reading as reading
from console.acting import acting
from console.door import make_room, may, operator
from console.ports import now, ports
from console.versions import version_of
from console.words import label
from group_buy import completing, queries
from group_buy.models import Group, GroupStatus, HouseCompletion
from shop.operators import queries as operators
from shop.operators.rules import Permission

blueprint = make_room("groups")
stale.install(blueprint)


@blueprint.get("/groups")
@may(Permission.GROUPS)
def list_all() -> str:
    """Show groups, newest first, or those that end soonest."""
    choice = reading.GroupChoice(
        asked.choice_of(GroupStatus, "status"),
        asked.id_of("campaign"),
        request.args.get("soon") == "yes",
        asked.cursor(),
    )
    with ports().begin() as session:
        page = reading.list_groups(session, choice)
        campaigns = {one.campaign_id for one in page.items}
        if choice.campaign_id is not None:
            campaigns.add(choice.campaign_id)
        return render_template(
            "console/groups.html",
            page=page,
            choice=choice,
            statuses=GroupStatus,
            names=reading.name_campaigns(session, campaigns),
            completions=reading.find_completions(session, [one.id for one in page.items]),
            now=now(),
        )


@blueprint.get("/groups/<uuid:group_id>")
@may(Permission.GROUPS)
def show(group_id: UUID) -> str:
    """Show one group: seats, who pays until when, what happened, what goes back."""
    at = now()
    with ports().begin() as session:
        group = queries.get_group(session, group_id)
        seats = reading.list_seats(session, group_id)
        refunds = reading.find_refunds(session, [order for _seat, order in seats])
        completion = session.get(HouseCompletion, group_id)
        return render_template(
            "console/group.html",
            group=group,
            version=version_of(state_of(group, completion)),
            campaign=reading.name_campaigns(session, [group.campaign_id]).get(group.campaign_id),
            seats=seats,
            steps=reading.list_group_steps(session, group, seats),
            refunds=refunds,
            repaid=reading.sum_refunds(refunds),
            completion=completion,
            is_running=group.status is GroupStatus.OPEN and at < group.ends_at,
            deeds_rows=operators.list_actions(session, subject=str(group_id), limit=20).items,
            now=at,
        )


@blueprint.post("/groups/<uuid:group_id>/complete")
@may(Permission.COMPLETE)
def complete(group_id: UUID) -> Any:
    """Ask that the house fills the missing seats; nothing changes before a second person agrees."""
    why, at = asked.reason(), now()
    return _change(
        group_id,
        "groups.complete",
        lambda session: completing.ask_for_completion(
            session, group_id, why=why, actor=operator().name, now=at
        ),
        why=why,
    )


@blueprint.post("/groups/<uuid:group_id>/approve")
@may(Permission.COMPLETE)
def approve(group_id: UUID) -> Any:
    """Form the group with seats of the house, as the second person."""
    at = now()
    return _change(
        group_id,
        "groups.approve",
        lambda session: completing.approve_completion(
            session, group_id, actor=operator().name, now=at
        ),
    )


def state_of(group: Group, completion: HouseCompletion | None) -> dict[str, Any]:
    """Return what the audit log and forms know of a group; who joins meanwhile does not count."""
    return {
        "status": group.status.value,
        "house_seats": group.house_seats,
        "asked_by": completion.asked_by if completion else None,
        "approved_by": completion.approved_by if completion else None,
    }


def _change(group_id: UUID, action: str, act: Callable[[Session], Any], **more: str) -> Any:
    place = url_for("console_groups.show", group_id=group_id)
    with acting(action, "group", str(group_id)) as deed:
        group = queries.lock_group(deed.session, group_id)
        deed.before = state_of(group, deed.session.get(HouseCompletion, group_id))
        stale.check_seen(place, deed.before, _shown(group))
        act(deed.session)
        deed.session.flush()  # the state after it is what is stored
        deed.after = {
            **state_of(group, deed.session.get(HouseCompletion, group_id)),
            **more,
        }
    return redirect(place, code=303)


def _shown(group: Group) -> Mapping[str, str]:
    return {
        _("团号"): str(group.id)[-6:],
        _("状态"): label("group", group.status),
        _("已付席位"): f"{group.seats_paid} / {group.seats_required}",
    }
