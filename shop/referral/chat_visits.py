"""Coming from a chat group: WeChat says which, and the orders that follow are owed to its leader.

A share card may be passed on into another group, so the group is taken from the platform's word
and not from the card. Of groups that we do not know nothing is kept.
"""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from kit.crypto import same
from kit.db import Begin
from kit.errors import Conflict
from shop.chat_groups import queries as chat_groups
from shop.chat_groups import service as chat_group_service
from shop.chat_groups.directory import DirectoryUnavailable, GroupDirectory, GroupUnknown
from shop.chat_groups.models import ChatGroup
from shop.chat_groups.rules import BadChatGroup
from shop.members.platforms import CodeRefused, GroupDoor, PlatformUnavailable
from shop.members.queries import MemberNotActive
from shop.members.signing_in import PlatformSilent
from shop.referral import service


class VisitRejected(Conflict):
    """The platform does not vouch for it: used, too old, for somebody else or for another app."""

    code = "referral.visit_refused"
    title = "The platform does not vouch for this chat group"
    message = "群信息已失效，请从群里重新打开"


def come_from_chat_group(
    begin: Begin,
    door: GroupDoor,
    directory: GroupDirectory | None,
    *,
    member_id: UUID,
    open_id: str,
    code: str,
    sealed: str,
    iv: str,
    campaign_id: UUID | None,
    now: datetime,
) -> bool:
    """Bind the member to the leader of the chat group they came from; say whether it is known.

    `open_id` is whom the platform signed in. Raises `VisitRejected`, `PlatformSilent`,
    `CampaignNotFound` or `MemberNotActive`.
    """
    try:
        entry = door.open(code=code, sealed=sealed, iv=iv, now=now)
        if not same(entry.open_id, open_id):
            raise VisitRejected
        with begin() as session:
            known = chat_groups.find_by_opengid(session, entry.opengid) is not None
        chat_id = None if known or directory is None else _ask(directory, entry.opengid)
    except CodeRefused as exc:
        raise VisitRejected from exc
    except (PlatformUnavailable, DirectoryUnavailable) as exc:
        raise PlatformSilent from exc
    with begin() as session:
        group = _find(session, entry.opengid, chat_id)
        if group is None:
            return False
        return _bind(session, group, member_id=member_id, campaign_id=campaign_id, now=now)


def _ask(directory: GroupDirectory, opengid: str) -> str | None:
    with suppress(GroupUnknown):
        return directory.chat_id_of(opengid=opengid)
    return None


def _find(session: Session, opengid: str, chat_id: str | None) -> ChatGroup | None:
    """Return the active chat group, which is known by the mini-program's id from now on."""
    found = chat_groups.find_by_opengid(session, opengid)
    if found is not None or chat_id is None:
        return found
    group = chat_groups.find_by_chat_id(session, chat_id)
    if group is None or not group.is_active:
        return None
    with suppress(chat_group_service.ChatGroupKnown, BadChatGroup):
        chat_group_service.name_opengid(session, group.id, opengid)
    return group


def _bind(
    session: Session,
    group: ChatGroup,
    *,
    member_id: UUID,
    campaign_id: UUID | None,
    now: datetime,
) -> bool:
    if not chat_groups.has_leader(session, group):
        return False
    try:
        invite = service.give_invite(
            session, group.leader_id, campaign_id=campaign_id, chat_group_id=group.id, now=now
        )
    except MemberNotActive:
        return False  # the leader is leaving at this moment
    service.open_invite(session, invite.code, member_id=member_id, now=now)
    return True
