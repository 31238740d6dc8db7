"""What the sandbox pushes, looks up and seals, against the product's own clients."""

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import sleep
from typing import Any

import pytest
from redis import Redis

from kit.clock import monotonic_seconds
from kit.pushed_messages import (
    Envelope,
    MessageRejected,
    PushedMessages,
    texts_of_json,
    texts_of_xml,
)
from shop.chat_groups.directory import DirectoryUnavailable, GroupSeen, GroupUnknown
from shop.chat_groups.models import ChatEventKind
from shop.chat_groups.told import GroupEvent, read_event
from shop.chat_groups.wecom import WecomDirectory
from shop.members.avatars import ImageVerdict
from shop.members.platforms import CodeRefused, PictureUnseen, PlatformUnavailable
from shop.members.wechat_groups import WechatGroupDoor
from shop.members.wechat_images import WechatImages, read_verdict
from tests.contracts.channels import make_wecom_api
from tests.contracts.gateways import make_wechat_api
from tests.doubles.http import Answer, Asked, ScriptedServer
from tests.servers import SandboxServer

OPEN_ID, OPENGID = "o" + "G" * 27, "tGroupOfZhang"
URL = "https://img.example/a.png"
K = ChatEventKind


class Address:
    """An address of ours, to which the sandbox pushes."""

    def __init__(self, sandbox: SandboxServer, receiver: ScriptedServer, platform: str) -> None:
        """Tell the platform of it."""
        names = sandbox.credentials[platform]
        self.receiver = receiver
        self.messages = PushedMessages(
            token=names["callback_token"],
            aes_key=names["callback_aes_key"],
            receiver=names["corp_id" if platform == "wecom" else "app_id"],
        )
        receiver.answer = lambda _: Answer(200, b"success")
        sandbox.post("settings", {f"{platform}_callback_url": f"{receiver.url}/callbacks"})

    def came(self, count: int) -> list[Asked]:
        """Return what came once there is so much."""
        ends_at = monotonic_seconds() + 8
        while len(self.receiver.asked) < count:
            assert monotonic_seconds() < ends_at, "it did not come in time"
            sleep(0.02)
        return self.receiver.asked[:count]

    def opened(self, asked: Asked, read: Callable[[bytes], Any]) -> str:
        """Open what came as the door does."""
        query = dict(pair.split("=", 1) for pair in asked.target.split("?", 1)[1].split("&"))
        sealed = read(asked.body)["Encrypt"]
        return self.messages.open(Envelope.of(query), sealed, now=datetime.now(UTC))


@pytest.fixture
def wecom(sandbox_server: SandboxServer) -> Iterator[Address]:
    """Return the address of the company."""
    with ScriptedServer() as receiver:
        yield Address(sandbox_server, receiver, "wecom")


@pytest.fixture
def wechat(sandbox_server: SandboxServer) -> Iterator[Address]:
    """Return the address of the mini-program."""
    with ScriptedServer() as receiver:
        yield Address(sandbox_server, receiver, "wechat")


def make_group(sandbox: SandboxServer) -> str:
    """Return the id of a new customer group."""
    made = sandbox.post("wecom/groups", {"name": "一群", "owner": "zhang", "opengid": OPENGID})
    return str(made["chat_id"])


class TestWecom:
    """The company's customer groups."""

    def test_what_becomes_of_a_group_is_told(
        self, sandbox_server: SandboxServer, wecom: Address
    ) -> None:
        """In its order, each event with a digest of its own, and a repeat with the same."""
        chat_id = make_group(sandbox_server)
        changes: tuple[dict[str, Any], ...] = (
            {"change": "rename", "name": "二群"},
            {"change": "owner", "owner": "li"},
            {"change": "join", "count": 3},
            {"change": "join", "count": 3},
            {"change": "leave", "count": 1},
            {"change": "notice"},
            {"change": "dismiss"},
        )
        for nth, change in enumerate(changes):
            sandbox_server.post("wecom/change-group", {"chat_id": chat_id, **change})
            wecom.came(nth + 2)
        told = [self.read(wecom, asked) for asked in wecom.came(len(changes) + 1)]
        assert [event.kind for event in told] == [
            K.CREATED,
            K.RENAMED,
            K.OWNER_CHANGED,
            K.JOINED,
            K.JOINED,
            K.LEFT,
            K.OTHER,
            K.DISMISSED,
        ]
        assert [event.members for event in told] == [0, 0, 0, 3, 3, 1, 0, 0]
        assert {event.chat_id for event in told} == {chat_id}
        assert len({event.digest for event in told}) == len(told)
        (first, *_) = sandbox_server.get("notices")["items"]
        sandbox_server.post("notices/resend", {"notice_id": first["notice_id"]})
        assert self.read(wecom, wecom.came(len(told) + 1)[-1]) == told[0]

    def read(self, wecom: Address, asked: Asked) -> GroupEvent:
        """Return the event that came."""
        content = wecom.opened(asked, texts_of_xml)
        event = read_event(content, texts_of_xml(content))
        assert event is not None
        return event

    @pytest.mark.parametrize(
        ("forged", "why"),
        [
            ({"corrupt": True}, "bad_signature"),
            ({"token": "x" * 32}, "bad_signature"),
            ({"receiver": "ww0000000000000000"}, "foreign_receiver"),
            ({"aes_key": "k" * 43}, "undecryptable"),
            ({"age_seconds": 301}, "stale"),
        ],
    )
    def test_a01_forgeries_are_rejected(
        self, sandbox_server: SandboxServer, wecom: Address, forged: dict[str, Any], why: str
    ) -> None:
        """Though the platform's own secrets may have made them."""
        make_group(sandbox_server)
        wecom.came(1)
        (told,) = sandbox_server.get("notices")["items"]
        sandbox_server.post("wecom/forge", {"notice_id": told["notice_id"], **forged})
        with pytest.raises(MessageRejected) as rejected:
            wecom.opened(wecom.came(2)[1], texts_of_xml)
        assert rejected.value.reason == why

    def test_a_group_is_shown_and_known_by_its_opengid(
        self, sandbox_server: SandboxServer, redis: "Redis"
    ) -> None:
        """Those inside the company are not, nor those that are gone."""
        directory = WecomDirectory(make_wecom_api(sandbox_server, redis))
        chat_id = make_group(sandbox_server)
        assert directory.look(chat_id=chat_id) == GroupSeen(name="一群", owner="zhang")
        assert directory.chat_id_of(opengid=OPENGID) == chat_id
        inside = {"name": "内部", "owner": "zhang", "opengid": "tInside", "robot": True}
        made = sandbox_server.post("wecom/groups", inside)
        for ask in (
            lambda: directory.look(chat_id=made["chat_id"]),
            lambda: directory.look(chat_id="wrNone"),
            lambda: directory.chat_id_of(opengid="tInside"),
            lambda: directory.chat_id_of(opengid="tNone"),
        ):
            with pytest.raises(GroupUnknown):
                ask()
        sandbox_server.post("faults", {"target": "wecom.group", "kind": "drop"})
        with pytest.raises(DirectoryUnavailable):
            directory.look(chat_id=chat_id)


class TestWechat:
    """Pictures, and who came from which chat group."""

    @pytest.fixture
    def images(self, sandbox_server: SandboxServer, redis: "Redis") -> WechatImages:
        """Return the way pictures go, of somebody who has just been here."""
        api = make_wechat_api(sandbox_server, redis)
        code = sandbox_server.post("wechat/codes", {"openid": OPEN_ID})["code"]
        api.get_with_secret(
            "/sns/jscode2session", {"js_code": code, "grant_type": "authorization_code"}
        )
        return WechatImages(api)

    @pytest.mark.parametrize(
        ("says", "verdict"),
        [
            ("pass", ImageVerdict.FIT),
            ("review", ImageVerdict.UNFIT),
            ("risky", ImageVerdict.UNFIT),
            ("unseen", ImageVerdict.NOT_SEEN),
        ],
    )
    def test_a_verdict_comes_by_a_message(
        self,
        sandbox_server: SandboxServer,
        wechat: Address,
        images: WechatImages,
        says: str,
        verdict: ImageVerdict,
    ) -> None:
        """Under the id that the question was given."""
        sandbox_server.post("settings", {"wechat_image_verdict": says})
        trace_id = images.ask(url=URL, open_id=OPEN_ID)
        (asked,) = wechat.came(1)
        told = texts_of_json(wechat.opened(asked, texts_of_json))
        assert read_verdict(told, app_id=images.app_id) == (trace_id, verdict)

    def test_trouble_has_its_name(
        self, sandbox_server: SandboxServer, images: WechatImages
    ) -> None:
        """Somebody who is away is not silence."""
        with pytest.raises(PictureUnseen):
            images.ask(url=URL, open_id="o" + "H" * 27)
        with pytest.raises(PictureUnseen):
            images.ask(url="ftp://x", open_id=OPEN_ID)
        for order in ({"kind": "drop"}, {"kind": "error", "code": "45009"}):
            sandbox_server.post("faults", {"target": "wechat.media_check", **order})
            with pytest.raises(PlatformUnavailable):
                images.ask(url=URL, open_id=OPEN_ID)

    def test_who_came_from_which_group_is_opened_once(
        self, sandbox_server: SandboxServer, redis: "Redis"
    ) -> None:
        """For our mini-program, at this moment, by this person."""
        door = WechatGroupDoor(make_wechat_api(sandbox_server, redis))

        def enter(change: dict[str, str] | None = None, **more: Any) -> tuple[str, str]:
            order = {"openid": OPEN_ID, "opengid": OPENGID, **more}
            made = sandbox_server.post("wechat/group-entries", order) | (change or {})
            entry = door.open(
                code=made["code"],
                sealed=made["encrypted_data"],
                iv=made["iv"],
                now=datetime.now(UTC),
            )
            return entry.open_id, entry.opengid

        assert enter() == (OPEN_ID, OPENGID)
        used = sandbox_server.post("wechat/group-entries", {"openid": OPEN_ID, "opengid": OPENGID})
        assert enter(used) == (OPEN_ID, OPENGID)
        other = sandbox_server.post("wechat/codes", {"openid": OPEN_ID})["code"]
        for change, more in (
            (used, {}),
            ({"code": other}, {}),
            ({"iv": "AAAA"}, {}),
            ({"encrypted_data": secrets.token_urlsafe(32)}, {}),
            (None, {"appid": "wx0000000000000000"}),
            (None, {"age_seconds": 301}),
        ):
            with pytest.raises(CodeRefused):
                enter(change, **more)
        sandbox_server.post("faults", {"target": "wechat.code2session", "kind": "drop"})
        with pytest.raises(PlatformUnavailable):
            enter()
