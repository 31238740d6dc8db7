"""Pushes in the console: planned, previewed, planned again; what nobody knows is looked at."""

from datetime import timedelta
from uuid import UUID

import pytest

from kit.ids import new_id
from shop.campaigns.models import Campaign
from shop.outreach.inbox import service as inbox
from shop.outreach.inbox.models import NoticeKind
from shop.outreach.models import PushEdge, PushStatus
from tests.console.markup import read
from tests.console.office import Office
from tests.console.push_desk import TEXT, PushDesk
from tests.console.test_campaigns import actions, publish
from tests.console.test_pages import PAYLOADS

WISH = {
    "edges": ["open", "last_call"],
    "channels": ["robot"],
    "template": "news",
    "lead_minutes": "30",
    "quiet_from": "22:00",
    "quiet_until": "09:00",
    "when_quiet": "wait",
    "do": "plan",
}


@pytest.fixture
def desk(office: Office) -> PushDesk:
    """Return a console with chat groups."""
    return PushDesk(office)


class TestPlanning:
    def test_edges_are_planned_seen_and_planned_again_for_late_groups(
        self, office: Office, desk: PushDesk
    ) -> None:
        clerk, first = office.clerk("planner"), desk.group()
        desk.template()
        campaign_id = UUID(publish(office, clerk))
        path = f"/campaigns/{campaign_id}/pushes"
        preview = clerk.post(path, **WISH | {"do": "check"}).get_data(as_text=True)
        assert "【周五秒杀】9.90 元" in preview
        assert desk.pushes(campaign_id) == []
        assert clerk.post(path, **WISH).status_code == 303
        assert clerk.post(path, **WISH).status_code == 409  # it has a plan
        page = clerk.page(path)
        assert first.name in page
        assert "22:00–09:00" in page
        late = desk.group()
        assert clerk.post(f"{path}/again").status_code == 303
        assert len(desk.pushes(campaign_id)) == 4
        assert late.name in clerk.page(path)
        assert late.name not in clerk.page(f"{path}?status=sent")
        done = [one for one, _ in actions(office)]
        assert done[-2:] == ["pushes.plan", "pushes.plan_again"]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("edges", []),
            ("edges", ["open", "sometime"]),
            ("channels", []),
            ("template", ""),
            ("template", "nobody-wrote-it"),
            ("lead_minutes", "-1"),
            ("lead_minutes", "9" * 3000),
            ("quiet_from", "25:00"),
            ("quiet_until", "9"),
            ("when_quiet", "perhaps"),
            ("chat_group_ids", "nonsense"),
            ("chat_group_ids", "x " * 20_000),
            ("edges", ["warming"]),  # the campaign does not warm up
        ],
    )
    def test_what_makes_no_sense_plans_nothing(
        self, office: Office, desk: PushDesk, name: str, value: object
    ) -> None:
        clerk = office.clerk("planner")
        desk.group()
        desk.template()
        campaign_id = UUID(publish(office, clerk))
        answer = clerk.post(f"/campaigns/{campaign_id}/pushes", **WISH | {name: value})
        assert answer.status_code in (404, 422)
        assert read(answer.get_data(as_text=True)).dangers == []
        assert desk.pushes(campaign_id) == []

    def test_only_some_groups_and_no_such_campaign(self, office: Office, desk: PushDesk) -> None:
        clerk, chosen = office.clerk("planner"), desk.group()
        desk.group()
        desk.template()
        campaign_id = UUID(publish(office, clerk))
        wish = WISH | {"chat_group_ids": f"{chosen.id}\n"}
        assert clerk.post(f"/campaigns/{campaign_id}/pushes", **wish).status_code == 303
        assert {push.chat_group_id for push in desk.pushes(campaign_id)} == {chosen.id}
        for path in (f"/campaigns/{new_id()}/pushes", f"/campaigns/{new_id()}/pushes/again"):
            assert clerk.post(path, **WISH).status_code == 404
        assert clerk.get(f"/campaigns/{new_id()}/pushes").status_code == 404


class TestUnsure:
    def test_what_somebody_saw_is_written_down_once(self, office: Office, desk: PushDesk) -> None:
        clerk = office.clerk("owner")
        push = desk.unsure(clerk)
        page = clerk.page("/pushes")
        assert f"/s/{push.invite_code}/poster.png" in page
        assert "不在群里" in page
        path = f"/pushes/{push.id}/looked"
        assert clerk.post(path, seen="perhaps").status_code == 422
        assert clerk.post(path, seen="missing").status_code == 303
        assert clerk.post(path, seen="there").status_code == 409
        assert clerk.post(f"/pushes/{new_id()}/looked", seen="there").status_code == 404
        assert desk.pushes(push.campaign_id)[0].status is PushStatus.FAILED
        assert "这里没有推送" in clerk.page("/pushes")
        assert push.invite_code in clerk.page("/pushes?list=failed")
        assert "不在群里" not in office.clerk("support").page("/pushes?list=failed")
        assert actions(office)[-1][0] == "pushes.looked"

    def test_owners_who_did_not_confirm_are_listed(self, office: Office, desk: PushDesk) -> None:
        clerk, group = office.clerk("owner"), desk.group(is_robot=False)
        desk.template()
        desk.campaign(clerk, PushEdge.OPEN)
        desk.pass_time(timedelta(minutes=21))
        assert group.name in clerk.page("/pushes?list=awaiting_owner")
        desk.pass_time(timedelta(minutes=16))
        desk.pass_time(timedelta(minutes=20))
        page = clerk.page("/pushes?list=escalated")
        assert group.name in page
        assert "members told" in page
        assert group.name not in clerk.page("/pushes?list=nonsense")

    def test_who_wants_no_messages_is_counted(self, office: Office) -> None:
        member_id = UUID(office.world.member().id)
        with office.world.begin() as session:
            inbox.mute(session, member_id, [NoticeKind.OPENING_SOON], now=office.world.now)
        page = office.clerk("support").page("/pushes")
        assert "<dt>开抢提醒</dt><dd>1</dd>" in page
        assert "<dt>催团</dt><dd>0</dd>" in page

    def test_h130_names_are_shown_as_texts(self, office: Office, desk: PushDesk) -> None:
        clerk = office.clerk("owner")
        push = desk.unsure(clerk)
        for payload in PAYLOADS:
            with office.world.begin() as session:
                session.get_one(Campaign, push.campaign_id).name = payload[:80]
            for path in (
                "/pushes",
                f"/campaigns/{push.campaign_id}/pushes",
                f"/chat-groups/{push.chat_group_id}",
                "/campaigns/calendar",
            ):
                assert read(clerk.page(path)).dangers == [], path


class TestTemplates:
    def test_a_text_is_looked_at_kept_and_has_versions(self, office: Office) -> None:
        clerk = office.clerk("planner")
        page = clerk.post("/push-templates", name="news", text=TEXT, do="check").get_data(
            as_text=True
        )
        assert "【周五拼团】99.00 元" in page
        assert "＊＊特价＊＊" in page  # markup means nothing any more
        assert actions(office) == []
        assert clerk.post("/push-templates", name="news", text=TEXT, do="keep").status_code == 303
        assert clerk.post("/push-templates", name="news", text=TEXT, do="keep").status_code == 409
        again = clerk.page("/push-templates?from=news")
        assert 'value="news-2"' in again
        assert 'value="news-3"' not in again
        assert clerk.get("/push-templates?from=nobody").status_code == 404
        assert [one for one, _ in actions(office)] == ["pushes.template"]
        assert "还没有推送模板" in clerk.page("/push-templates?q=%25")

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("bad", "{phone} {link}"),
            ("bad", "{link} evil.com"),
            ("bad", "no link"),
            ("bad", "<@all> {link}"),
            ("bad", "x" * 20_000 + "{link}"),
            ("名字", TEXT),
            ("x" * 41, TEXT),
            ("", TEXT),
        ],
    )
    def test_what_cannot_be_sent_is_refused_and_kept(
        self, office: Office, name: str, text: str
    ) -> None:
        clerk = office.clerk("planner")
        answer = clerk.post("/push-templates", name=name, text=text, do="keep")
        assert answer.status_code == 422
        assert read(answer.get_data(as_text=True)).dangers == []
        assert actions(office) == []
