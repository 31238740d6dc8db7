"""Chat groups in the console: added, changed, given another robot, paused; no key is ever shown."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from kit.crypto import new_token
from kit.ids import new_id
from shop.chat_groups.models import ChatGroup
from shop.operators.models import OperatorAction
from tests.console.markup import read
from tests.console.office import Clerk, Office
from tests.console.push_desk import PushDesk
from tests.console.test_campaigns import actions
from tests.console.test_pages import PAYLOADS

KEY = "a-robots-own-key-123"
BAD_INPUT = (
    ("name", ""),
    ("name", "x" * 81),
    ("leader_id", "nonsense"),
    ("daily_quota", "-1"),
    ("daily_quota", "1001"),
    ("daily_quota", "٣"),
    ("daily_quota", "9" * 4000),
    ("opengid", "ä"),
    ("robot_key", ""),
    ("robot_key", "../../x"),
    ("robot_key", "k" * 5000),
    ("channel", "pigeon"),
)


@pytest.fixture
def desk(office: Office) -> PushDesk:
    """Return a console with chat groups."""
    return PushDesk(office)


def whole(desk: PushDesk, **changes: str) -> dict[str, str]:
    """Return the fields of a new chat group."""
    return {
        "channel": "robot",
        "leader_id": str(desk.leader()),
        "name": "三号楼",
        "daily_quota": "4",
        "robot_key": KEY,
        "form_key": new_token(),
        **changes,
    }


def count(office: Office) -> int:
    """Return how many chat groups there are."""
    with office.world.begin() as session:
        return len(session.scalars(select(ChatGroup)).all())


def deeds(office: Office) -> str:
    """Return all that was written down."""
    with office.world.begin() as session:
        found = session.scalars(select(OperatorAction)).all()
        return str([(one.action, one.before, one.after) for one in found])


class TestAdding:
    def test_a_robots_key_is_taken_and_never_shown(self, office: Office, desk: PushDesk) -> None:
        clerk, fields = office.clerk("planner"), whole(desk)
        first, second = (clerk.post("/chat-groups/new", **fields) for _ in range(2))
        assert first.status_code == second.status_code == 303
        place = first.headers["Location"]
        assert second.headers["Location"] == place  # a double click makes one
        assert count(office) == 1
        for path in (place.removeprefix("/console"), "/chat-groups", "/audit"):
            clerk = office.clerk("owner")
            page = clerk.page(path)
            assert KEY not in page
            assert fields["name"] in page
        assert KEY not in deeds(office)

    @pytest.mark.parametrize(("name", "value"), BAD_INPUT)
    def test_what_makes_no_sense_is_said_at_its_field(
        self, office: Office, desk: PushDesk, name: str, value: str
    ) -> None:
        clerk = office.clerk("planner")
        answer = clerk.post("/chat-groups/new", **whole(desk, **{name: value}))
        assert answer.status_code == 422
        page = answer.get_data(as_text=True)
        assert KEY not in page
        assert "三号楼" in page or name == "name"
        assert count(office) == 0
        assert actions(office) == []

    def test_what_the_shop_refuses_loses_nothing_typed(
        self, office: Office, desk: PushDesk
    ) -> None:
        clerk, known = office.clerk("planner"), desk.group()
        stranger = office.world.member().id
        for changes, status in (
            ({"robot_key": f"robot-key-{desk.made}"}, 409),
            ({"leader_id": stranger}, 409),
            ({"leader_id": str(new_id())}, 404),
        ):
            answer = clerk.post("/chat-groups/new", **whole(desk, **changes))
            assert answer.status_code == status, changes
            assert "三号楼" in answer.get_data(as_text=True)
        fields = whole(desk, channel="customer_group", chat_id="c1", sender="zhang")
        assert clerk.post("/chat-groups/new", **fields).status_code == 303
        assert (
            clerk.post("/chat-groups/new", **whole(desk, channel="customer_group")).status_code
            == 422
        )
        assert known.name in clerk.page("/chat-groups?channel=robot&q=号楼")

    def test_the_key_is_not_handed_back_when_the_session_is_over(
        self, office: Office, desk: PushDesk
    ) -> None:
        clerk, fields = office.clerk("planner"), whole(desk)
        clerk.client.delete_cookie("console", path="/console")
        page = clerk.post("/chat-groups/new", csrf="", **fields).get_data(as_text=True)
        assert "三号楼" in page
        assert KEY not in page


class TestChanging:
    def path(self, group: ChatGroup) -> str:
        """Return where a chat group is shown."""
        return f"/chat-groups/{group.id}"

    def send(self, clerk: Clerk, group: ChatGroup, does: str, **fields: Any) -> int:
        """Send one of its forms as it is shown now."""
        fields.setdefault("version", clerk.version(self.path(group)))
        return clerk.post(f"{self.path(group)}/{does}", **fields).status_code

    def test_is_changed_paused_resumed_and_retired(self, office: Office, desk: PushDesk) -> None:
        clerk, group = office.clerk("planner"), desk.group()
        assert self.send(clerk, group, "change", name="五号楼", daily_quota="2") == 303
        assert self.send(clerk, group, "pause") == 303
        page = clerk.page(self.path(group))
        assert "五号楼" in page
        assert "0 / 2" in page
        assert "已暂停" in clerk.page("/chat-groups?standing=paused")
        assert "五号楼" not in clerk.page("/chat-groups?standing=open")
        assert self.send(clerk, group, "resume") == 303
        assert self.send(clerk, group, "robot", robot_key=KEY) == 303
        version = clerk.version(self.path(group))
        assert self.send(clerk, group, "retire") == 303
        assert self.send(clerk, group, "pause", version=version) == 409
        assert "五号楼" in clerk.page("/chat-groups?standing=retired")
        assert [one for one, _ in actions(office)] == [
            f"chat_groups.{does}" for does in ("change", "pause", "resume", "robot", "retire")
        ]
        assert KEY not in deeds(office)

    def test_of_two_at_once_the_second_sees_what_the_first_did(
        self, office: Office, desk: PushDesk
    ) -> None:
        clerk, group = office.clerk("planner"), desk.group()
        version = clerk.version(self.path(group))
        assert self.send(clerk, group, "change", name="先改", daily_quota="4") == 303
        answer = clerk.post(
            f"{self.path(group)}/change", version=version, name="后改", daily_quota="9"
        )
        assert answer.status_code == 409
        page = answer.get_data(as_text=True)
        assert "有人刚刚改过这个群" in page
        assert 'value="后改"' in page
        assert "先改" in page

    def test_bad_input_is_refused_and_kept(self, office: Office, desk: PushDesk) -> None:
        clerk, group, other = office.clerk("planner"), desk.group(), desk.group(is_robot=False)
        assert self.send(clerk, group, "change", name=" ", daily_quota="x") == 422
        assert self.send(clerk, group, "robot", robot_key="short") == 422
        assert self.send(clerk, other, "robot", robot_key=KEY) == 422
        assert self.send(clerk, other, "change", name="x", daily_quota="1", sender="") == 422
        assert clerk.post(f"/chat-groups/{new_id()}/pause").status_code == 404
        assert actions(office) == []

    def test_h130_names_are_shown_as_texts(self, office: Office, desk: PushDesk) -> None:
        clerk = office.clerk("owner")
        for payload in PAYLOADS:
            group = desk.group(name=payload)
            for path in ("/chat-groups", self.path(group)):
                found = read(clerk.page(path))
                assert found.dangers == []
                assert any(payload in text for text in found.texts)

    def test_lists_are_narrowed_and_turned(self, office: Office, desk: PushDesk) -> None:
        clerk = office.clerk("auditor")
        groups = [desk.group() for _ in range(3)]
        page = clerk.page(f"/chat-groups?leader={groups[1].leader_id}&channel=nonsense")
        assert groups[1].name in page
        assert groups[0].name not in page
        assert "没有符合条件的群" in clerk.page("/chat-groups?q=%25")
        assert clerk.get("/chat-groups?cursor=nonsense").status_code == 422
        with office.world.begin() as session:
            session.get_one(ChatGroup, UUID(str(groups[2].id))).daily_quota = 0
        assert groups[2].name in clerk.page("/chat-groups?standing=full")
