"""A leader's chat groups, and what is pushed into them, with texts ready to be copied."""

from flask import Response

from kit.pages import BadCursor
from miniprogram_api.auth import caller
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.pages import answer_read
from miniprogram_api.ports import ports
from miniprogram_api.schemas.answers import PageQuery
from miniprogram_api.schemas.outreach import ChatGroupOut, ChatGroupsRead, PushesPage, PushOut
from shop.chat_groups import queries as chat_groups
from shop.chat_groups.models import ChatGroup
from shop.outreach import queries
from shop.outreach.copy_texts import Copy, list_copies
from shop.outreach.push_texts import link_to, poster_of

blueprint = member_blueprint("leader", tag="Referral")


@blueprint.get("/leader/chat-groups")
@blueprint.output(ChatGroupsRead)
@blueprint.doc(summary="See the chat groups that I run")
def list_chat_groups() -> Response:
    """Operators write them down; nobody sees a robot's key again."""
    with ports().begin() as session:
        groups = chat_groups.list_of_leader(session, caller().member_id)
    read = ChatGroupsRead(
        items=[view_chat_group(group) for group in groups],
        server_time=ports().clock(),
        poll_after_ms=None,
    )
    return answer_read(read)


@blueprint.get("/leader/pushes")
@blueprint.input(PageQuery, location="query")
@blueprint.output(PushesPage)
@blueprint.doc(summary="See what is pushed into my chat groups, newest first")
@refuses(BadCursor)
def list_pushes(query_data: PageQuery) -> Response:
    """Each with its text, to be copied wherever no robot and no task gets."""
    with ports().begin() as session:
        page = queries.list_of_leader(
            session, caller().member_id, cursor=query_data.cursor, limit=query_data.limit
        )
        copies = list_copies(session, page.items, public_base_url=ports().public_base_url)
    read = PushesPage(
        items=[view_push(each) for each in copies],
        next_cursor=page.next_cursor,
        server_time=ports().clock(),
        poll_after_ms=None,
    )
    return answer_read(read)


def view_chat_group(group: ChatGroup) -> ChatGroupOut:
    """Return a chat group as its leader sees it."""
    return ChatGroupOut(
        id=group.id,
        name=group.name,
        channel=group.channel,
        daily_quota=group.daily_quota,
        created_at=group.created_at,
    )


def view_push(each: Copy) -> PushOut:
    """Return a push as its leader sees it."""
    push = each.push
    return PushOut(
        id=push.id,
        campaign_id=push.campaign_id,
        campaign_name=each.campaign_name,
        edge=push.edge,
        chat_group_id=push.chat_group_id,
        chat_group_name=each.chat_group_name,
        status=push.status,
        is_certain=push.is_certain,
        planned_for=push.planned_for,
        sent_at=push.sent_at,
        reason=push.reason,
        text=each.text,
        share_path=link_to("", push.invite_code),
        poster_path=poster_of(link_to("", push.invite_code)),
    )
