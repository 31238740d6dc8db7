"""What pushes say, for leaders to copy and for operators to look at before anything is sent."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shop.outreach import queries
from shop.outreach.models import Push
from shop.outreach.push_texts import (
    facts_of,
    link_of_push,
    link_to,
    poster_of,
    render_push,
)


@dataclass(frozen=True, slots=True)
class Copy:
    """A push with its text: as it was handed over, or as it would be now."""

    push: Push
    campaign_name: str
    chat_group_name: str
    text: str
    poster_url: str


def list_copies(session: Session, pushes: Sequence[Push], *, public_base_url: str) -> list[Copy]:
    """Return each push with its text, in their order."""
    about = queries.about(session, pushes)
    copies: list[Copy] = []
    for push in pushes:
        group, campaign, template = about[push.id]
        link = link_to(public_base_url, push.invite_code)
        own = link_of_push(public_base_url, push.invite_code, push.edge)
        facts = facts_of(session, campaign, link=own)
        text = push.text or render_push(template.text, facts, group.channel)
        copies.append(Copy(push, campaign.name, group.name, text, poster_of(link)))
    return copies
