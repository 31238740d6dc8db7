"""Leaders in the console: applications, one leader, a statement to the fen, rules of commission."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update

from kit.crypto import new_token
from kit.ids import new_id
from shop.members import leaders
from shop.members.models import Member, SignIn
from shop.referral.models import CommissionRule, Earnings
from tests.console.office import Office, hidden
from tests.console.people import asked, earning_leader, leader
from tests.console.test_campaigns import actions
from tests.miniprogram_api.world import Person

BAD_INPUT = (
    ("percent", ""),
    ("percent", "0"),
    ("percent", "50.01"),
    ("percent", "-1"),
    ("percent", "1.234"),
    ("percent", "九"),
    ("percent", "9" * 4000),
    ("way", "gift"),
    ("holds_days", "366"),
    ("holds_days", "-1"),
    ("holds_days", "٣"),
    ("leader_id", "nobody"),
    ("leader_id", "00000000-0000-0000-0000-000000000000"),
    ("sku_id", "00000000-0000-0000-0000-000000000000"),
    ("campaign_id", "' OR 1=1"),
    ("starts_at", "yesterday"),
    ("starts_at", "2026-11-19T12:00"),
    ("ends_at", "2026-11-19T12:00"),
)


def applicant(office: Office) -> Person:
    """Return a member who wants to be a leader."""
    person = office.world.member()
    with office.world.begin() as session:
        leaders.apply_as_leader(session, UUID(person.id), now=office.world.now)
    return person


def rules(office: Office) -> list[CommissionRule]:
    """Return every rule."""
    with office.world.begin() as session:
        return list(session.scalars(select(CommissionRule).order_by(CommissionRule.id)))


def typed(**changes: str) -> dict[str, str]:
    """Return the fields of a rule."""
    given = {"way": "share", "percent": "5.25", "holds_days": "7", "form_key": new_token()}
    return given | changes


class TestApplications:
    def test_one_is_approved_once(self, office: Office) -> None:
        clerk, member = office.clerk("support"), applicant(office)
        assert member.id in clerk.page("/leaders?tab=applicants")
        version = clerk.version("/leaders?tab=applicants")
        path = f"/leaders/{member.id}/approve"
        answer = clerk.post(path, version=version, back="applicants")
        assert answer.headers["Location"] == "/console/leaders?tab=applicants"
        assert clerk.post(path, version=version).status_code == 409
        assert member.id in clerk.page("/leaders")
        assert member.id not in clerk.page("/leaders?tab=applicants")
        assert actions(office) == [("leaders.approve", clerk.name)]

    def test_one_is_declined_with_a_reason(self, office: Office) -> None:
        clerk, member = office.clerk("support"), applicant(office)
        path = f"/leaders/{member.id}"
        version = clerk.version(path)
        assert clerk.post(f"{path}/decline", version=version, why="").status_code == 422
        assert clerk.post(f"{path}/decline", version=version, why="资料不全").status_code == 303
        assert "资料不全" in clerk.page(path)
        assert member.get("/v1/leader").get_json()["declined_why"] == "资料不全"

    def test_a_leader_is_stopped_and_keeps_what_was_earned(self, office: Office) -> None:
        clerk, member = office.clerk("support"), earning_leader(office)
        path = f"/leaders/{member.id}"
        fields = {"version": clerk.version(path), "why": "违规拉人"}
        assert clerk.post(f"{path}/stop", **fields).status_code == 303
        with office.world.begin() as session:
            assert session.get_one(Member, UUID(member.id)).leader_since is None
        page = clerk.page(path)
        assert "¥5.00" in page
        assert "违规拉人" in page


class TestLeader:
    def test_the_page_tells_what_came_of_them(self, office: Office) -> None:
        member = earning_leader(office)
        asked(office, member)
        page = office.clerk("finance").page(f"/leaders/{member.id}")
        for words in ("¥2.00", "¥3.00", "¥50.00", "各群转化", "没有发现", "1 条生效中"):
            assert words in page, words

    def test_accounts_on_one_device_are_told(self, office: Office) -> None:
        first, second = leader(office), office.world.member()
        with office.world.begin() as session:
            session.execute(update(SignIn).values(device_hash=b"d" * 32))
        page = office.clerk("support").page(f"/leaders/{first.id}")
        assert "同一设备" in page
        assert second.id in page

    def test_the_statement_adds_up_to_the_fen(self, office: Office) -> None:
        member = earning_leader(office)
        withdrawal = asked(office, member)
        clerk, path = office.clerk("finance"), f"/leaders/{member.id}/statement"
        page = clerk.page(path)
        for words in ("订单付款", "到期可提现", "申请提现", "明细与余额一致"):
            assert words in page, words
        assert withdrawal.out_bill_no in page
        with office.world.begin() as session:
            session.execute(update(Earnings).values(payable_fen=Earnings.payable_fen + 1))
        assert "明细与余额不一致" in clerk.page(path)
        assert "请立即核查" in clerk.page(f"/leaders/{member.id}")


class TestRules:
    def test_one_is_added_once_and_ended(self, office: Office) -> None:
        clerk, member = office.clerk("planner"), leader(office)
        fields = typed(leader_id=member.id)
        assert clerk.post("/commission-rules", **fields).status_code == 303
        assert clerk.post("/commission-rules", **fields).status_code == 303  # a double click
        (rule,) = rules(office)
        assert (rule.basis_points, str(rule.leader_id)) == (525, member.id)
        assert rule.created_by == clerk.name
        page = clerk.page(f"/commission-rules?leader={member.id}")
        assert "5.25%" in page
        office.world.now += timedelta(minutes=1)
        version = hidden(page.partition("生效中")[2], "version")
        path = f"/commission-rules/{rule.id}/end"
        assert clerk.post(path, version=version).status_code == 303
        assert clerk.post(path, version=version).status_code == 409
        assert rules(office)[0].ends_at == office.world.now
        assert [one for one, _ in actions(office)][:1] == ["commission_rules.add"]
        assert [one for one, _ in actions(office)][-1:] == ["commission_rules.end"]

    def test_an_amount_for_each_unit_has_its_window(self, office: Office) -> None:
        clerk = office.clerk("planner")
        sku_id = str(office.world.make_sku())
        fields = typed(way="fixed", fixed="0.50", percent="", sku_id=sku_id)
        window = {"starts_at": "2026-11-21T00:00", "ends_at": "2026-11-22T00:00"}
        assert clerk.post("/commission-rules", **fields, **window).status_code == 303
        (rule,) = rules(office)
        assert (rule.fixed_fen, rule.basis_points, str(rule.sku_id)) == (50, None, sku_id)
        assert "未开始" in clerk.page("/commission-rules")

    def test_bad_input_has_its_message_and_loses_nothing(self, office: Office) -> None:
        clerk = office.clerk("planner")
        csrf = clerk.csrf()
        for field, value in BAD_INPUT:
            answer = clerk.post("/commission-rules", csrf=csrf, **typed(**{field: value}))
            page = answer.get_data(as_text=True)
            assert answer.status_code == 422, (field, value)
            assert "处需要修改" in page, (field, value)
            assert field == "percent" or 'value="5.25"' in page, (field, value)
        assert rules(office) == []

    def test_what_is_not_there_is_refused(self, office: Office) -> None:
        clerk = office.clerk("planner")
        assert clerk.post(f"/commission-rules/{new_id()}/end", version="0").status_code == 404
        for query in ("leader=x", "campaign=%27", "leader=" + "9" * 3000):
            assert clerk.get(f"/commission-rules?{query}").status_code == 200
        support = office.clerk("support")
        assert "新增规则" not in support.page("/commission-rules")
