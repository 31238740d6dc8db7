"""Coming from a chat group: whose it is, is the platform's word, and nobody is told."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from shop.chat_groups import service as chat_groups
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.members import leaders
from shop.members.platforms import Platform
from shop.referral.models import Invite, Touch
from tests.miniprogram_api.hall import code_of
from tests.miniprogram_api.world import Person, World


@pytest.fixture
def group(world: World) -> ChatGroup:
    """Return a leader's customer group, of which the mini-program has never heard."""
    leader = UUID(world.member().id)
    with world.begin() as session:
        leaders.approve_leader(session, leader, now=world.now)
        return chat_groups.add_chat_group(
            session,
            world.ports.robot_keys,
            channel=ChatChannel.CUSTOMER_GROUP,
            leader_id=leader,
            name="群",
            chat_id="wr1",
            sender="zhang",
            actor="op",
            now=world.now,
        )


@pytest.fixture
def member(world: World) -> Person:
    """Return somebody whom the platform knows as "hers"."""
    return world.member("hers")


def come(person: Person, opengid: str = "tG1", **more: object) -> TestResponse:
    """Come from a chat group."""
    usual = {"code": f"hers:{uuid4().hex}", "encrypted_data": opengid, "iv": "iv"}
    return person.post("/v1/chat-groups/visits", usual | more)


def brought(world: World) -> list[tuple[UUID | None, UUID]]:
    """Return by which chat group's invite whom it was."""
    with world.begin() as session:
        rows = select(Invite.chat_group_id, Touch.member_id).join(
            Invite, Invite.id == Touch.invite_id
        )
        return [(group_id, member_id) for group_id, member_id in session.execute(rows)]


class TestVisits:
    """POST /v1/chat-groups/visits."""

    def test_the_orders_that_follow_are_the_groups(
        self, world: World, group: ChatGroup, member: Person
    ) -> None:
        """WeCom is asked once which group it is; afterwards it is known."""
        world.directory.opengids["tG1"] = "wr1"
        for _ in range(2):
            answer = come(member)
            assert (answer.status_code, answer.data) == (204, b"")
        assert brought(world) == [(group.id, UUID(member.id))]
        assert world.directory.asked == ["tG1"]
        with world.begin() as session:
            assert session.get_one(ChatGroup, group.id).opengid == "tG1"

    def test_of_other_groups_nothing_is_kept_or_told(
        self, world: World, group: ChatGroup, member: Person
    ) -> None:
        """Those that WeCom does not know, and those that no leader runs."""
        world.directory.opengids["tG2"] = "wrOther"
        for opengid in ("tG1", "tG2"):
            assert come(member, opengid).status_code == 204
        assert brought(world) == []
        with world.begin() as session:
            assert session.get_one(ChatGroup, group.id).opengid is None

    def test_a_retired_group_brings_nobody(
        self, world: World, group: ChatGroup, member: Person
    ) -> None:
        world.directory.opengids["tG1"] = "wr1"
        with world.begin() as session:
            chat_groups.retire(session, group.id)
        assert come(member).status_code == 204
        assert brought(world) == []

    def test_what_was_sealed_for_another_is_refused(
        self, world: World, group: ChatGroup, member: Person
    ) -> None:
        """Or was used, or comes from where there are no such groups."""
        assert code_of(come(member, code="his:1")) == (409, "referral.visit_refused")
        code = f"hers:{uuid4().hex}"
        assert come(member, code=code).status_code == 204
        assert code_of(come(member, code=code)) == (409, "referral.visit_refused")
        other = world.member("hers", Platform.ALIPAY)
        assert code_of(come(other)) == (409, "referral.visit_refused")
        assert brought(world) == []

    @pytest.mark.parametrize("silent", ["group_door", "directory"])
    def test_silence_is_said(
        self, world: World, group: ChatGroup, member: Person, silent: str
    ) -> None:
        getattr(world, silent).is_silent = True
        answer = come(member)
        assert code_of(answer) == (503, "members.platform_unavailable")
        assert brought(world) == []

    @pytest.mark.parametrize("name", ["code", "encrypted_data", "iv"])
    def test_malformed_ones_are_refused(self, member: Person, name: str) -> None:
        for odd in ("", None, 5, "x" * 5000):
            assert come(member, **{name: odd}).status_code == 422
