"""Messages to one member and checks of texts, over both platforms against the real sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from redis import Redis

from shop.members.platforms import Platform
from shop.members.wechat import WechatMembers
from shop.outreach.alipay_messages import AlipayMessages
from shop.outreach.content_check import AlipayContentCheck, WechatContentCheck
from shop.outreach.gateway import (
    ChannelError,
    ChannelRefused,
    ChannelUnavailable,
    ContentCheck,
    MemberMessage,
    MemberMessages,
    NoGrant,
    OutcomeUnknown,
    RateLimited,
    Verdict,
)
from shop.outreach.subscribe import SubscribeMessages
from tests.contracts.gateways import make_alipay_api, make_wechat_api
from tests.servers import SandboxServer

OPEN_IDS = {Platform.WECHAT: "o" + "C" * 27, Platform.ALIPAY: "0" + "C" * 46}
TEMPLATES: Mapping[Platform, Mapping[str, Any]] = {
    Platform.WECHAT: {"fields": ["thing1", "phrase2"]},
    Platform.ALIPAY: {"keywords": 2},
}
VALUES = {
    Platform.WECHAT: {"thing1": "端午礼卡", "phrase2": "已成团"},
    Platform.ALIPAY: {"keyword1": "端午礼卡", "keyword2": "已成团"},
}
BUSY = {Platform.WECHAT: "45009", Platform.ALIPAY: "aop.call-limited"}
TARGETS = {Platform.WECHAT: "wechat.subscribe_message", Platform.ALIPAY: "alipay.message"}
CHECKED = {Platform.WECHAT: "wechat.content_check", Platform.ALIPAY: "alipay.content_check"}


@dataclass
class Desk:
    """One platform's clients, and a member of it in the test's hand."""

    platform: Platform
    sandbox: SandboxServer
    messages: MemberMessages
    check: ContentCheck
    template_id: str = field(init=False)

    def __post_init__(self) -> None:
        """Register the template."""
        order = dict(TEMPLATES[self.platform])
        made = self.sandbox.post(f"{self.platform.value}/templates", order)
        self.template_id = str(made["template_id"])

    @property
    def open_id(self) -> str:
        """Return the member's id."""
        return OPEN_IDS[self.platform]

    def grant(self, times: int = 1) -> None:
        """Have the member agree."""
        name = "openid" if self.platform is Platform.WECHAT else "open_id"
        order = {name: self.open_id, "template_id": self.template_id, "times": times}
        self.sandbox.post(f"{self.platform.value}/grants", order)

    def send(self, **changes: Any) -> None:
        """Write to the member."""
        values = VALUES[self.platform] | changes.pop("values", {})
        wish = {
            "open_id": self.open_id,
            "template_id": self.template_id,
            "values": values,
            "page": "/pages/group?id=1",
        }
        self.messages.send(MemberMessage(**(wish | changes)))

    def fault(self, target: str, kind: str, **more: Any) -> None:
        """Make trouble once."""
        self.sandbox.post("faults", {"target": target, "kind": kind, **more})

    def arrived(self) -> int:
        """Return how many messages reached anybody."""
        return len(self.sandbox.get(f"{self.platform.value}/messages")["items"])


@pytest.fixture(params=list(Platform))
def desk(request: pytest.FixtureRequest, sandbox_server: SandboxServer, redis: "Redis") -> Desk:
    if request.param is Platform.ALIPAY:
        alipay = make_alipay_api(sandbox_server)
        return Desk(
            Platform.ALIPAY, sandbox_server, AlipayMessages(alipay), AlipayContentCheck(alipay)
        )
    wechat = make_wechat_api(sandbox_server, redis)
    order = {"openid": OPEN_IDS[Platform.WECHAT]}
    code = sandbox_server.post("wechat/codes", order)["code"]
    WechatMembers(wechat).identify(code=code)  # WeChat judges texts of visitors alone
    return Desk(
        Platform.WECHAT, sandbox_server, SubscribeMessages(wechat), WechatContentCheck(wechat)
    )


class TestMemberMessages:
    def test_one_grant_is_one_message(self, desk: Desk) -> None:
        with pytest.raises(NoGrant):
            desk.send()
        desk.grant(2)
        desk.send()
        desk.send()
        with pytest.raises(NoGrant):
            desk.send()
        assert desk.arrived() == 2
        assert desk.messages.app_id == desk.sandbox.credentials[desk.platform.value]["app_id"]

    @pytest.mark.parametrize(
        "changes",
        [
            {"template_id": "unknown"},
            {"open_id": "nobody"},
            {"values": {"thing1": "团" * 51, "keyword1": "团" * 51}},
            {"values": {"thing1": "来赌博", "keyword1": "来赌博"}},
        ],
    )
    def test_what_the_platform_refuses_is_no_missing_grant(
        self, desk: Desk, changes: dict[str, Any]
    ) -> None:
        desk.grant()
        kept = VALUES[desk.platform]
        if "values" in changes:
            wanted = {name: text for name, text in changes["values"].items() if name in kept}
            changes = {"values": wanted}
        with pytest.raises(ChannelRefused) as refusal:
            desk.send(**changes)
        assert type(refusal.value) is ChannelRefused
        assert refusal.value.code
        assert desk.arrived() == 0

    @pytest.mark.parametrize(
        ("kind", "raised", "messages"),
        [
            ("timeout_after_acting", OutcomeUnknown, 1),
            ("drop", OutcomeUnknown, 0),
            ("bad_signature", OutcomeUnknown, 1),
        ],
    )
    def test_an_answer_that_nobody_can_read_leaves_the_outcome_unknown(
        self, desk: Desk, kind: str, raised: type[ChannelError], messages: int
    ) -> None:
        desk.grant()
        desk.fault(TARGETS[desk.platform], kind, delay_seconds=0)
        with pytest.raises(raised):
            desk.send()
        assert desk.arrived() == messages

    def test_too_many_calls_are_repeated_later(self, desk: Desk) -> None:
        desk.grant()
        desk.fault(TARGETS[desk.platform], "error", code=BUSY[desk.platform])
        with pytest.raises(RateLimited) as refusal:
            desk.send()
        assert refusal.value.retry_after == 60
        desk.send()
        assert desk.arrived() == 1


class TestContentCheck:
    @pytest.mark.parametrize(
        ("text", "verdict"),
        [("端午礼卡", Verdict.PASS), ("加微信", Verdict.REVIEW), ("赌博", Verdict.RISKY)],
    )
    def test_a_text_is_judged(self, desk: Desk, text: str, verdict: Verdict) -> None:
        assert desk.check.check(text=text, open_id=desk.open_id) is verdict

    @pytest.mark.parametrize("kind", ["timeout_after_acting", "drop", "bad_signature", "error"])
    def test_without_an_answer_there_is_no_verdict(self, desk: Desk, kind: str) -> None:
        desk.fault(CHECKED[desk.platform], kind, delay_seconds=0)
        with pytest.raises(ChannelUnavailable):
            desk.check.check(text="端午礼卡", open_id=desk.open_id)

    def test_too_many_questions_are_asked_later(self, desk: Desk) -> None:
        desk.fault(CHECKED[desk.platform], "error", code=BUSY[desk.platform])
        with pytest.raises(RateLimited):
            desk.check.check(text="端午礼卡", open_id=desk.open_id)

    def test_wechat_judges_nobody_who_was_not_there(
        self, sandbox_server: SandboxServer, redis: "Redis"
    ) -> None:
        check = WechatContentCheck(make_wechat_api(sandbox_server, redis))
        with pytest.raises(ChannelUnavailable) as refusal:
            check.check(text="端午礼卡", open_id="o" + "D" * 27)
        assert refusal.value.code == "61010"
