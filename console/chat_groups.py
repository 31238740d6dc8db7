"""Chat groups: whom each belongs to, how much of its quota is used, its robot, pauses, results."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from console import asked, refusals
from console.acting import acting, earlier_place, keep_place
from console.door import make_room, may, operator
from console.forms.chat_group import ChatGroupForm
from console.ports import now, ports
from console.versions import chat_group_state, version_of
from kit.errors import Conflict, DomainError, NotFound
from shop.chat_groups import queries, service
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.chat_groups.queries import Standing
from shop.chat_groups.rules import BadChatGroup
from shop.operators import queries as operators
from shop.operators.rules import Permission
from shop.outreach import watching
from shop.referral import funnels

PAGE = 30

blueprint = make_room("chat_groups")


@blueprint.get("/chat-groups")
@may(Permission.OUTREACH)
def list_all() -> str:
    """Show chat groups, newest first."""
    at = now()
    choice = _choice()
    with ports().begin() as session:
        page = queries.list_some(session, **choice, cursor=asked.cursor(), limit=PAGE, now=at)
    return render_template(
        "console/chat_groups.html",
        page=page,
        choice=choice,
        standings=Standing,
        channels=ChatChannel,
        standing_of=lambda group: queries.standing_of(group, now=at),
        used_of=lambda group: queries.used_today(group, now=at),
    )


@blueprint.get("/chat-groups/new")
@may(Permission.CHAT_GROUPS)
def show_new() -> Response:
    """Show an empty form, with what is usual filled in."""
    form = ChatGroupForm.empty()
    form.typed["leader_id"] = asked.words_of("leader")
    return _new_page(form, 200)


@blueprint.post("/chat-groups/new")
@may(Permission.CHAT_GROUPS)
def add() -> Response:
    """Write one down; whatever is refused is shown with all that was typed but the key."""
    form = ChatGroupForm.read(request.form)
    given = form.new()
    if form.errors:
        return _new_page(form, 422)
    try:
        with acting("chat_groups.add", "chat_group") as deed:
            earlier = earlier_place(deed, but="robot_key")
            if earlier is not None:
                deed.subject, deed.after = earlier.rsplit("/", 1)[-1], {"repeated": True}
                return redirect(earlier, code=303)
            made = service.add_chat_group(
                deed.session,
                ports().robot_keys,
                **given,
                actor=operator().name,
                now=deed.now,
            )
            deed.subject, deed.after = str(made.id), chat_group_state(made)
            place = url_for("console_chat_groups.show", chat_group_id=made.id)
            keep_place(deed, place)
    except (BadChatGroup, Conflict, NotFound) as refusal:
        return _new_page(form, refusals.status_of(refusal), refusal=refusal)
    return redirect(place, code=303)


@blueprint.get("/chat-groups/<uuid:chat_group_id>")
@may(Permission.OUTREACH)
def show(chat_group_id: UUID) -> Response:
    """Show one chat group."""
    with ports().begin() as session:
        return _page(session, queries.get_chat_group(session, chat_group_id), 200)


@blueprint.post("/chat-groups/<uuid:chat_group_id>/change")
@may(Permission.CHAT_GROUPS)
def change(chat_group_id: UUID) -> Any:
    """Change name, quota, owner and opengid."""
    form = ChatGroupForm.read(request.form)
    try:
        with acting("chat_groups.change", "chat_group", str(chat_group_id)) as deed:
            found = _seen(deed.session, chat_group_id, form)
            deed.before = chat_group_state(found)
            given = form.changes(found.channel)
            if form.errors:
                raise BadChatGroup(reason="the form")
            service.change_chat_group(deed.session, found, **given)
            deed.after = chat_group_state(found)
    except (BadChatGroup, service.ChatGroupKnown) as refusal:
        return _again(chat_group_id, form, refusal)
    return _back(chat_group_id)


@blueprint.post("/chat-groups/<uuid:chat_group_id>/robot")
@may(Permission.CHAT_GROUPS)
def replace_robot(chat_group_id: UUID) -> Any:
    """Let another robot post; its key is shown to nobody."""
    key = request.form.get("robot_key", "").strip()[:200]
    try:
        with acting("chat_groups.robot", "chat_group", str(chat_group_id)) as deed:
            found = _seen(deed.session, chat_group_id, None)
            deed.before = chat_group_state(found)
            service.replace_robot_key(deed.session, ports().robot_keys, found, key)
            deed.after = chat_group_state(found)
    except (BadChatGroup, service.ChatGroupKnown) as refusal:
        return _again(chat_group_id, None, refusal)
    return _back(chat_group_id)


@blueprint.post("/chat-groups/<uuid:chat_group_id>/pause")
@may(Permission.CHAT_GROUPS)
def pause(chat_group_id: UUID) -> Any:
    """Let what is due wait."""
    return _turn(
        chat_group_id,
        "pause",
        lambda session, group, at: service.pause(session, group.id, now=at),
    )


@blueprint.post("/chat-groups/<uuid:chat_group_id>/resume")
@may(Permission.CHAT_GROUPS)
def resume(chat_group_id: UUID) -> Any:
    """Send again."""
    return _turn(
        chat_group_id, "resume", lambda session, group, _: service.resume(session, group.id)
    )


@blueprint.post("/chat-groups/<uuid:chat_group_id>/retire")
@may(Permission.CHAT_GROUPS)
def retire(chat_group_id: UUID) -> Any:
    """Push nothing into it any more, for good."""
    return _turn(
        chat_group_id, "retire", lambda session, group, _: service.retire(session, group.id)
    )


class Stale(Exception):
    """Somebody changed the chat group after the form was shown."""

    def __init__(self, group: ChatGroup, form: ChatGroupForm | None) -> None:
        """Keep which it is, and what was typed."""
        super().__init__()
        self.chat_group_id = group.id
        self.form = form


@blueprint.errorhandler(Stale)
def show_stale(stale: Stale) -> Response:
    """Show how it stands now, with what was typed; the same button acts on that."""
    with ports().begin() as session:
        group = queries.get_chat_group(session, stale.chat_group_id)
        return _page(session, group, 409, form=stale.form, is_stale=True)


def _choice() -> dict[str, Any]:
    return {
        "standing": asked.choice_of(Standing, "standing"),
        "channel": asked.choice_of(ChatChannel, "channel"),
        "words": asked.words_of("q"),
        "leader_id": asked.id_of("leader"),
    }


def _seen(session: Session, chat_group_id: UUID, form: ChatGroupForm | None) -> ChatGroup:
    """Return the chat group, locked, as it was on the page that was shown; else `Stale`."""
    found = queries.lock_chat_group(session, chat_group_id)
    if request.form.get("version") != version_of(chat_group_state(found)):
        raise Stale(found, form)
    return found


def _turn(
    chat_group_id: UUID, does: str, act: Callable[[Session, ChatGroup, datetime], None]
) -> Any:
    with acting(f"chat_groups.{does}", "chat_group", str(chat_group_id)) as deed:
        found = _seen(deed.session, chat_group_id, None)
        deed.before = chat_group_state(found)
        act(deed.session, found, deed.now)
        deed.after = chat_group_state(found)
    return _back(chat_group_id)


def _again(chat_group_id: UUID, form: ChatGroupForm | None, refusal: DomainError) -> Response:
    with ports().begin() as session:
        group = queries.get_chat_group(session, chat_group_id)
        return _page(session, group, refusals.status_of(refusal), form=form, refusal=refusal)


def _back(chat_group_id: UUID) -> Any:
    return redirect(url_for("console_chat_groups.show", chat_group_id=chat_group_id), code=303)


def _new_page(form: ChatGroupForm, status: int, *, refusal: DomainError | None = None) -> Response:
    page = render_template(
        "console/chat_group_new.html", form=form, channels=ChatChannel, refusal=refusal
    )
    return make_response(page, status)


def _page(
    session: Session,
    group: ChatGroup,
    status: int,
    *,
    form: ChatGroupForm | None = None,
    refusal: DomainError | None = None,
    is_stale: bool = False,
) -> Response:
    at = now()
    pushes = watching.list_into_group(session, group.id, cursor=asked.cursor())
    names = watching.names_of_campaigns(session, pushes.items)
    page = render_template(
        "console/chat_group.html",
        group=group,
        form=form or ChatGroupForm.of(group),
        version=version_of(chat_group_state(group)),
        standing=queries.standing_of(group, now=at),
        used=queries.used_today(group, now=at),
        pushes=pushes,
        names=names,
        results=funnels.results_of_chat_group(session, group.id, list(names)),
        deeds_rows=operators.list_actions(session, subject=str(group.id), limit=10).items,
        refusal=refusal,
        is_stale=is_stale,
        now=at,
    )
    return make_response(page, status)
