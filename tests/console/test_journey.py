"""An operator's evening in Chromium: codes imported, campaigns planned and watched, one refund."""

import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import requests
from playwright.sync_api import Page, Route, expect
from sqlalchemy import update

from kit.clock import utc_now
from shop.campaigns.models import Campaign
from tests.console.payloads import PAYLOADS
from tests.console.window import CHROMIUM, Window, local
from tests.journeys.auditor import begin_of
from tests.journeys.groups import Deal, paid_group
from tests.journeys.people import Json, Person
from tests.running_shop import RunningShop

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's Chromium")


def import_codes(window: Window, folder: Path) -> None:
    """Import a file of which two lines are no good: looked at first, then without them."""
    codes = [f"EVENING-{uuid4().hex[:12].upper()}" for _ in range(30)]
    file = folder / "codes.csv"
    file.write_text("\n".join([*codes, codes[0], "x"]), encoding="utf-8")
    page = window.go("/stock")
    for wanted in ("check", "import"):
        page.select_option("#sku_id", index=1)
        page.set_input_files("#file", file)
        page.fill("#source", "青禾")
        page.set_checked("[name=skip_bad]", checked=wanted == "import")
        page.click(f"button[value={wanted}]")
        if wanted == "check":
            expect(page.get_by_role("status")).to_contain_text("32 行，可导入 30，不可导入 2")
    expect(page.locator("td", has_text="codes.csv").first).to_contain_text("青禾")


def plan(window: Window, kind: str, **fields: str) -> str:
    """Plan a campaign from empty that opens at once, and return its id once it sells."""
    now = utc_now()
    page = window.go("/campaigns/new")
    page.check(f"[name=kind][value={kind}]")
    page.fill("[name=name]", f"浏览器里的{kind}")
    page.select_option("[name=sku_id]", index=1)
    page.fill("[name=starts_at]", local(now - timedelta(minutes=1)))
    page.fill("[name=ends_at]", local(now + timedelta(hours=2)))
    for name, value in {"deal_price": "19.50", "allotment": "8", **fields}.items():
        page.fill(f"[name={name}]", value)
    page.click("button[value=check]")
    expect(page.locator("#forecast")).to_contain_text("开始时间已过，发布后立即开始")
    page.click("button[value=publish]")
    page.wait_for_url(re.compile(r"/console/campaigns/[0-9a-f-]{36}$"))
    campaign_id = page.url.rsplit("/", 1)[-1]
    Deal(window_shop(window), campaign_id, "").await_status("live")
    return campaign_id


def window_shop(window: Window) -> RunningShop:
    """Return the shop that the window looks into."""
    assert window.shop is not None
    return window.shop


def claim(person: Person, campaign_id: str) -> Json:
    """Take one of the sale as the mini-program does, pay it, and return the order."""
    given = person.ask("POST", f"/campaigns/{campaign_id}/purchase-tokens", {})
    assert given.status_code == 201, given.text
    headers = {
        "Authorization": f"Bearer {given.json()['token']}",
        "Idempotency-Key": uuid4().hex,
    }
    answer = requests.post(given.json()["claims_url"], json={}, headers=headers, timeout=15)
    assert answer.status_code == 201, answer.text
    order: Json = answer.json()["order"]
    person.pay(order)
    return person.await_status(order, "fulfilled")


def lose_the_line(page: Page) -> None:
    """Have the live room's questions fail, see that it says so, and that it says so no more."""

    def fail(route: Route) -> None:
        route.fulfill(status=503, body="")

    note = page.get_by_text("连接中断，下面的数字可能已过期")
    page.route("**/live/snapshot", fail)
    expect(note).to_be_visible()
    page.unroute("**/live/snapshot")
    expect(note).to_have_count(0)


def test_an_evening_from_empty_to_one_order_s_whole_story(
    window: Window, running_shop: RunningShop, tmp_path: Path
) -> None:
    page = window.page
    import_codes(window, tmp_path)
    sale = plan(window, "flash_sale")
    groups = plan(window, "group_buy", seats="2")
    window.go(f"/campaigns/{sale}/live")
    expect(page.get_by_text("共 8 份")).to_be_visible()
    buyers = [Person(running_shop, ("wechat", "alipay")[number % 2]) for number in range(3)]
    bought = [claim(person, sale) for person in buyers]
    # The room moves by itself: nobody loads the page anew.
    expect(page.locator(".card-sm", has_text="已抢").first).to_contain_text("3")
    expect(page.get_by_role("link", name=bought[-1]["order_no"])).to_be_visible()
    lose_the_line(page)
    window.troubles[:] = [one for one in window.troubles if "503" not in one]
    window.go(f"/campaigns/{groups}/live")
    _group, orders = paid_group(Deal(running_shop, groups, ""), *buyers[:2])
    expect(page.locator(".card-sm", has_text="已成团").first).to_contain_text("1")
    buyers[0].await_status(orders[0], "fulfilled")
    # A member calls and reads a number out.
    page.keyboard.press("Control+k")
    page.fill("#palette-words", bought[0]["order_no"])
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/console/orders/{bought[0]['id']}$"))
    for words in ("下单 ¥19.50", "收到微信支付通知", "待付款 → 已付款", "已付款 → 已发卡"):
        expect(page.locator("ol.history")).to_contain_text(words)
    page.get_by_role("button", name="退款").first.click()
    page.fill("[name=why]", "买错了")
    page.locator("dialog[open] button:not([type=button])").click()
    buyers[0].await_refunds(bought[0], "done")
    page.reload()
    expect(page.locator("ol.history")).to_contain_text("已退回")
    assert window.troubles == []


def test_what_was_just_frozen_is_back_with_one_press(window: Window) -> None:
    page = window.go("/stock")
    page.locator("tbody [name=pick]").first.check()
    page.locator("#many").get_by_role("button", name="冻结批次").click()
    expect(page.get_by_text("对 1 行执行：冻结批次")).to_be_visible()
    assert window.breaches() == []
    page.get_by_role("button", name="确认执行").click()
    expect(page.get_by_text("完成 1 行，拒绝 0 行")).to_be_visible()
    assert window.breaches() == []
    window.go("/stock")
    page.get_by_role("button", name="解冻", exact=True).first.click()
    expect(page.get_by_text("已完成：解冻批次")).to_be_visible()
    page.get_by_role("button", name="撤销", exact=True).last.click()
    expect(page.get_by_role("button", name="解冻", exact=True)).to_have_count(1)
    page.get_by_role("button", name="解冻", exact=True).click()
    expect(page.get_by_role("button", name="解冻", exact=True)).to_have_count(0)
    assert window.troubles == []


def test_a_list_is_narrowed_saved_and_found_again(window: Window) -> None:
    page = window.go("/campaigns")
    page.locator("#list").get_by_role("link", name=re.compile("进行中")).click()
    page.get_by_role("button", name="保存当前筛选").click()
    page.fill("#save-view-name", "在卖的")
    page.locator("#save-view").get_by_role("button", name="保存", exact=True).click()
    page.wait_for_url(re.compile(r"/console/campaigns\?status=live$"))
    expect(page.locator("#views .active")).to_have_text("在卖的")
    page.locator("#list").get_by_role("link", name=re.compile("全部")).first.click()
    expect(page.locator("#views .active")).to_have_text("不筛选")
    page.keyboard.press("Control+k")
    page.fill("#palette-words", "在卖")
    page.locator("#palette-found li", has_text="在卖的").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/console/campaigns\?status=live$"))
    assert window.troubles == []


def test_h130_hostile_names_run_nothing_under_the_policy(
    window: Window, running_shop: RunningShop
) -> None:
    page = window.page
    now = utc_now()
    window.go("/campaigns/new")
    page.fill("[name=name]", "名称")
    page.select_option("[name=sku_id]", index=1)
    page.fill("[name=deal_price]", "19.50")
    page.fill("[name=allotment]", "1")
    page.fill("[name=starts_at]", local(now + timedelta(hours=3)))
    page.fill("[name=ends_at]", local(now + timedelta(hours=4)))
    page.click("button[value=publish]")
    page.wait_for_url(re.compile(r"/console/campaigns/[0-9a-f-]{36}$"))
    place = page.url.removeprefix(f"{window.base}/console")
    for payload in PAYLOADS[2:200:57]:
        with begin_of(running_shop) as begin, begin() as session:
            session.execute(
                update(Campaign)
                .where(Campaign.id == UUID(place.rsplit("/", 1)[-1]))
                .values(name=payload, rules_text=payload)
            )
        for path in ("/campaigns", place, f"{place}/live"):
            window.go(path)
            expect(page.get_by_text(payload, exact=True).first).to_be_visible()
    assert window.troubles == []
