"""A leader's file of an order sheet: what stands in it, and that nothing in it computes."""

import csv
import io

import pytest

from miniprogram_api.sheet_export import harmless
from tests.miniprogram_api.hall import Hall
from tests.miniprogram_api.world import World

HEAD = ["跟团号", "昵称", "商品", "金额(元)", "状态", "下单时间", "付款时间"]
NOON = "2026-11-20 20:00:00"  # in Shanghai


@pytest.fixture
def hall(world: World) -> Hall:
    """Return a world with leaders in which nothing stays."""
    return Hall(world)


class TestExport:
    """GET /v1/sheets/{id}/export."""

    def test_is_a_file_for_a_spreadsheet(self, hall: Hall) -> None:
        """With its mark, one row per number, names short, times in Shanghai, kept nowhere."""
        leader = hall.leader()
        sheet = hall.open(leader)
        phone = "+8613912345678"
        person = hall.person("阿花同学")
        person.post("/v1/me/phone", {"credential": f"phone:{phone}"})
        hall.bought(person, sheet, 2)
        hall.order(hall.person(), sheet)
        answer = leader.get(f"/v1/sheets/{sheet['id']}/export")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.data.startswith(b"\xef\xbb\xbf")
        text = answer.data.decode("utf-8-sig")
        assert list(csv.reader(io.StringIO(text))) == [
            HEAD,
            ["1", "阿**", "10 元 x2", "18.00", "已付款", NOON, NOON],
            ["2", "团友", "10 元 x1", "9.00", "待付款", NOON, ""],
        ]
        for secret in (phone.removeprefix("+86"), person.id, "阿花"):
            assert secret not in text

    def test_i144_computes_nothing(self, hall: Hall) -> None:
        """A name and a title that begin like formulas are shown as texts."""
        leader = hall.leader()
        sheet = hall.open(leader)
        for name in ("=HYPERLINK(1)", "+1", "-1", "@SUM", "＝1"):
            hall.order(hall.person(name), sheet)
        text = leader.get(f"/v1/sheets/{sheet['id']}/export").data.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text)))[1:]
        assert [row[1] for row in rows] == ["'=**", "'+**", "'-**", "'@**", "'＝**"]

    @pytest.mark.parametrize("text", ["=1", " =1", "\t=1", "\r1", "+1", "-1", "@a", "＋1", "|cmd"])
    def test_i144_harmless_in_every_form(self, text: str) -> None:
        """A quote before it, which spreadsheets take for "text"."""
        assert harmless(text) == f"'{text}"

    @pytest.mark.parametrize("text", ["", "1", "a=1", "10 元 x2", "2026-11-20"])
    def test_harmless_leaves_the_rest(self, text: str) -> None:
        """What computes nothing stays as it is."""
        assert harmless(text) == text
