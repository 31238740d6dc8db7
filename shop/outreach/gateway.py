"""What the shop asks of the platforms that carry messages, in the shop's own words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shop.members.platforms import Platform


class ChannelError(Exception):
    """A message did not surely arrive; `code` is the platform's own, for logs and people."""

    def __init__(self, message: str, *, code: str = "") -> None:
        """Keep the platform's `code` beside the message. Neither may hold a key or a token."""
        super().__init__(message)
        self.code = code


class RateLimited(ChannelError):
    """The platform asks for patience; surely not sent. Come back after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float, code: str = "") -> None:
        """Keep how many seconds to wait."""
        super().__init__(message, code=code)
        self.retry_after = retry_after


class ChannelUnavailable(ChannelError):
    """No connection, or the platform said it is busy: surely not sent. Trying again is safe."""


class OutcomeUnknown(ChannelError):
    """It was handed over and no answer came: it may have been sent. Never repeat it blindly."""


class ChannelRefused(ChannelError):
    """The platform understood and refused; repeating the same request will not help."""


class NoGrant(ChannelRefused):
    """The member has no grant left for the template, or took it back (43101, unsubscribed)."""


@dataclass(frozen=True, slots=True)
class RobotMessage:
    """A text for a group robot; `markdown` of at most 4,096 bytes, already escaped."""

    markdown: str


@dataclass(frozen=True, slots=True)
class GroupTask:
    """A broadcast that the owner of customer groups confirms in their own client.

    `text` has at most 4,000 bytes. `page` of our mini-program is attached with a `title` of at
    most 64 bytes when both are given.
    """

    sender: str  # the owner's user id at WeCom
    chat_ids: Sequence[str]
    text: str
    title: str | None = None
    page: str | None = None


@dataclass(frozen=True, slots=True)
class TaskMade:
    """A task that waits for its owner; `refused_chat_ids` are those it will never reach."""

    msgid: str
    refused_chat_ids: Sequence[str]


class TaskState(StrEnum):
    """How a task stands in one customer group."""

    WAITING = "waiting"  # the owner has not confirmed
    SENT = "sent"
    NOT_MEMBER = "not_member"  # the owner is not in the group any more
    QUOTA_USED = "quota_used"  # the group had its messages for the period


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What became of a task in one customer group."""

    chat_id: str
    state: TaskState
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class TaskSeen:
    """A task found in the platform's records, to tell whether one of ours was made, and once."""

    msgid: str
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MemberMessage:
    """A templated message to one person, with plain values; the client words them its own way.

    `values` are keyed as the platform's template names them (`thing1`, `keyword1`), each within
    the limits of its type. `page` is a page of our mini-program, with its query.
    """

    open_id: str
    template_id: str
    values: Mapping[str, str]
    page: str


class Verdict(StrEnum):
    """What a content check says."""

    PASS = "pass"  # noqa: S105 - a verdict, not a secret
    REVIEW = "review"  # a person should look
    RISKY = "risky"


class Robots(Protocol):
    """Group robots (WeCom webhook): no way to ask what became of a message."""

    def send(self, *, key: str, message: RobotMessage) -> None:
        """Post into the robot's group; raises `ChannelError` kinds only.

        `key` is the webhook's secret and must come into no log and no exception.
        """
        ...


class GroupTasks(Protocol):
    """Broadcast tasks for customer groups (WeCom `add_msg_template`)."""

    def create(self, task: GroupTask) -> TaskMade:
        """Make a task; raises `ChannelError` kinds only. Not repeatable: see `list_made`."""
        ...

    def list_made(self, *, since: datetime, until: datetime) -> Sequence[TaskSeen]:
        """Return the group tasks made in a window of at most a month, stopped ones among them."""
        ...

    def sender_of(self, *, msgid: str) -> str:
        """Return the owner whom a task waits for; empty when the platform names nobody."""
        ...

    def results(self, *, msgid: str, sender: str) -> Sequence[TaskResult]:
        """Return what became of a task in each of its groups, all pages."""
        ...

    def remind(self, *, msgid: str) -> None:
        """Remind the owner to confirm; the platform takes three a day."""
        ...

    def cancel(self, *, msgid: str) -> None:
        """Stop a task, which its owner then cannot send any more; what was sent stays.

        Raises `ChannelRefused` for a task that cannot be stopped any more; repeatable.
        """
        ...


class MemberMessages(Protocol):
    """Messages of one platform to one person: WeChat's subscribe messages, or Alipay's."""

    @property
    def app_id(self) -> str:
        """The mini-program whose members can be written to."""
        ...

    def send(self, message: MemberMessage) -> None:
        """Send; raises `ChannelError` kinds only, `NoGrant` when the member has none left."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """The channels that are on; what is None or missing is off, and what needs it waits."""

    robots: Robots | None = None
    group_tasks: GroupTasks | None = None
    member_messages: Mapping[Platform, MemberMessages] = field(default_factory=dict)


class ContentCheck(Protocol):
    """Whether a text that others will read may be shown."""

    def check(self, *, text: str, open_id: str) -> Verdict:
        """Return the platform's verdict; raises `RateLimited` or `ChannelUnavailable`."""
        ...
