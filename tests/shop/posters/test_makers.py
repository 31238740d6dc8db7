"""The makers of codes: what they ask of the platforms, and what they make of every answer."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from sandbox.pictures import code_picture
from shop.posters.alipay import AlipayCodes
from shop.posters.makers import MakerRefused, MakerSilent
from shop.posters.wechat import CODE, LINK, WechatCodes, WechatLinks
from tests.doubles import alipay as alipay_double
from tests.doubles.http import Answer, Asked, ScriptedServer
from tests.doubles.wechat import Wechat, make_api

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
PAGE = "pages/invite/index"
INVITE = "ABCDE12345"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def wechat(server: ScriptedServer) -> Wechat:
    return Wechat(server)


class TestWechatCodes:
    @pytest.fixture
    def maker(self, wechat: Wechat, redis: "Redis") -> WechatCodes:
        return WechatCodes(make_api(wechat.server, redis), page=PAGE)

    def test_asks_for_the_page_with_the_code_as_scene(
        self, wechat: Wechat, maker: WechatCodes
    ) -> None:
        wechat.answers[CODE] = [Answer(200, code_picture("x", width=430))]
        made = maker.make(invite_code=INVITE, now=NOW)
        assert made.picture is not None
        assert made.picture.startswith(b"\x89PNG")
        assert made.ends_at is None
        (asked,) = wechat.calls(CODE)
        assert json.loads(asked.body) == {
            "scene": INVITE,
            "page": PAGE,
            "check_path": True,
            "width": 430,
            "env_version": "release",
        }

    def test_a_dead_token_is_replaced(self, wechat: Wechat, maker: WechatCodes) -> None:
        wechat.tokens = ["token-1", "token-2"]
        wechat.answers[CODE] = [{"errcode": 40001}, Answer(200, code_picture("x", width=430))]
        assert maker.make(invite_code=INVITE, now=NOW).picture is not None

    @pytest.mark.parametrize("errcode", [41030, 40129, 40169, 40097])
    def test_what_is_ours_to_repair_is_a_refusal(
        self, wechat: Wechat, maker: WechatCodes, errcode: int
    ) -> None:
        wechat.answers[CODE] = [{"errcode": errcode}]
        with pytest.raises(MakerRefused, match=str(errcode)):
            maker.make(invite_code=INVITE, now=NOW)

    @pytest.mark.parametrize(
        "answer",
        [
            {"errcode": 45009},
            {"errcode": -1},
            {"picture": "none"},
            Answer(502, b"<html>"),
            Answer(200, b"<html>login required</html>"),
            Answer(200, b""),
        ],
        ids=["limited", "busy", "other JSON", "502", "a page", "nothing"],
    )
    def test_anything_else_is_silence(
        self, wechat: Wechat, maker: WechatCodes, answer: Any
    ) -> None:
        wechat.answers[CODE] = [answer]
        with pytest.raises(MakerSilent):
            maker.make(invite_code=INVITE, now=NOW)


class TestWechatLinks:
    @pytest.fixture
    def maker(self, wechat: Wechat, redis: "Redis") -> WechatLinks:
        return WechatLinks(make_api(wechat.server, redis), page=PAGE)

    def test_asks_for_the_longest_life(self, wechat: Wechat, maker: WechatLinks) -> None:
        wechat.answers[LINK] = [{"errcode": 0, "url_link": "https://wxaurl.cn/AbC-1_2"}]
        made = maker.make(invite_code=INVITE, now=NOW)
        assert (made.url, made.picture) == ("https://wxaurl.cn/AbC-1_2", None)
        assert made.ends_at == NOW + timedelta(days=30)
        (asked,) = wechat.calls(LINK)
        assert json.loads(asked.body) == {
            "path": PAGE,
            "query": f"scene={INVITE}",
            "expire_type": 1,
            "expire_interval": 30,
            "env_version": "release",
        }

    @pytest.mark.parametrize(
        "url",
        [
            "javascript:alert(1)",
            "http://wxaurl.cn/abc",
            "https://wxaurl.cn.evil.example/abc",
            "https://evil.example/wxaurl.cn/abc",
            'https://wxaurl.cn/"onclick=x',
            "https://wxaurl.cn/a\nb",
            None,
            7,
        ],
    )
    def test_i138_no_other_address_ever_stands_on_a_page(
        self, wechat: Wechat, maker: WechatLinks, url: Any
    ) -> None:
        wechat.answers[LINK] = [{"errcode": 0, "url_link": url}]
        with pytest.raises(MakerSilent):
            maker.make(invite_code=INVITE, now=NOW)

    @pytest.mark.parametrize(
        ("errcode", "failure"),
        [(44990, MakerSilent), (44993, MakerSilent), (40165, MakerRefused), (85401, MakerRefused)],
    )
    def test_a_quota_is_no_refusal(
        self, wechat: Wechat, maker: WechatLinks, errcode: int, failure: type[Exception]
    ) -> None:
        wechat.answers[LINK] = [{"errcode": errcode}]
        with pytest.raises(failure):
            maker.make(invite_code=INVITE, now=NOW)


class TestAlipayCodes:
    @pytest.fixture
    def maker(self, server: ScriptedServer) -> AlipayCodes:
        return AlipayCodes(alipay_double.make_api(server), page=PAGE, timeout_seconds=4)

    def answer(self, server: ScriptedServer, url: str, picture: Answer) -> None:
        gateway = alipay_double.signed(alipay_double.ok(qr_code_url=url))

        def answer(asked: Asked) -> Answer:
            return picture if asked.method == "GET" else gateway(asked)

        server.answer = answer

    def test_fetches_the_picture_that_the_answer_names(
        self, server: ScriptedServer, maker: AlipayCodes
    ) -> None:
        self.answer(server, f"{server.url}/p.png", Answer(200, code_picture("x", width=430)))
        assert maker.make(invite_code=INVITE, now=NOW).picture is not None
        asked, fetched = server.asked
        told = alipay_double.asked_for(asked)
        assert told["method"] == "alipay.open.app.qrcode.create"
        assert json.loads(told["biz_content"])["query_param"] == f"scene={INVITE}"
        assert fetched.target == "/p.png"

    @pytest.mark.parametrize(
        "url",
        ["http://169.254.169.254/latest", "file:///etc/passwd", "https://alipay.com.evil/x", "//["],
    )
    def test_i138_fetches_from_nowhere_else(
        self, server: ScriptedServer, maker: AlipayCodes, url: str
    ) -> None:
        self.answer(server, url, Answer(200, code_picture("x", width=430)))
        with pytest.raises(MakerSilent):
            maker.make(invite_code=INVITE, now=NOW)
        assert len(server.asked) == 1

    @pytest.mark.parametrize(
        "picture", [Answer(404), Answer(200, b"<html>"), Answer(200, bytes(3 * 1024 * 1024))]
    )
    def test_what_is_no_picture_is_silence(
        self, server: ScriptedServer, maker: AlipayCodes, picture: Answer
    ) -> None:
        self.answer(server, f"{server.url}/p.png", picture)
        with pytest.raises(MakerSilent):
            maker.make(invite_code=INVITE, now=NOW)

    def test_a_refusal_is_one(self, server: ScriptedServer, maker: AlipayCodes) -> None:
        server.answer = alipay_double.signed(alipay_double.failed("INVALID_PARAMETER"))
        with pytest.raises(MakerRefused, match="INVALID_PARAMETER"):
            maker.make(invite_code=INVITE, now=NOW)
