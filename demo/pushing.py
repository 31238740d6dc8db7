"""An operator pushes a campaign into a leader's chat groups, and people come by its links."""

import json
import re
import time
from collections.abc import Sequence
from typing import Final

from demo import commands, deals
from demo.cast import Person
from demo.chronicle import Deal, Led, Reached
from demo.deals import Sample
from demo.evening import CHANGE_SECONDS, Evening
from demo.gathering import Party

TRIO: Final = Sample("群里三人团", 1500, 9, seats=3, group_lasts=50, pay_within=40)
TEXT: Final = "{campaign} 开团啦,{price} 元起,{ends} 截止:{link}"
# Two into which a robot posts, and one whose owner confirms each message.
ROBOTS: Final = ("邻里群", "亲友群")
CUSTOMERS: Final = "客户群"
_INVITE: Final = re.compile(r"/s/([0-9A-Za-z]+)")


def push(evening: Evening, people: Sequence[Person]) -> None:
    """Plan it, read it in each chat group, come by its link, and buy together."""
    leader, *members = people
    led = evening.chronicle.led_by(leader.number)
    if led is None:
        return
    led.reached = _found_chat_groups(evening, leader)
    deal = deals.make_sample(TRIO)
    evening.deals = [*evening.deals, deal]
    name = f"evening-{deal.campaign_id[-12:]}"
    commands.must("pushes", "template", "add", name, TEXT)
    # No quiet hours: an evening may be played in the morning.
    hours = ("--quiet-from", "0", "--quiet-until", "0")
    commands.must("pushes", "plan", deal.campaign_id, "--edge", "open", "--template", name, *hours)
    if not deals.await_status(evening, deal, "live"):
        return
    for reached in led.reached:
        reached.code = _read_invite(evening, reached)
    _come_and_buy(evening, deal, led, members)
    evening.chronicle.tell(f"{leader}'s three chat groups heard of it, and one came from each")


def see_chat_groups(evening: Evening) -> None:
    """Keep what arrived in each chat group, and what its funnel says in the end."""
    people = {person.number: person for person in evening.people}
    for led in evening.chronicle.led:
        told = people[led.member].program.standing().body.get("chat_group_funnels", [])
        led.funnels = {str(funnel["chat_group_id"]): funnel for funnel in told}
        for reached in led.reached:
            reached.messages = len(evening.platforms.chat_messages(reached.chat_id))


def _found_chat_groups(evening: Evening, leader: Person) -> list[Reached]:
    """Make the chat groups at WeCom, and write them down as the leader's."""
    member_id = str(leader.program.me().body["id"])
    whose = ("chat-groups", "add", "--leader", member_id, "--name")
    found = []
    for name in ROBOTS:
        made = evening.platforms.make_chat_group(name, owner="owner", robot=True)
        words = (*whose, name, "--robot")
        group_id = commands.must(*words, typed=made["robot_key"]).split()[-1]
        found.append(Reached(group_id, made["chat_id"]))
    made = evening.platforms.make_chat_group(CUSTOMERS, owner="owner", robot=False)
    chat_id = str(made["chat_id"])
    told = commands.must(*whose, CUSTOMERS, "--chat-id", chat_id, "--sender", "owner")
    found.append(Reached(told.split()[-1], chat_id))
    return found


def _read_invite(evening: Evening, reached: Reached) -> str:
    """Return the code in the message that arrives; the owner sends what waits for them."""
    until = time.monotonic() + CHANGE_SECONDS
    while time.monotonic() < until:
        evening.platforms.confirm_tasks("owner")
        for message in evening.platforms.chat_messages(reached.chat_id):
            found = _INVITE.search(json.dumps(message["content"]))
            if found is not None:
                return found[1]
        evening.rest()
    return ""


def _come_and_buy(evening: Evening, deal: Deal, led: Led, members: Sequence[Person]) -> None:
    """Let one come from each chat group, and fill one group of three."""
    party: Party | None = None
    for member, reached in zip(members, led.reached, strict=True):
        opened = member.program.open_invite(reached.code)
        evening.chronicle.probe("an invite leads in", "204", opened.status)
        if party is None:
            party = Party.opened(evening, deal, member, "pushed", hoped="formed")
            if party is None:
                return
        elif not party.sit(member):
            return
        reached.bought += party.pay(member)
        led.purchases.append(party.order_of(member))
    if party is not None and party.await_status("formed"):
        party.enjoy()
