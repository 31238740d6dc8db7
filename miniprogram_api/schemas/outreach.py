"""Chat groups and pushes as leaders see them, the inbox, and grants for subscribe messages."""

from uuid import UUID

from pydantic import Field

from miniprogram_api.schemas.answers import Given, Moment, PageRead, Read, Sent
from shop.chat_groups.models import ChatChannel
from shop.outreach.inbox.models import GrantAnswer, NoticeKind
from shop.outreach.models import PushEdge, PushStatus


class ChatGroupOut(Given):
    """A chat group that I run."""

    id: UUID
    name: str
    channel: ChatChannel
    daily_quota: int = Field(description="Messages that it takes on one day, at most.")
    created_at: Moment


class ChatGroupsRead(Read):
    """The chat groups that I run, the newest first."""

    items: list[ChatGroupOut]


class PushOut(Given):
    """A push into one of my chat groups, with its text ready to be copied."""

    id: UUID
    campaign_id: UUID
    campaign_name: str
    edge: PushEdge
    chat_group_id: UUID
    chat_group_name: str
    status: PushStatus
    is_certain: bool = Field(description="False: it was handed over, and no answer ever came.")
    planned_for: Moment
    sent_at: Moment | None
    reason: str | None = Field(description="Why it failed, was skipped, or went to members.")
    text: str
    share_path: str = Field(description="The page of my invite for this chat group.")
    poster_path: str = Field(description="The poster of that invite, to be sent beside the text.")


class PushesPage(PageRead):
    """A page of pushes into my chat groups, newest first."""

    items: list[PushOut]


class MessageOut(Given):
    """A message to me."""

    id: UUID
    kind: NoticeKind
    title: str
    body: str
    page: str = Field(description="The page of the mini-program that it leads to.")
    created_at: Moment
    read_at: Moment | None


class InboxPage(PageRead):
    """A page of my inbox, newest first."""

    unread: int = Field(description="Unread messages, 100 at most.")
    items: list[MessageOut]


class MutedIn(Sent):
    """Just the kinds that I do not want to hear of from now on."""

    muted_kinds: list[NoticeKind] = Field(max_length=len(NoticeKind))


class MutedOut(Given):
    """Which kinds I do not want, and which nobody can switch off."""

    muted_kinds: list[NoticeKind]
    always_told: list[NoticeKind]


class GrantsIn(Sent):
    """What `wx.requestSubscribeMessage` gave: template id → answer."""

    answers: dict[str, GrantAnswer] = Field(min_length=1, max_length=10)


class GrantsOut(Given):
    """How many messages I may be sent, by template id; templates not in use are left out."""

    open: dict[str, int]
