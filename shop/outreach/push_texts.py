"""What a push into a chat group may say: facts of a campaign that everybody may know, no more."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.orm import Session

from kit.clock import SHANGHAI
from kit.money import Fen, to_yuan
from shop.campaigns import queries as campaigns
from shop.campaigns.models import Campaign
from shop.chat_groups.models import ChatChannel
from shop.outreach.models import PushEdge
from shop.outreach.texts import (
    BadTemplate,
    check_links,
    check_placeholders,
    check_printable,
    clean,
    fill,
    for_markdown,
    in_bytes,
)

# Below what a robot (4,096) and a task (4,000) take, so that a template serves for both.
MOST_BYTES: Final = 3800
LONGEST_LINK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PushFacts:
    """All that a push can name.

    A chat group's messages are read by strangers and stay for ever: no field of this class may
    hold anything about a person, and none a card's code. A template can name nothing else.
    """

    campaign: str
    price_fen: Fen
    starts_at: datetime
    ends_at: datetime
    link: str  # to the page of the leader's invite for this chat group, on our own host


PLACEHOLDERS: Final = {
    "campaign": "the campaign's name",
    "price": "its lowest price, in yuan",
    "opens": "when it opens, in Shanghai",
    "ends": "when it ends, in Shanghai",
    "link": "the page of the leader's invite for the chat group",
}
SAMPLE: Final = PushFacts(
    campaign="周五拼团",
    price_fen=Fen(9900),
    starts_at=datetime(2026, 11, 27, 12, tzinfo=UTC),
    ends_at=datetime(2026, 11, 27, 14, tzinfo=UTC),
    link="https://shop.example/s/0123456789",
)
_LONGEST: Final = PushFacts(
    campaign="𠮷" * 80,
    price_fen=Fen(10_000_000_000),
    starts_at=SAMPLE.starts_at,
    ends_at=SAMPLE.ends_at,
    link="x" * LONGEST_LINK,
)


def facts_of(session: Session, campaign: Campaign, *, link: str) -> PushFacts:
    """Return what a push of the campaign may name."""
    items = campaigns.list_items(session, [campaign.id])[campaign.id]
    return PushFacts(
        campaign=campaign.name,
        price_fen=min(item.deal_price_fen for item in items),
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        link=link,
    )


def check_push_text(text: str) -> None:
    """Raise `BadTemplate` unless every push made of the text can be sent, and leads to us alone."""
    check_placeholders(text, PLACEHOLDERS)
    check_links(text)
    check_printable(text)
    if "{link}" not in text:
        # It tells chat groups apart, and a lost task is found again by it.
        raise BadTemplate(reason="it needs {link}")
    longest = max(in_bytes(render_push(text, _LONGEST, channel)) for channel in ChatChannel)
    if longest > MOST_BYTES:
        raise BadTemplate(reason=f"it may grow to {longest} bytes, more than {MOST_BYTES}")


def render_push(text: str, facts: PushFacts, channel: ChatChannel) -> str:
    """Return the message for the channel; somebody's words can neither mark up nor link there."""
    escape = for_markdown if channel is ChatChannel.ROBOT else clean
    values = {
        "campaign": escape(facts.campaign),
        "price": to_yuan(facts.price_fen),
        "opens": _local(facts.starts_at),
        "ends": _local(facts.ends_at),
        "link": facts.link,
    }
    return fill(text, values)


def link_to(public_base_url: str, invite_code: str) -> str:
    """Return the address of an invite's page on our own host."""
    return f"{public_base_url.rstrip('/')}/s/{invite_code}"


def link_of_push(public_base_url: str, invite_code: str, edge: PushEdge) -> str:
    """Return the same address as one push alone says it: so its task is known among all."""
    return f"{link_to(public_base_url, invite_code)}?e={edge.value}"


def poster_of(link: str) -> str:
    """Return the address of the poster of the invite that a link leads to."""
    return f"{link}/poster.png"


def _local(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%m-%d %H:%M")
