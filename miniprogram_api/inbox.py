"""The member's inbox, kinds that are not wanted, and grants for subscribe messages."""

from uuid import UUID

from flask import Response

from kit.pages import BadCursor
from miniprogram_api.auth import caller
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.pages import answer_read
from miniprogram_api.ports import ports
from miniprogram_api.schemas.answers import PageQuery
from miniprogram_api.schemas.outreach import (
    GrantsIn,
    GrantsOut,
    InboxPage,
    MessageOut,
    MutedIn,
    MutedOut,
)
from shop.members.queries import MemberNotActive
from shop.outreach.inbox import grants
from shop.outreach.inbox import service as inbox
from shop.outreach.inbox.models import TRANSACTIONAL, InboxMessage, NoticeKind

blueprint = member_blueprint("inbox", tag="Inbox")


@blueprint.get("/inbox")
@blueprint.input(PageQuery, location="query")
@blueprint.output(InboxPage)
@blueprint.doc(summary="Read my inbox, newest first")
@refuses(BadCursor)
def list_messages(query_data: PageQuery) -> Response:
    """Everything that I was told is here, whatever a platform made of it."""
    who = caller().member_id
    with ports().begin() as session:
        unread = inbox.count_unread(session, who)
        page = inbox.list_messages(session, who, cursor=query_data.cursor, limit=query_data.limit)
    read = InboxPage(
        unread=unread,
        items=[view_message(message) for message in page.items],
        next_cursor=page.next_cursor,
        server_time=ports().clock(),
        poll_after_ms=None,
    )
    return answer_read(read)


@blueprint.post("/inbox/<uuid:message_id>/read")
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Mark a message as read")
@refuses(inbox.MessageNotFound)
def read_one(message_id: UUID) -> Response:
    """What is read already stays so."""
    with ports().begin() as session:
        inbox.mark_read(session, message_id, member_id=caller().member_id, now=ports().clock())
    return Response(status=204)


@blueprint.post("/inbox/read")
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Mark everything as read")
def read_all() -> Response:
    """Up to now."""
    with ports().begin() as session:
        inbox.mark_all_read(session, caller().member_id, now=ports().clock())
    return Response(status=204)


@blueprint.get("/inbox/settings")
@blueprint.output(MutedOut)
@blueprint.doc(summary="See which kinds of messages I do not want")
def see_settings() -> MutedOut:
    """Nothing is muted unless I said so."""
    with ports().begin() as session:
        return view_muted(inbox.list_muted(session, caller().member_id))


@blueprint.patch("/inbox/settings")
@blueprint.input(MutedIn)
@blueprint.output(MutedOut)
@blueprint.doc(summary="Choose which kinds of messages I do not want")
@refuses(inbox.NotMutable)
def change_settings(json_data: MutedIn) -> MutedOut:
    """Of refunds, groups and delivered cards I am told in any case."""
    who = caller().member_id
    with ports().begin() as session:
        inbox.mute(session, who, json_data.muted_kinds, now=ports().clock())
        return view_muted(inbox.list_muted(session, who))


@blueprint.post("/subscribe-grants")
@blueprint.input(GrantsIn)
@blueprint.output(GrantsOut, status_code=201)
@blueprint.doc(summary="Tell what I answered when asked for leave to send messages")
@refuses(MemberNotActive)
def note_grants(json_data: GrantsIn) -> GrantsOut:
    """Each acceptance is good for one message; the platform has the last word."""
    with ports().begin() as session:
        counted = grants.note_answers(
            session, caller().member_id, json_data.answers, now=ports().clock()
        )
    return GrantsOut(open=dict(counted))


def view_message(message: InboxMessage) -> MessageOut:
    """Return a message as its member sees it."""
    return MessageOut(
        id=message.id,
        kind=message.kind,
        title=message.title,
        body=message.body,
        page=message.page,
        created_at=message.created_at,
        read_at=message.read_at,
    )


def view_muted(kinds: list[NoticeKind]) -> MutedOut:
    """Return the settings."""
    return MutedOut(muted_kinds=kinds, always_told=sorted(TRANSACTIONAL))
