"""WeCom for outreach: robots of chat groups, and tasks that owners of customer groups confirm."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from redis import Redis

from kit.wechat import WechatUnavailable
from kit.wechat_token import IssuedToken, TokenKeeper
from kit.wecom import RobotWebhook, WecomApi
from shop.outreach.gateway import (
    ChannelRefused,
    ChannelUnavailable,
    GroupTask,
    OutcomeUnknown,
    RobotMessage,
    TaskMade,
    TaskResult,
    TaskSeen,
    TaskState,
)
from shop.outreach.wechat_failures import asked, told

CONTACT: Final = "/cgi-bin/externalcontact"
MOST_LISTED: Final = 100
MOST_RESULTS: Final = 1000
MOST_PAGES: Final = 100  # 2,000 groups are two pages; who sends more repeats itself
COVER_SECONDS: Final = 3 * 24 * 3600
COVER_GONE: Final = "40007"
STATES: Final[Mapping[object, TaskState]] = {
    0: TaskState.WAITING,
    1: TaskState.SENT,
    2: TaskState.NOT_MEMBER,
    3: TaskState.QUOTA_USED,
}


class WecomRobots:
    """Posts by robots; a `Robots`."""

    def __init__(self, webhook: RobotWebhook) -> None:
        """Keep the client."""
        self._webhook = webhook

    def send(self, *, key: str, message: RobotMessage) -> None:
        """Post into the robot's group."""
        content = {"msgtype": "markdown", "markdown": {"content": message.markdown}}
        told(lambda: self._webhook.post(key=key, message=content))


class WecomGroupTasks:
    """Broadcast tasks of one company; a `GroupTasks`.

    `cover` is the picture that WeCom wants beside a mini-program's page: lent to it once, named by
    an id that every process shares.
    """

    def __init__(self, api: WecomApi, *, mini_program: str, cover: bytes, redis: "Redis") -> None:
        """Keep the client; nothing is called yet."""
        self._api = api
        self._mini_program = mini_program
        self._cover = cover
        # Like a token, the id is good for a while, and a second one does no harm.
        self._covers = TokenKeeper(redis, name=f"cover:{api.app_id}", fetch=self._lend_cover)

    def create(self, task: GroupTask) -> TaskMade:
        """Make a task, which its owner must confirm before anything is sent."""
        if not task.title or not task.page:
            return self._make(task, attachments=[])
        media_id = self._cover_id()
        try:
            return self._make(task, attachments=[self._card(task, media_id)])
        except ChannelRefused as exc:
            if exc.code != COVER_GONE:
                raise
        # Refused for its picture alone, so nothing was made.
        return self._make(task, attachments=[self._card(task, self._cover_id(gone=media_id))])

    def list_made(self, *, since: datetime, until: datetime) -> Sequence[TaskSeen]:
        """Return the group tasks made in a window of at most a month."""
        wish = {
            "chat_type": "group",
            "filter_type": 0,  # not what people make in their own clients
            "start_time": int(since.timestamp()),
            "end_time": int(until.timestamp()) + 1,  # the platform counts whole seconds
            "limit": MOST_LISTED,
        }
        found = self._all(f"{CONTACT}/get_groupmsg_list_v2", wish, "group_msg_list")
        return [_seen(item) for item in found]

    def sender_of(self, *, msgid: str) -> str:
        """Return whom a task waits for: those that a program made are listed without."""
        members = self._all(f"{CONTACT}/get_groupmsg_task", {"msgid": msgid}, "task_list")
        return next((str(member.get("userid", "")) for member in members), "")

    def results(self, *, msgid: str, sender: str) -> Sequence[TaskResult]:
        """Return what became of a task in each of its groups."""
        wish = {"msgid": msgid, "userid": sender, "limit": MOST_RESULTS}
        found = self._all(f"{CONTACT}/get_groupmsg_send_result", wish, "send_list")
        return [_result(item) for item in found]

    def remind(self, *, msgid: str) -> None:
        """Remind the owner to confirm."""
        told(lambda: self._api.post(f"{CONTACT}/remind_groupmsg_send", {"msgid": msgid}))

    def cancel(self, *, msgid: str) -> None:
        """Stop a task; stopping it again does no harm, so no answer is no answer yet."""
        asked(lambda: self._api.post(f"{CONTACT}/cancel_groupmsg_send", {"msgid": msgid}))

    def _make(self, task: GroupTask, *, attachments: Sequence[Mapping[str, Any]]) -> TaskMade:
        wish: dict[str, Any] = {
            "chat_type": "group",
            "sender": task.sender,
            "chat_id_list": list(task.chat_ids),
            "text": {"content": task.text},
        }
        if attachments:
            wish["attachments"] = attachments
        answer = told(lambda: self._api.post(f"{CONTACT}/add_msg_template", wish))
        msgid = answer.get("msgid")
        if not isinstance(msgid, str) or not msgid:
            raise OutcomeUnknown("no msgid in the answer")
        return TaskMade(msgid=msgid, refused_chat_ids=_texts(answer, "fail_list"))

    def _card(self, task: GroupTask, media_id: str) -> dict[str, Any]:
        page = {
            "title": task.title,
            "pic_media_id": media_id,
            "appid": self._mini_program,
            "page": task.page,
        }
        return {"msgtype": "miniprogram", "miniprogram": page}

    def _cover_id(self, *, gone: str | None = None) -> str:
        """Return the id of the picture; a failure here leaves the task surely unmade."""
        if gone is not None:
            return str(asked(lambda: self._covers.renew(gone)))
        return str(asked(self._covers.current))

    def _lend_cover(self) -> IssuedToken:
        media_id = self._api.upload_image(self._cover).get("media_id")
        if not isinstance(media_id, str) or not media_id:
            raise WechatUnavailable("no media_id in the answer")
        return IssuedToken(media_id, COVER_SECONDS)

    def _all(self, path: str, wish: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
        """Return a list from all its pages."""
        return [item for page in self._pages(path, wish, name) for item in page]

    def _pages(
        self, path: str, wish: Mapping[str, Any], name: str
    ) -> Iterator[list[Mapping[str, Any]]]:
        cursor = ""
        for _ in range(MOST_PAGES):
            answer = self._page(path, {**wish, "cursor": cursor} if cursor else wish)
            items = answer.get(name)
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise ChannelUnavailable("a list is missing in the answer")
            yield items
            cursor = str(answer.get("next_cursor") or "")
            if not cursor:
                return
        raise ChannelUnavailable("a list without an end")

    def _page(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = asked(lambda: self._api.post(path, body))
        return answer


def _result(item: Mapping[str, Any]) -> TaskResult:
    state = STATES.get(item.get("status"))
    if state is None:
        raise ChannelUnavailable("a state that nobody knows")
    is_sent = state is TaskState.SENT
    return TaskResult(
        chat_id=str(item.get("chat_id", "")),
        state=state,
        sent_at=_moment(item.get("send_time")) if is_sent else None,
    )


def _seen(item: Mapping[str, Any]) -> TaskSeen:
    text = item.get("text")
    return TaskSeen(
        msgid=str(item.get("msgid", "")),
        text=str(text.get("content", "")) if isinstance(text, dict) else "",
        created_at=_moment(item.get("create_time")),
    )


def _moment(seconds: object) -> datetime:
    if not isinstance(seconds, int):
        raise ChannelUnavailable("a time is missing in the answer")
    return datetime.fromtimestamp(seconds, UTC)


def _texts(answer: Mapping[str, Any], name: str) -> list[str]:
    found = answer.get(name)
    return [str(item) for item in found] if isinstance(found, list) else []
