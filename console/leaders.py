"""Leaders: applications, one leader with all that came of them, and their statement to the fen."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from console import asked, stale
from console import leader_reading as reading
from console.acting import acting
from console.door import make_room, may
from console.ports import now, ports
from console.versions import version_of
from console.words import label
from shop.chat_groups import queries as chat_groups
from shop.members import finding
from shop.members import leaders as service
from shop.members import queries as members
from shop.members.models import Member
from shop.operators import queries as operators
from shop.operators.rules import Permission
from shop.referral import funnels, queries, signs
from shop.withdrawals import queries as withdrawals

PAGE: Final = 30
MOST_FUNNELS: Final = 20

Act = Callable[[Session], Member]

blueprint = make_room("leaders")
stale.install(blueprint)


class Tab(StrEnum):
    """The lists of leaders."""

    LEADERS = "leaders"
    APPLICANTS = "applicants"


@blueprint.get("/leaders")
@may(Permission.LEADERS)
def list_all() -> str:
    """Show leaders with their sums, or who wants to be one."""
    tab = asked.choice_of(Tab, "tab") or Tab.LEADERS
    read = finding.list_applicants if tab is Tab.APPLICANTS else finding.list_leaders
    with ports().begin() as session:
        page = read(session, cursor=asked.cursor(), limit=PAGE)
        return render_template(
            "console/leaders.html",
            page=page,
            tab=tab,
            earnings=reading.find_earnings(session, [one.id for one in page.items]),
            versions={one.id: version_of(reading.leader_state(one)) for one in page.items},
        )


@blueprint.get("/leaders/<uuid:member_id>")
@may(Permission.LEADERS)
def show(member_id: UUID) -> str:
    """Show one leader, or somebody who may become one."""
    at = now()
    with ports().begin() as session:
        member = members.get_member(session, member_id)
        earnings = queries.find_earnings(session, member_id)
        return render_template(
            "console/leader.html",
            member=member,
            standing=reading.standing_of(member),
            version=version_of(reading.leader_state(member)),
            earnings=earnings,
            summary=reading.summarise(session, earnings),
            rules=reading.list_rules_of(session, member_id),
            general_rules=reading.count_general_rules(session, now=at),
            chat_groups=chat_groups.list_of_leader(session, member_id)[:MOST_FUNNELS],
            by_chat_group=funnels.list_chat_group_funnels(session, member_id)[:MOST_FUNNELS],
            by_campaign=funnels.list_funnels(session, member_id)[:MOST_FUNNELS],
            refused=signs.count_refused(session, member_id),
            related=signs.list_related(session, member_id),
            withdrawals=withdrawals.list_own(session, member_id, limit=10).items,
            deeds_rows=operators.list_actions(session, subject=str(member_id), limit=20).items,
            now=at,
        )


@blueprint.get("/leaders/<uuid:member_id>/statement")
@may(Permission.LEADERS)
def show_statement(member_id: UUID) -> str:
    """Show every entry of a leader's statement, and that they add up to the fen."""
    with ports().begin() as session:
        member = members.get_member(session, member_id)
        earnings = queries.find_earnings(session, member_id)
        page = queries.list_entries(session, member_id, cursor=asked.cursor(), limit=PAGE)
        return render_template(
            "console/statement.html",
            member=member,
            earnings=earnings,
            summary=reading.summarise(session, earnings),
            sums=reading.SUMS,
            page=page,
            causes=reading.find_causes(session, page.items),
        )


@blueprint.post("/leaders/<uuid:member_id>/approve")
@may(Permission.APPOINT)
def approve(member_id: UUID) -> Any:
    """Make a member a leader."""
    at = now()
    return _change(
        member_id,
        "leaders.approve",
        lambda session: service.approve_leader(session, member_id, now=at),
    )


@blueprint.post("/leaders/<uuid:member_id>/decline")
@may(Permission.APPOINT)
def decline(member_id: UUID) -> Any:
    """Answer an application with no; the member reads why."""
    why = asked.reason()
    return _change(
        member_id,
        "leaders.decline",
        lambda session: service.decline_leader(session, member_id, why=why),
        why=why,
    )


@blueprint.post("/leaders/<uuid:member_id>/stop")
@may(Permission.APPOINT)
def stop(member_id: UUID) -> Any:
    """Let a leader open nothing new; what they earned stays theirs."""
    why = asked.reason()
    return _change(
        member_id,
        "leaders.stop",
        lambda session: service.revoke_leader(session, member_id),
        why=why,
    )


def _change(member_id: UUID, action: str, act: Act, **more: str) -> Any:
    place = url_for("console_leaders.show", member_id=member_id)
    with acting(action, "member", str(member_id)) as deed:
        member = members.lock_member(deed.session, member_id)
        state = reading.leader_state(member)
        stale.check_seen(place, state, _shown(member))
        deed.before = {"leader": state["leader"]}
        deed.after = {"leader": reading.standing_of(act(deed.session)), **more}
    is_listed = request.form.get("back") == Tab.APPLICANTS
    applicants = url_for("console_leaders.list_all", tab=Tab.APPLICANTS.value)
    return redirect(applicants if is_listed else place, code=303)


def _shown(member: Member) -> Mapping[str, str]:
    return {
        _("会员"): str(member.id)[-finding.NUMBER :],
        _("状态"): label("leader", reading.standing_of(member)),
    }
