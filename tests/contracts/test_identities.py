"""Sign-in, phone number and delivery report against the real sandbox."""

import json
from datetime import UTC, datetime

import pytest
from redis import Redis

from shop.members.alipay import AlipayMembers
from shop.members.platforms import CodeRefused, Platform, PlatformUnavailable
from shop.members.wechat import WechatMembers, WechatShippingDesk
from shop.payments.gateway import Channel
from tests.contracts.contract import Contract
from tests.contracts.gateways import make_alipay_api, make_wechat_api
from tests.doubles.http import ScriptedServer
from tests.servers import SandboxServer

OPENID = "o" + "B" * 27
ALIPAY_OPEN_ID = "048mXcPAqDzVn7VqVZWqoiCkWdQsp9d5dzx8lLm3hQnXkA5"


@pytest.fixture
def wechat(sandbox_server: SandboxServer, redis: "Redis") -> WechatMembers:
    return WechatMembers(make_wechat_api(sandbox_server, redis))


@pytest.fixture
def alipay(sandbox_server: SandboxServer) -> AlipayMembers:
    aes_key = sandbox_server.credentials["alipay"]["aes_key"]
    return AlipayMembers(make_alipay_api(sandbox_server), aes_key=aes_key)


class TestWechat:
    def test_a_code_signs_in_once(
        self, sandbox_server: SandboxServer, wechat: WechatMembers
    ) -> None:
        code = sandbox_server.post("wechat/codes", {"openid": OPENID, "unionid": "u1"})["code"]
        identity = wechat.identify(code=code)
        assert identity.platform is Platform.WECHAT
        assert identity.app_id == sandbox_server.credentials["wechat"]["app_id"]
        assert (identity.open_id, identity.union_id) == (OPENID, "u1")
        for again in (code, "no-such-code"):
            with pytest.raises(CodeRefused):
                wechat.identify(code=again)

    def test_a_phone_code_gives_the_number_once(
        self, sandbox_server: SandboxServer, wechat: WechatMembers
    ) -> None:
        code = sandbox_server.post("wechat/phone-codes", {"phone": "13800138000"})["code"]
        number = wechat.phone_number(credential=code, now=datetime.now(UTC))
        assert number == "+8613800138000"
        with pytest.raises(CodeRefused):
            wechat.phone_number(credential=code, now=datetime.now(UTC))

    def test_a_token_the_platform_forgot_is_replaced(
        self, sandbox_server: SandboxServer, wechat: WechatMembers, redis: "Redis"
    ) -> None:
        app_id = sandbox_server.credentials["wechat"]["app_id"]
        redis.set(f"wechat-token:{{{app_id}}}", "90_forgotten", ex=1000)
        code = sandbox_server.post("wechat/phone-codes", {"phone": "13800138000"})["code"]
        assert wechat.phone_number(credential=code, now=datetime.now(UTC)) == "+8613800138000"
        assert redis.get(f"wechat-token:{{{app_id}}}") != b"90_forgotten"

    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "drop"},
            {"kind": "bad_signature"},
            {"kind": "error", "code": "-1", "times": 2},
            {"kind": "error", "code": "45011"},
            {"kind": "timeout_after_acting", "delay_seconds": 0.05},
        ],
    )
    def test_trouble_is_unavailable(
        self, sandbox_server: SandboxServer, wechat: WechatMembers, fault: dict[str, object]
    ) -> None:
        code = sandbox_server.post("wechat/codes", {"openid": OPENID})["code"]
        sandbox_server.post("faults", {"target": "wechat.code2session", **fault})
        with pytest.raises(PlatformUnavailable):
            wechat.identify(code=code)


class TestShippingDesk:
    def test_a_paid_order_is_reported_and_again_without_harm(
        self, sandbox_server: SandboxServer, redis: "Redis"
    ) -> None:
        desk = WechatShippingDesk(make_wechat_api(sandbox_server, redis))
        with ScriptedServer() as receiver:
            contract = Contract(Channel.WECHAT_PAY, sandbox_server, receiver)
            sandbox_server.post("settings", {"shipping_visible_after_seconds": 0})
            number = contract.paid()
        told = {
            "merchant_id": contract.gateway.merchant_id,
            "out_trade_no": number,
            "open_id": contract.payer_ref,
            "item": "京东E卡 100元",
            "at": datetime.now(UTC),
        }
        desk.report_delivery(**told)
        desk.report_delivery(**told)
        desk.report_delivery(**told | {"item": "京东E卡 200元"})
        desk.report_delivery(**told | {"item": "京东E卡 300元"})
        with pytest.raises(PlatformUnavailable):
            desk.report_delivery(**told | {"out_trade_no": contract.number()})


class TestAlipay:
    def test_a_code_signs_in_once(
        self, sandbox_server: SandboxServer, alipay: AlipayMembers
    ) -> None:
        code = sandbox_server.post("alipay/codes", {"open_id": ALIPAY_OPEN_ID})["code"]
        identity = alipay.identify(code=code)
        assert identity.platform is Platform.ALIPAY
        assert identity.app_id == sandbox_server.credentials["alipay"]["app_id"]
        assert identity.open_id == ALIPAY_OPEN_ID
        for again in (code, "no-such-code"):
            with pytest.raises(CodeRefused):
                alipay.identify(code=again)

    def test_the_phone_blob_gives_the_number(
        self, sandbox_server: SandboxServer, alipay: AlipayMembers
    ) -> None:
        blob = sandbox_server.post("alipay/phone-blobs", {"phone": "13800138000"})
        credential = json.dumps(blob)
        number = alipay.phone_number(credential=credential, now=datetime.now(UTC))
        assert number == "+8613800138000"
        changed = json.dumps(blob | {"response": blob["response"][:-4] + "AAA="})
        with pytest.raises(CodeRefused):
            alipay.phone_number(credential=changed, now=datetime.now(UTC))

    @pytest.mark.parametrize("kind", ["drop", "bad_signature"])
    def test_trouble_is_unavailable(
        self, sandbox_server: SandboxServer, alipay: AlipayMembers, kind: str
    ) -> None:
        code = sandbox_server.post("alipay/codes", {"open_id": ALIPAY_OPEN_ID})["code"]
        sandbox_server.post("faults", {"target": "alipay.oauth_token", "kind": kind})
        with pytest.raises(PlatformUnavailable):
            alipay.identify(code=code)
