"""Members in the console: found by number and phone, shown masked, signed out everywhere."""

from uuid import UUID

from sqlalchemy import select

from kit.ids import new_id
from shop.members import finding
from shop.members.models import Member
from shop.operators.models import OperatorAction
from tests.console.office import Office
from tests.console.test_campaigns import actions
from tests.miniprogram_api.world import Person

PHONE = "+8613800138765"


def with_phone(office: Office, phone: str = PHONE) -> Person:
    """Return a member who linked a phone number and has a nickname."""
    person = office.world.member()
    answer = person.post("/v1/me/phone", {"code": f"phone:{phone}"})
    assert answer.status_code == 200, answer.get_json()
    assert person.send("PATCH", "/v1/me", json={"nickname": "李雷"}).status_code == 200
    return person


class TestFinding:
    def test_by_number_and_by_order(self, office: Office) -> None:
        clerk, member = office.clerk("support"), office.world.member()
        order = office.world.bought(member, office.world.make_sku())
        place = f"/console/members/{member.id}"
        for words in (member.id, member.id[-6:], member.id[-6:].upper(), order["order_no"]):
            answer = clerk.get("/members", query_string={"q": words})
            assert answer.headers.get("Location") == place, words
        assert "没有找到" in clerk.page("/members?q=zzzzzz")

    def test_by_phone_and_by_its_end_and_nobody_is_told_which(self, office: Office) -> None:
        clerk, member = office.clerk("support"), with_phone(office)
        for phone in ("138 0013 8765", PHONE, "8765"):
            answer = clerk.post("/members/find", phone=phone)
            assert answer.headers.get("Location") == f"/console/members/{member.id}", phone
        other = with_phone(office, "+8613900138765")
        page = clerk.post("/members/find", phone="8765").get_data(as_text=True)
        assert member.id in page
        assert other.id in page
        with office.world.begin() as session:
            deeds = session.scalars(select(OperatorAction).order_by(OperatorAction.id)).all()
        assert [deed.action for deed in deeds] == ["members.find"] * 4
        assert [(deed.subject, deed.after) for deed in deeds[2:]] == [
            (member.id, {"found": 1}),
            ("", {"found": 2}),
        ]

    def test_what_is_no_number_has_a_message(self, office: Office) -> None:
        clerk = office.clerk("support")
        for phone in ("", "12", "138001387651234", "abcd", "'; --", "9" * 4000, "٣٣٣٣"):
            answer = clerk.post("/members/find", phone=phone)
            assert answer.status_code == 422, phone
            assert "手机号格式不正确" in answer.get_data(as_text=True)
        assert actions(office) == []
        assert "没有会员绑定" in clerk.post("/members/find", phone="13800000000").text

    def test_numbers_that_were_linked_before_come_to_be_found(self, office: Office) -> None:
        clerk, member = office.clerk("support"), with_phone(office)
        with office.world.begin() as session:
            session.get_one(Member, UUID(member.id)).phone_tail_hash = None
        assert clerk.post("/members/find", phone="8765").status_code == 200
        book, after = office.world.ports.phone_book, None
        with office.world.begin() as session:
            after = finding.remember_tails(session, book, after=None)
            assert finding.remember_tails(session, book, after=after) is None
        assert str(after) == member.id
        assert clerk.post("/members/find", phone="8765").status_code == 303


class TestMember:
    def test_is_shown_masked(self, office: Office) -> None:
        clerk, member = office.clerk("support"), with_phone(office)
        office.world.bought(member, office.world.make_sku(), quantity=2)
        member.post("/v1/invites", {})
        page = clerk.page(f"/members/{member.id}")
        for words in ("138****8765", "李**", "已发卡", "微信", "1 处有效"):
            assert words in page, words
        for words in ("8613800138765", "13800138765", "李雷", "open-"):
            assert words not in page, words
        assert "李雷" not in clerk.page("/members")

    def test_is_signed_out_everywhere(self, office: Office) -> None:
        clerk, member = office.clerk("support"), office.world.member()
        path = f"/members/{member.id}"
        assert clerk.post(f"{path}/sign-out", why="").status_code == 422
        assert member.get("/v1/me").status_code == 200
        assert clerk.post(f"{path}/sign-out", why="手机丢失").status_code == 303
        assert member.get("/v1/me").status_code == 401
        assert "手机丢失" in clerk.page(path)
        assert actions(office) == [("members.sign_out", clerk.name)]

    def test_one_who_is_gone_is_still_told_of(self, office: Office) -> None:
        clerk, member = office.clerk("support"), with_phone(office)
        answer = member.send("DELETE", "/v1/me", json={"give_up_cards": True})
        assert answer.status_code in (200, 204), answer.get_json()
        page = clerk.page(f"/members/{member.id}")
        assert "已注销" in page
        assert "8765" not in page
        assert member.id in clerk.page("/members?status=deleted")
        assert member.id not in clerk.page("/members?status=active")
        answer = clerk.post(f"/members/{member.id}/sign-out", why="x")
        assert answer.status_code == 409

    def test_what_makes_no_sense_is_as_if_absent(self, office: Office) -> None:
        clerk = office.clerk("support")
        for query in ("status=x", "q=%27+OR+1%3D1", "q=" + "9" * 4000):
            assert clerk.get(f"/members?{query}").status_code == 200, query
        assert clerk.get("/members?cursor=x").status_code == 422
        assert clerk.get(f"/members/{new_id()}").status_code == 404
