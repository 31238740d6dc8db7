"""The inbox, grants, and what leaders see of their chat groups, over HTTP."""

from datetime import timedelta
from uuid import UUID

from app.sample_campaigns import CampaignSample, make_group_buy
from kit.money import Fen
from shop.chat_groups import service as chat_groups
from shop.chat_groups.models import ChatChannel
from shop.members import leaders
from shop.members.platforms import Platform
from shop.outreach import planning
from shop.outreach.inbox.models import NoticeKind
from shop.outreach.inbox.templates import set_template
from shop.outreach.models import PushEdge
from tests.factories.outreach import TEXT
from tests.miniprogram_api.hall import Hall
from tests.miniprogram_api.world import Person, World

ROBOT_KEY = "a-robots-key-that-nobody-sees"
HOUR = timedelta(hours=1)


def told(world: World) -> Person:
    """Return somebody who has bought twice, and was told."""
    person = world.member()
    sku_id = world.make_sku(stock=5)
    for _ in range(2):
        world.bought(person, sku_id)
    Hall(world).relay()
    return person


def leader_of_a_group(world: World) -> tuple[Person, UUID]:
    """Return a leader, and the chat group with a robot that they run."""
    person = world.member()
    with world.begin() as session:
        leaders.approve_leader(session, UUID(person.id), now=world.now)
        group = chat_groups.add_chat_group(
            session,
            world.ports.robot_keys,
            channel=ChatChannel.ROBOT,
            leader_id=UUID(person.id),
            name="三号楼",
            robot_key=ROBOT_KEY,
            actor="op",
            now=world.now,
        )
        return person, group.id


class TestInbox:
    """GET /v1/inbox and what marks it read."""

    def test_shows_what_one_was_told_newest_first(self, world: World) -> None:
        """In pages, with the number of unread messages."""
        person = told(world)
        read = person.get("/v1/inbox?limit=1").get_json()
        assert (read["unread"], len(read["items"])) == (2, 1)
        rest = person.get(f"/v1/inbox?limit=1&cursor={read['next_cursor']}").get_json()
        assert rest["next_cursor"] is None
        first, second = read["items"][0], rest["items"][0]
        assert first["id"] > second["id"]
        assert (first["kind"], first["title"]) == ("cards_ready", "卡券已到")
        assert first["page"].startswith("pages/order/order?id=")

    def test_is_read_message_by_message_or_as_a_whole(self, world: World) -> None:
        """And stays read."""
        person = told(world)
        message = person.get("/v1/inbox").get_json()["items"][0]
        for _ in range(2):
            assert person.post(f"/v1/inbox/{message['id']}/read").status_code == 204
        assert person.get("/v1/inbox").get_json()["unread"] == 1
        assert person.post("/v1/inbox/read").status_code == 204
        assert person.get("/v1/inbox").get_json()["unread"] == 0

    def test_is_exported(self, world: World) -> None:
        """With everything else that is held about the member."""
        person = told(world)
        exported = person.post("/v1/me/export").get_json()["data"]
        assert [message["title"] for message in exported["messages"]] == ["卡券已到"] * 2


class TestSettings:
    """GET and PATCH /v1/inbox/settings."""

    def test_mute_just_the_kinds_that_are_named(self, world: World) -> None:
        """Once more without them, and they are wanted again."""
        person = world.member()
        path = "/v1/inbox/settings"
        for kinds in (["campaign_news", "opening_soon"], ["opening_soon"], []):
            body = {"muted_kinds": kinds}
            assert person.send("PATCH", path, json=body).get_json()["muted_kinds"] == kinds
            assert person.get(path).get_json()["muted_kinds"] == kinds

    def test_purchases_are_told_of_in_any_case(self, world: World) -> None:
        """A refusal of its own, and the list of them."""
        person = world.member()
        answer = person.send(
            "PATCH", "/v1/inbox/settings", json={"muted_kinds": ["order_refunded"]}
        )
        assert (answer.status_code, answer.get_json()["code"]) == (422, "outreach.not_mutable")
        told_always = person.get("/v1/inbox/settings").get_json()["always_told"]
        assert "order_refunded" in told_always


class TestGrants:
    """POST /v1/subscribe-grants."""

    def test_counts_what_was_accepted_of_templates_in_use(self, world: World) -> None:
        """Up to a bound; a ban closes what is open."""
        person = world.member()
        with world.begin() as session:
            set_template(
                session,
                NoticeKind.OPENING_SOON,
                Platform.WECHAT,
                template_id="T1",
                fields={"thing1": "{campaign}"},
                actor="op",
                now=world.now,
            )
        path = "/v1/subscribe-grants"
        answers = {"T1": "accept", "unknown": "accept"}
        for number in (1, 2):
            answer = person.post(path, {"answers": answers})
            assert (answer.status_code, answer.get_json()) == (201, {"open": {"T1": number}})
        assert person.post(path, {"answers": {"T1": "reject"}}).get_json()["open"] == {"T1": 2}
        for _ in range(20):
            counted = person.post(path, {"answers": answers}).get_json()["open"]
        assert counted == {"T1": 10}
        assert person.post(path, {"answers": {"T1": "ban"}}).get_json()["open"] == {"T1": 0}

    def test_refuses_what_is_no_answer(self, world: World) -> None:
        """As any malformed body."""
        answer = world.member().post("/v1/subscribe-grants", {"answers": {"T1": "perhaps"}})
        assert answer.status_code == 422


class TestLeader:
    """GET /v1/leader/chat-groups and GET /v1/leader/pushes."""

    def test_sees_groups_and_texts_to_copy_and_no_key(self, world: World) -> None:
        """Nobody else sees them."""
        person, group_id = leader_of_a_group(world)
        sample = CampaignSample(
            stock=3,
            limit=1,
            price_fen=Fen(900),
            seats=2,
            opens_in=HOUR,
            lasts=HOUR,
            group_lasts=HOUR,
            pay_within_seconds=900,
        )
        campaign = make_group_buy(
            world.begin, world.vault, sample, fee_basis_points=60, now=world.now
        )
        with world.begin() as session:
            planning.plan_edge(
                session,
                campaign_id=campaign.id,
                edge=PushEdge.OPEN,
                channel=ChatChannel.ROBOT,
                template=planning.add_template(
                    session, name="open", text=TEXT, actor="op", now=world.now
                ),
                actor="op",
                now=world.now,
            )
        groups = person.get("/v1/leader/chat-groups")
        assert [group["id"] for group in groups.get_json()["items"]] == [str(group_id)]
        pushes = person.get("/v1/leader/pushes")
        (push,) = pushes.get_json()["items"]
        assert push["text"].endswith(f"https://shop.example{push['share_path']}?e=open")
        assert (push["status"], push["chat_group_name"]) == ("planned", "三号楼")
        assert ROBOT_KEY not in groups.text + pushes.text + person.post("/v1/me/export").text
        for path in ("/v1/leader/chat-groups", "/v1/leader/pushes"):
            assert world.member().get(path).get_json()["items"] == []

    def test_invites_for_a_chat_group_are_told_apart(self, world: World) -> None:
        """Looks, members and money of the group's own funnel; for its leader alone."""
        person, group_id = leader_of_a_group(world)
        body = {"chat_group_id": str(group_id)}
        given = person.post("/v1/invites", body).get_json()["invite"]
        assert given["chat_group_id"] == str(group_id)
        assert given["code"] != person.post("/v1/invites", {}).get_json()["invite"]["code"]
        assert given["code"] == person.post("/v1/invites", body).get_json()["invite"]["code"]
        foreign = world.member().post("/v1/invites", body)
        assert (foreign.status_code, foreign.get_json()["code"]) == (404, "chat_groups.not_found")
        world.visitor().get(given["share_path"])
        buyer = world.member()
        buyer.post(f"/v1/invites/{given['code']}/open")
        world.bought(buyer, world.make_sku())
        Hall(world).relay()
        (funnel,) = person.get("/v1/leader").get_json()["chat_group_funnels"]
        named = {name: funnel[name] for name in ("chat_group_name", "views", "members")}
        assert named == {"chat_group_name": "三号楼", "views": 1, "members": 1}
        assert (funnel["paid_orders"], funnel["paid_fen"]) == (1, 1000)
