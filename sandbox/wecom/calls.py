"""The work behind each path of the simulated WeCom."""

import sqlite3
from collections.abc import Callable
from typing import Any

from flask import request

from sandbox.peer import Peer
from sandbox.wechat.answers import posted_json
from sandbox.wecom import groups, media, records, robots, tasks, tokens
from sandbox.wecom.answers import WecomError
from sandbox.wecom.fields import Body

WRONG_CALLS_A_MINUTE = 10
OK = {"errcode": 0, "errmsg": "ok"}

Answer = dict[str, Any]
Reading = Callable[[sqlite3.Connection, Body], Answer]


class Calls:
    """One method for each path; WecomError refuses."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._corp_id = peer.credentials["wecom"]["corp_id"]
        self._corp_secret = peer.credentials["wecom"]["corp_secret"]
        self._app_id = peer.credentials["wechat"]["app_id"]

    def token(self) -> Answer:
        """`GET /cgi-bin/gettoken`."""
        wrong = f"wecom.wrong_token.{request.remote_addr}"
        if self._limited() and self._peer.limits.reached(wrong, WRONG_CALLS_A_MINUTE, 60.0):
            raise WecomError(45009)
        try:
            self._check_corp()
        except WecomError:
            self._peer.limits.allow(wrong, WRONG_CALLS_A_MINUTE, 60.0)
            raise
        with self._peer.store.write() as connection:
            token, seconds = tokens.current(connection, self._peer.clock.now())
        return OK | {"access_token": token, "expires_in": seconds}

    def post_by_robot(self) -> Answer:
        """`POST /cgi-bin/webhook/send?key=`: the key alone opens it."""
        with self._peer.store.read() as connection:
            group = groups.of_robot(connection, request.args.get("key", ""))
        message = robots.checked(posted_json())
        key = f"wecom.robot.{group['robot_key']}"
        if self._limited() and not self._peer.limits.allow(key, robots.A_MINUTE, 60.0):
            raise WecomError(45009)
        with self._peer.store.write() as connection:
            robots.post(connection, group, message, self._peer.clock.now())
        return OK

    def add_task(self) -> Answer:
        """`POST /cgi-bin/externalcontact/add_msg_template`."""
        self._check_token()
        with self._peer.store.write() as connection:
            now = self._peer.clock.now()
            return OK | tasks.add(connection, posted_json(), app_id=self._app_id, now=now)

    def remind(self) -> Answer:
        """`POST /cgi-bin/externalcontact/remind_groupmsg_send`."""
        self._check_token()
        with self._peer.store.write() as connection:
            now = self._peer.clock.now()
            tasks.remind(connection, posted_json(), limited=self._limited(), now=now)
        return OK

    def cancel(self) -> Answer:
        """`POST /cgi-bin/externalcontact/cancel_groupmsg_send`."""
        self._check_token()
        with self._peer.store.write() as connection:
            tasks.stop(connection, posted_json(), now=self._peer.clock.now())
        return OK

    def upload(self) -> Answer:
        """`POST /cgi-bin/media/upload`."""
        self._check_token()
        with self._peer.store.write() as connection:
            return OK | media.keep(connection, request, self._peer.clock.now())

    def reading(self, work: Reading) -> Callable[[], Answer]:
        """A call that changes nothing: its token checked, its body handed to `work`."""

        def read() -> Answer:
            self._check_token()
            with self._peer.store.read() as connection:
                return OK | work(connection, posted_json())

        return read

    def all(self) -> dict[str, tuple[str, Callable[[], Answer]]]:
        """Every path: the target of its faults and its work."""
        contact = "/cgi-bin/externalcontact"
        return {
            "/cgi-bin/gettoken": ("wecom.token", self.token),
            "/cgi-bin/webhook/send": ("wecom.robot", self.post_by_robot),
            "/cgi-bin/media/upload": ("wecom.media", self.upload),
            f"{contact}/add_msg_template": ("wecom.task", self.add_task),
            f"{contact}/remind_groupmsg_send": ("wecom.remind", self.remind),
            f"{contact}/cancel_groupmsg_send": ("wecom.cancel", self.cancel),
            f"{contact}/get_groupmsg_list_v2": (
                "wecom.task_list",
                self.reading(records.listed),
            ),
            f"{contact}/get_groupmsg_task": ("wecom.task_result", self.reading(records.members)),
            f"{contact}/get_groupmsg_send_result": (
                "wecom.task_result",
                self.reading(records.results),
            ),
            f"{contact}/groupchat/list": ("wecom.group", self.reading(groups.listed)),
            f"{contact}/groupchat/get": ("wecom.group", self.reading(groups.shown)),
            f"{contact}/opengid_to_chatid": ("wecom.group", self.reading(groups.chat_of_opengid)),
        }

    def _check_corp(self) -> None:
        query = request.args
        if not query.get("corpid"):
            raise WecomError(41002)
        if not query.get("corpsecret"):
            raise WecomError(41004)
        if query["corpid"] != self._corp_id:
            raise WecomError(40013)
        if query["corpsecret"] != self._corp_secret:
            raise WecomError(40001)

    def _check_token(self) -> None:
        token = request.args.get("access_token")
        if not token:
            raise WecomError(41001)
        with self._peer.store.read() as connection:
            standing = tokens.standing(connection, token, self._peer.clock.now())
        if standing == "unknown":
            raise WecomError(40014)
        if standing == "expired":
            raise WecomError(42001)

    def _limited(self) -> bool:
        return bool(self._peer.settings.get("rate_limits"))
