"""An invite that goes round: its poster is scanned, its link tapped, and platforms come and go."""

import io
import re

import zxingcpp
from PIL import Image

from tests.journeys.people import Json, Person, eventually, no_more_trouble, trouble
from tests.running_shop import RunningShop

PAGE = "pages/invite/index"
LINK = re.compile(r'href="(https://wxaurl\.cn/[^"]+)"')


def scanned(shop: RunningShop, path: str) -> str:
    """Return what a phone reads on a poster."""
    answer = shop.request("GET", path)
    assert answer.status_code == 200, answer.text
    assert len(answer.content) <= 40 * 1024
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(answer.content)).convert("L"))
    text: str = found.text
    return text


def test_an_invite_is_scanned_and_tapped_though_a_platform_was_out(shop: RunningShop) -> None:
    trouble(shop, "wechat.code", "drop", times=2)
    person = Person(shop, "wechat")
    invite: Json = person.ask("POST", "/invites", {}).json()["invite"]
    code, poster = invite["code"], invite["poster_path"]

    # Until the platform is back, the poster leads to the page.
    assert scanned(shop, poster).endswith(invite["share_path"])
    eventually(
        lambda: scanned(shop, poster) == f"{PAGE}?scene={code}", what="WeChat has made its code"
    )
    eventually(
        lambda: scanned(shop, f"{poster}?for=alipay") == f"{PAGE}?scene={code}",
        what="Alipay has made its code",
    )
    no_more_trouble(shop)

    def link() -> str | None:
        found = LINK.search(shop.request("GET", invite["share_path"]).text)
        return found[1] if found else None

    told = {"url_link": eventually(link, what="the page has a link")}
    opened = shop.sandbox.post("wechat/open-link", told)
    assert opened == {"path": PAGE, "query": f"scene={code}"}
