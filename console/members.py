"""Members: the list, finding one, and one member without anything that identifies the person."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from console import asked
from console.acting import acting
from console.door import make_room, may
from console.leader_reading import standing_of
from console.member_reading import find_members, read_person
from console.ports import now, ports
from kit.errors import DomainError
from kit.pages import Page
from shop.members import finding, queries, service
from shop.members.models import Member, MemberStatus
from shop.members.phones import PhoneMalformed
from shop.operators import queries as operators
from shop.operators.rules import Permission

PAGE: Final = 30
LONGEST_PHONE: Final = 40

blueprint = make_room("members")


@blueprint.get("/members")
@may(Permission.MEMBERS)
def list_all() -> Any:
    """Show members, newest first, or go to the one that the words name."""
    words, status = asked.words_of("q"), asked.choice_of(MemberStatus, "status")
    with ports().begin() as session:
        if not words:
            page = finding.list_members(session, status=status, cursor=asked.cursor(), limit=PAGE)
            return _page(page, status=status)
        found = find_members(session, words, asked.as_id(words))
    if len(found) == 1:
        return redirect(url_for("console_members.show", member_id=found[0].id), code=303)
    return _page(Page(found, None), words=words)


@blueprint.post("/members/find")
@may(Permission.MEMBERS)
def find() -> Response:
    """Look for a phone number or its last four digits.

    It is posted, so that no number stands in an address or a log; that somebody looked is written
    down, and for whom is not.
    """
    phone = request.form.get("phone", "").strip()[:LONGEST_PHONE]
    try:
        with acting("members.find", "member") as deed:
            found = finding.find_by_phone(deed.session, ports().phone_book, phone)
            deed.subject = str(found[0].id) if len(found) == 1 else ""
            deed.after = {"found": len(found)}
    except PhoneMalformed as refusal:
        return _page(Page([], None), phone=phone, refusal=refusal, code=422)
    if len(found) == 1:
        return redirect(url_for("console_members.show", member_id=found[0].id), code=303)
    return _page(Page(found, None), phone=phone)


@blueprint.get("/members/<uuid:member_id>")
@may(Permission.MEMBERS)
def show(member_id: UUID) -> str:
    """Show one member."""
    at = now()
    with ports().begin() as session:
        member = queries.get_member(session, member_id)
        return render_template(
            "console/member.html",
            member=member,
            standing=standing_of(member),
            person=read_person(session, ports().phone_book, member, now=at),
            deeds_rows=operators.list_actions(session, subject=str(member_id), limit=20).items,
            now=at,
        )


@blueprint.post("/members/<uuid:member_id>/sign-out")
@may(Permission.SIGN_OUT)
def sign_out(member_id: UUID) -> Any:
    """End every sign-in of a member, whose phone is lost for instance."""
    why = asked.reason()
    with acting("members.sign_out", "member", str(member_id)) as deed:
        deed.before = {"sign_ins": queries.count_sign_ins(deed.session, member_id, now=deed.now)}
        service.sign_out_everywhere(deed.session, member_id, now=deed.now)
        deed.after = {"sign_ins": 0, "why": why}
    return redirect(url_for("console_members.show", member_id=member_id), code=303)


def _page(
    page: Page[Member] | Page[Any],
    *,
    status: MemberStatus | None = None,
    words: str = "",
    phone: str = "",
    refusal: DomainError | None = None,
    code: int = 200,
) -> Response:
    members: Sequence[Member] = page.items
    text = render_template(
        "console/members.html",
        page=page,
        standings={one.id: standing_of(one) for one in members},
        status=status,
        statuses=MemberStatus,
        words=words,
        phone=phone,
        refusal=refusal,
    )
    return make_response(text, code)
