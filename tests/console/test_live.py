"""The live room: who brings buyers, from looks to paid orders, and what happens."""

from datetime import timedelta
from uuid import UUID

from group_buy.models import Group
from kit.ids import new_id
from shop.chat_groups.models import ChatChannel, ChatGroup
from shop.referral import service
from tests.console.markup import read
from tests.console.office import Office
from tests.console.people import hear, leader, open_group

HOSTILE = '"><img src=x onerror=alert(1)>'


def chat_group(office: Office, leader_id: UUID) -> UUID:
    """Return a chat group of the leader, whose name would be a script."""
    made = ChatGroup(
        id=new_id(),
        channel=ChatChannel.CUSTOMER_GROUP,
        leader_id=leader_id,
        name=HOSTILE,
        chat_id=new_id().hex,
        sender="owner",
        daily_quota=1,
        created_by="op",
        created_at=office.world.now,
    )
    with office.world.begin() as session:
        session.add(made)
    return made.id


class TestLive:
    def test_leaders_and_chat_groups_are_ranked_by_what_was_paid(self, office: Office) -> None:
        world = office.world
        group_id, _buyer = open_group(office)
        with world.begin() as session:
            campaign_id = session.get_one(Group, UUID(group_id)).campaign_id
        seller, looker, nobody = leader(office), leader(office), world.member()
        codes = {}
        for person, chats in ((seller, True), (looker, False), (nobody, False)):
            group = chat_group(office, UUID(person.id)) if chats else None
            with world.begin() as session:
                codes[person.id] = service.give_invite(
                    session,
                    UUID(person.id),
                    campaign_id=campaign_id,
                    chat_group_id=group,
                    now=world.now,
                ).code
        buyer = world.member()
        with world.begin() as session:
            service.count_views(session, {codes[looker.id]: 40, codes[nobody.id]: 90})
            service.count_views(session, {codes[seller.id]: 7})
            service.open_invite(session, codes[seller.id], member_id=UUID(buyer.id), now=world.now)
        world.now += timedelta(seconds=1)
        answer = buyer.post(f"/v1/groups/{group_id}/seats", {}, key="a-key-of-this-test-0003")
        assert world.pay(buyer, answer.get_json()["order"]).status_code == 204
        hear(office)
        told = read(office.clerk("owner").page(f"/campaigns/{campaign_id}/live"))
        assert told.dangers == []
        texts = [text.strip() for text in told.texts if text.strip()]
        ranked = texts[texts.index("团长与群") :]
        first, second = ranked.index(seller.id[-6:]), ranked.index(looker.id[-6:])
        assert ranked[first + 1 : first + 5] == [HOSTILE, "7", "1", "1"]
        assert ranked[second + 1 : second + 5] == ["不分群", "40", "0", "0"]
        assert nobody.id[-6:] not in ranked
        assert ": 待付款 → 已付款" in "".join(texts)
