"""Pages of the console: an order end to end, refunds, differences, search, safety, words."""

import re
from uuid import UUID

from babel.messages.pofile import read_po
from sqlalchemy import update

from console import assets, building, words
from kit.ids import new_id
from shop.campaigns.models import Campaign
from shop.orders.models import Order
from shop.payments.gateway import Channel
from shop.settlement.models import Difference, DifferenceKind, DifferenceStatus
from tests.console.markup import read
from tests.console.office import Clerk, Office
from tests.console.test_campaigns import actions, publish

PATHS = ("", "/campaigns", "/campaigns/new", "/stock", "/orders", "/refunds", "/differences",
         "/jobs", "/audit", "/operators", "/account", "/search?q=x", "/sign-in", "/pushes",
         "/chat-groups", "/chat-groups/new", "/push-templates", "/campaigns/calendar",
         "/campaigns/calendar?view=day", "/members", "/leaders", "/leaders?tab=applicants",
         "/commission-rules", "/withdrawals", "/withdrawals?status=all", "/groups",
         "/groups?soon=yes", "/sheets", "/approvals", "/approvals?shelf=mine",
         "/payments", "/reconciliation", "/ledger", "/reports", "/exports",
         "/exports/all", "/products", "/products?status=draft&scenario=video&q=x",
         "/products/new")  # fmt: skip
PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "</title><script>alert(1)</script>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "\" autofocus onfocus=alert(1) x=\"",
)  # fmt: skip


def bought(office: Office) -> tuple[Clerk, Order]:
    """Return a support clerk, and an order that a member paid for."""
    member = office.world.member()
    told = office.world.bought(member, office.world.make_sku(), quantity=2)
    card = member.get("/v1/cards").get_json()["items"][0]
    assert member.post(f"/v1/cards/{card['id']}/reveal").status_code == 200
    clerk = office.clerk("support")
    with office.world.begin() as session:
        return clerk, session.get_one(Order, UUID(told["id"]))


class TestOrders:
    def test_one_order_is_told_end_to_end_without_codes(self, office: Office) -> None:
        clerk, order = bought(office)
        page = clerk.page(f"/orders/{order.id}")
        for words_of_it in (
            "下单 ¥20.00",
            "收到微信支付通知",
            "待付款 → 已付款",
            "已付款 → 已发卡",
            "已发卡 → 已查看",
            "查看卡密",
            "clearing wechat_pay",
        ):
            assert words_of_it in page, words_of_it
        assert str(order.member_id) in page  # the list of their orders
        assert not re.search(r">\s*[0-9a-f]{32}\s*<", page)  # what codes look like here

    def test_a_refund_is_made_once_and_written_down(self, office: Office) -> None:
        clerk, order = bought(office)
        path = f"/orders/{order.id}"
        version = clerk.version(path)
        assert clerk.post(f"{path}/refund", version="0", why="x").status_code == 409
        assert clerk.post(f"{path}/refund", version=version, why="买错了").status_code == 303
        page = clerk.page(path)
        assert "退款 ¥10.00" in page  # the other code was looked at
        assert "买错了" in page
        assert clerk.post(f"{path}/refund", version=version, why="again").status_code == 409
        assert [one for one, _ in actions(office)] == ["orders.refund"]
        assert "¥10.00" in clerk.page("/refunds?status=requested")

    def test_a_refund_of_what_makes_no_sense_refunds_nothing(self, office: Office) -> None:
        clerk, order = bought(office)
        path = f"/orders/{order.id}"
        version = clerk.version(path)
        for fields in (
            {"why": "x", "line_id": "1"},
            {"why": " "},
            {},
            {"why": "x", "line_id": " "},
        ):
            assert clerk.post(f"{path}/refund", version=version, **fields).status_code == 422
        assert clerk.version(path) == version
        assert actions(office) == []

    def test_lists_are_narrowed_by_their_address(self, office: Office) -> None:
        clerk, order = bought(office)
        assert order.order_no in clerk.page("/orders?status=fulfilled")
        assert order.order_no in clerk.page(f"/orders?member={order.member_id}&status=nonsense")
        assert order.order_no not in clerk.page("/orders?status=pending")
        assert order.order_no not in clerk.page(f"/orders?campaign={new_id()}")
        assert clerk.get("/orders?cursor=nonsense").status_code == 422

    def test_a_pasted_number_lands_on_its_order(self, office: Office) -> None:
        clerk, order = bought(office)
        page = clerk.page(f"/orders/{order.id}")
        number = re.search(r"<code>(PA\w{10,}|[A-Z]{2}\d{8}\w+)</code>", page)
        assert number is not None
        for pasted in (f" {order.order_no} ", order.order_no.lower(), str(order.id), number[1]):
            answer = clerk.get("/search", query_string={"q": pasted})
            assert answer.headers.get("Location") == f"/console/orders/{order.id}", pasted
        assert clerk.get("/palette", query_string={"q": order.order_no}).get_json()["found"][0] == {
            "name": order.order_no,
            "place": f"/console/orders/{order.id}",
        }
        planner_less = office.clerk("auditor")
        assert planner_less.get("/search", query_string={"q": "\\%_"}).status_code == 200


class TestDifferences:
    def test_a_difference_is_resolved_with_a_reason(self, office: Office) -> None:
        found = Difference(
            id=new_id(),
            channel=Channel.ALIPAY,
            day=office.world.now.date(),
            kind=DifferenceKind.PAYMENT_AMOUNT,
            number="PA20261120X",
            detail={"theirs": 100},
            status=DifferenceStatus.OPEN,
            found_at=office.world.now,
        )
        with office.world.begin() as session:
            session.add(found)
        clerk = office.clerk("finance")
        assert "收款金额不一致" in clerk.page("/differences")
        path = f"/differences/{found.id}/resolve"
        assert clerk.post(path, why=" ").status_code == 422
        assert clerk.post(path, why="平台已更正").status_code == 303
        assert "平台已更正" in clerk.page("/differences?status=resolved")
        assert clerk.post(path, why="again").status_code == 409
        assert [one for one, _ in actions(office)] == ["differences.resolve"]


class TestSafety:
    def test_h130_h131_every_page_has_the_strict_policy(self, office: Office) -> None:
        clerk = office.clerk("owner")
        for path in PATHS:
            answer = clerk.get(path)
            assert answer.status_code == 200
            policy = answer.headers["Content-Security-Policy"]
            assert "unsafe" not in policy
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert answer.headers["Cache-Control"] == "no-store"
            assert read(answer.get_data(as_text=True)).dangers == [], path

    def test_h130_i137_stored_texts_are_shown_as_texts(self, office: Office) -> None:
        clerk = office.clerk("owner")
        campaign_id = publish(office, clerk, name="x", rules_text="y")
        for payload in PAYLOADS:
            with office.world.begin() as session:
                session.execute(
                    update(Campaign)
                    .where(Campaign.id == UUID(campaign_id))
                    .values(name=payload, rules_text=payload, refund_promise=payload)
                )
            for path in ("", "/campaigns", f"/campaigns/{campaign_id}/live"):
                found = read(clerk.page(path))
                assert found.dangers == [], path
                assert any(payload in text for text in found.texts), path
            found = read(clerk.page(f"/campaigns/{campaign_id}"))
            assert found.dangers == []
            assert [text.strip() for text in found.texts].count(payload) >= 3

    def test_h130_typed_texts_come_back_as_texts(self, office: Office) -> None:
        clerk = office.clerk("owner")
        csrf = clerk.csrf()
        for payload in PAYLOADS:
            for path in ("/search", "/campaigns", "/audit"):
                found = read(clerk.get(path, query_string={"q": payload, "actor": payload}).text)
                assert found.dangers == [], path
            typed = {"name": payload, "rules_text": payload}
            answer = clerk.post("/campaigns/new", do="check", csrf=csrf, **typed)
            found = read(answer.get_data(as_text=True))
            assert found.dangers == []
            assert payload in found.texts

    def test_i137_nul_is_refused_wherever_it_stands(self, office: Office) -> None:
        clerk = office.clerk("owner")
        csrf = clerk.csrf()
        for path in PATHS:
            answer = clerk.get(path.partition("?")[0], query_string={"q": "a\x00"})
            assert answer.status_code == 400, path
        for path in ("/refunds/%00/retry", "/campaigns/stop-all", "/operators"):
            typed = {"why": "a\x00", "name": "wang\x00", "roles": "owner"}
            assert clerk.post(path, csrf=csrf, **typed).status_code == 400, path
        assert actions(office) == []

    def test_an_address_that_is_none_leads_to_the_first_page(self, office: Office) -> None:
        clerk = office.clerk("owner")
        assert clerk.get("/sign-in?next=//[").status_code == 200
        answer = clerk.post("/preferences", language="en", back="//[")
        assert answer.headers["Location"] == "/console"

    def test_what_is_not_there_is_a_page(self, office: Office) -> None:
        clerk = office.clerk("owner")
        assert clerk.get("/nowhere").status_code == 404
        assert "没有找到" in clerk.get(f"/orders/{new_id()}").get_data(as_text=True)


class TestAssets:
    def test_are_kept_for_ever_by_their_digest(self, office: Office) -> None:
        visitor = office.visitor()
        for one in assets.ASSETS.values():
            path = one.path.removeprefix("/console")
            plain = visitor.get(path)
            packed = visitor.get(path, headers={"Accept-Encoding": "gzip"})
            assert plain.data == one.plain
            assert packed.headers["Content-Encoding"] == "gzip"
            assert len(packed.data) < len(plain.data)
            assert "immutable" in plain.headers["Cache-Control"]
            assert visitor.get(path.replace(one.digest, "0" * 16)).status_code == 404
        # What charts are drawn with is loaded by reports alone.
        on_every_page = assets.ASSETS.keys() - {"echarts.js", "charts.js"}
        assert sum(len(assets.ASSETS[name].compressed) for name in on_every_page) < 60_000
        clerk = office.clerk("owner")
        assert [path for path in PATHS if "echarts.js" in clerk.page(path)] == ["/reports"]

    def test_hold_every_class_that_templates_name(self) -> None:
        style = (
            assets.ASSETS["tabler.css"].plain.decode() + assets.ASSETS["console.css"].plain.decode()
        )
        for name in (
            "navbar-vertical",
            "page-wrapper",
            "card-table",
            "bg-green-lt",
            "alert-danger",
        ):
            assert f".{name}" in style


class TestWords:
    def test_everything_is_said_in_english_too(self) -> None:
        folder = building.TRANSLATIONS / "en" / "LC_MESSAGES"
        with (folder / "messages.po").open("rb") as file:
            kept = {message.id: message.string for message in read_po(file) if message.id}
        assert all(kept.values())
        said = set()
        for place in (building.TRANSLATIONS.parent).rglob("*"):
            if place.suffix in (".py", ".html"):
                text = place.read_text(encoding="utf-8")
                said |= set(re.findall(r'\b_l?\(\s*"((?:[^"\\]|\\.)*)"', text))
        assert said <= set(kept)
        assert len(said) > 300

    def test_every_page_is_english_for_who_wants_it(self, office: Office) -> None:
        clerk = office.clerk("owner")
        clerk.client.set_cookie("console-language", "en", path="/console")
        for path in PATHS:
            page = re.sub(r'lang="zh-CN">中文', "", clerk.page(path))
            assert not re.findall(r"[\u4e00-\u9fff]+", page), path

    def test_every_label_has_a_name(self) -> None:
        assert all(str(name) for names in words.LABELS.values() for name in names.values())
