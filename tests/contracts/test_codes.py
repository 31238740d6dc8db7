"""Codes and links of invites against the real sandbox: a scan or a tap ends at the invite."""

import io
from datetime import UTC, datetime

import pytest
import zxingcpp
from PIL import Image
from redis import Redis

from shop.posters.alipay import AlipayCodes
from shop.posters.makers import MakerRefused
from shop.posters.wechat import WechatCodes, WechatLinks
from tests.contracts.gateways import make_alipay_api, make_wechat_api
from tests.servers import SandboxServer

PAGE = "pages/invite/index"
INVITE = "ABCDE12345"


def scanned(picture: bytes | None) -> str:
    """Return what a phone reads."""
    assert picture is not None
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    text: str = found.text
    return text


def test_wechat_makes_a_code(sandbox_server: SandboxServer, redis: "Redis") -> None:
    maker = WechatCodes(make_wechat_api(sandbox_server, redis), page=PAGE)
    made = maker.make(invite_code=INVITE, now=datetime.now(UTC))
    assert scanned(made.picture) == f"{PAGE}?scene={INVITE}"


def test_wechat_makes_a_link(sandbox_server: SandboxServer, redis: "Redis") -> None:
    maker = WechatLinks(make_wechat_api(sandbox_server, redis), page=PAGE)
    made = maker.make(invite_code=INVITE, now=datetime.now(UTC))
    opened = sandbox_server.post("wechat/open-link", {"url_link": made.url})
    assert opened == {"path": PAGE, "query": f"scene={INVITE}"}


def test_alipay_makes_a_code(sandbox_server: SandboxServer) -> None:
    maker = AlipayCodes(make_alipay_api(sandbox_server), page=PAGE, timeout_seconds=5)
    made = maker.make(invite_code=INVITE, now=datetime.now(UTC))
    assert scanned(made.picture) == f"{PAGE}?scene={INVITE}"


def test_a_page_that_is_not_published_is_refused(
    sandbox_server: SandboxServer, redis: "Redis"
) -> None:
    wechat = make_wechat_api(sandbox_server, redis)
    makers = (
        WechatCodes(wechat, page="pages/new"),
        WechatLinks(wechat, page="pages/new"),
        AlipayCodes(make_alipay_api(sandbox_server), page="pages/new", timeout_seconds=5),
    )
    for maker in makers:
        with pytest.raises(MakerRefused):
            maker.make(invite_code=INVITE, now=datetime.now(UTC))
