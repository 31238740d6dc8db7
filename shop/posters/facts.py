"""What goes on the poster of an invite."""

from collections.abc import Mapping
from typing import Final

from shop.members.platforms import Platform
from shop.posters import drawing
from shop.posters.makers import CodeKind
from shop.posters.models import PlatformCode
from shop.posters.queries import Shared

HINTS: Final[Mapping[Platform | None, str]] = {
    Platform.WECHAT: "微信扫一扫，进入「团卡」小程序",
    Platform.ALIPAY: "支付宝扫一扫，进入「团卡」小程序",
    None: "手机扫一扫，打开邀请页面",
}
KINDS: Final = {
    Platform.WECHAT: CodeKind.WECHAT_CODE,
    Platform.ALIPAY: CodeKind.ALIPAY_CODE,
}


def poster_facts(
    shared: Shared,
    codes: Mapping[CodeKind, PlatformCode],
    platform: Platform,
    *,
    public_base_url: str,
) -> drawing.Facts:
    """Return what goes on the poster for one platform: its code, else a QR code of the page."""
    code = codes.get(KINDS[platform])
    named = shared.cheapest
    return drawing.Facts(
        inviter=shared.inviter,
        title=shared.title,
        price=None if named is None else named.price,
        list_price=None if named is None else named.list_price,
        opens=shared.opens,
        ends=shared.ends,
        wares=tuple(
            drawing.Line(ware.title, ware.price) for ware in shared.wares[: drawing.MOST_WARES]
        ),
        invite_code=shared.code,
        hint=HINTS[None if code is None else platform],
        url=page_url(shared.code, public_base_url),
        code=None if code is None else code.picture,
    )


def page_url(code: str, public_base_url: str) -> str:
    """Return the address of the invite's page."""
    return f"{public_base_url.rstrip('/')}/s/{code}"
