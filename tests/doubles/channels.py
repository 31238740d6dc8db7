"""Channels of messages in memory: as strict as the platforms, with books and trouble to order."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kit.clock import utc_now
from shop.outreach.gateway import (
    ChannelError,
    ChannelRefused,
    ChannelUnavailable,
    GroupTask,
    MemberMessage,
    NoGrant,
    OutcomeUnknown,
    RateLimited,
    RobotMessage,
    TaskMade,
    TaskResult,
    TaskSeen,
    TaskState,
)

MINUTE = timedelta(minutes=1)
PER_MINUTE = 20


@dataclass
class Trouble:
    """What goes wrong with the next calls, before or after the platform acted."""

    before: list[ChannelError] = field(default_factory=list)
    after: list[ChannelError] = field(default_factory=list)
    is_out: bool = False

    def begin(self) -> None:
        """Fail before acting when that was ordered."""
        if self.is_out:
            raise ChannelUnavailable("out")
        if self.before:
            raise self.before.pop(0)

    def end(self) -> None:
        """Lose the answer when that was ordered."""
        if self.after:
            raise self.after.pop(0)

    def lose_answers(self, times: int = 1) -> None:
        """Act, and let no answer come, so many times."""
        self.after.extend(OutcomeUnknown("timeout") for _ in range(times))


@dataclass
class MemoryRobots:
    """Takes 20 messages in any minute for each key, of at most 4,096 bytes."""

    clock: Callable[[], datetime] = utc_now
    trouble: Trouble = field(default_factory=Trouble)
    posted: list[tuple[datetime, str, str]] = field(default_factory=list)  # when, key, text
    refused: int = 0  # for coming too fast
    _times: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def send(self, *, key: str, message: RobotMessage) -> None:
        """Post, or refuse as the platform does."""
        self.trouble.begin()
        now = self.clock()
        recent = [at for at in self._times[key] if at > now - MINUTE]
        if len(recent) >= PER_MINUTE:
            self.refused += 1
            raise RateLimited("api freq out of limit", retry_after=60, code="45009")
        if not 0 < len(message.markdown.encode()) <= 4096:
            raise ChannelRefused("content size", code="40058")
        self._times[key] = [*recent, now]
        self.posted.append((now, key, message.markdown))
        self.trouble.end()

    def texts(self, key: str) -> list[str]:
        """Return what is in the robot's group."""
        return [text for _, to, text in self.posted if to == key]


@dataclass
class _Task:
    task: GroupTask
    created_at: datetime
    state: TaskState = TaskState.WAITING
    sent_at: datetime | None = None
    is_stopped: bool = False


@dataclass
class MemoryTasks:
    """Keeps tasks until their owner confirms; takes three reminders of one."""

    clock: Callable[[], datetime] = utc_now
    trouble: Trouble = field(default_factory=Trouble)
    made: dict[str, _Task] = field(default_factory=dict)
    reminded: Counter[str] = field(default_factory=Counter)
    full: set[str] = field(default_factory=set)  # chat groups that take no more
    takes: int = 1  # how many tasks it makes of one
    listed: int = 0  # how often its records were read

    def create(self, task: GroupTask) -> TaskMade:
        """Make a task."""
        self.trouble.begin()
        if not 0 < len(task.text.encode()) <= 4000 or len((task.title or "").encode()) > 64:
            raise ChannelRefused("too long", code="40058")
        if len(task.chat_ids) > 2000:
            raise ChannelRefused("too many groups", code="40058")
        for _ in range(self.takes):
            msgid = f"msg{len(self.made) + 1}"
            self.made[msgid] = _Task(task, self.clock())
        self.trouble.end()
        return TaskMade(msgid, [one for one in task.chat_ids if one in self.full])

    def list_made(self, *, since: datetime, until: datetime) -> Sequence[TaskSeen]:
        """Return the tasks of the window."""
        self.trouble.begin()
        self.listed += 1
        return [
            TaskSeen(msgid, one.task.text, one.created_at)
            for msgid, one in self.made.items()
            if since <= one.created_at <= until
        ]

    def sender_of(self, *, msgid: str) -> str:
        """Return whose task it is."""
        self.trouble.begin()
        return self.made[msgid].task.sender

    def cancel(self, *, msgid: str) -> None:
        """Stop a task, once."""
        self.trouble.begin()
        if self.made[msgid].is_stopped:
            raise ChannelRefused("the task was stopped", code="41047")
        self.made[msgid].is_stopped = True
        self.trouble.end()

    def results(self, *, msgid: str, sender: str) -> Sequence[TaskResult]:
        """Return how a task stands."""
        self.trouble.begin()
        found = self.made.get(msgid)
        if found is None or found.task.sender != sender:
            raise ChannelRefused("wrong msgid", code="41048")
        return [TaskResult(chat_id, found.state, found.sent_at) for chat_id in found.task.chat_ids]

    def remind(self, *, msgid: str) -> None:
        """Remind the owner."""
        self.trouble.begin()
        if self.reminded[msgid] >= 3:
            raise ChannelRefused("reminded too often", code="41049")
        self.reminded[msgid] += 1

    def confirm(self, msgid: str) -> None:
        """Have the owner send it, who sees no button for one that was stopped."""
        assert not self.made[msgid].is_stopped
        self.made[msgid].state = TaskState.SENT
        self.made[msgid].sent_at = self.clock()


@dataclass
class MemoryMessages:
    """One platform's messages to members: one grant, one message, where grants are asked for."""

    app_id: str = "app-1"
    asks_grants: bool = True
    trouble: Trouble = field(default_factory=Trouble)
    granted: Counter[tuple[str, str]] = field(default_factory=Counter)
    sent: list[MemberMessage] = field(default_factory=list)

    def send(self, message: MemberMessage) -> None:
        """Send, or refuse as the platform does."""
        self.trouble.begin()
        for name, value in message.values.items():
            if name.startswith("thing") and not 1 <= len(value) <= 20:
                raise ChannelRefused("argument invalid", code="47003")
        purse = (message.open_id, message.template_id)
        if self.asks_grants:
            if self.granted[purse] <= 0:
                raise NoGrant("user refuse to accept the msg", code="43101")
            self.granted[purse] -= 1
        self.sent.append(message)
        self.trouble.end()
