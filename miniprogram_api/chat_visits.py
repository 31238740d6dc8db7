"""Coming from a chat group, in which somebody had shared a page of ours."""

from flask import Response

from miniprogram_api.auth import caller
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.ports import ports
from miniprogram_api.schemas.referral import ChatVisitIn
from shop.campaigns.queries import CampaignNotFound
from shop.members import queries as members
from shop.members.queries import MemberNotActive
from shop.members.signing_in import PlatformSilent
from shop.referral.chat_visits import VisitRejected, come_from_chat_group

blueprint = member_blueprint("chat_visits", tag="Referral")


@blueprint.post("/chat-groups/visits")
@blueprint.input(ChatVisitIn)
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Come from a chat group")
@refuses(VisitRejected, PlatformSilent, CampaignNotFound, MemberNotActive)
def come(json_data: ChatVisitIn) -> Response:
    """For a while my orders are owed to the group's leader; which group it is, is told to nobody.

    A group that no leader runs changes nothing, and the answer is the same.
    """
    who, door = caller(), ports().heard.group_doors.get(caller().platform)
    if door is None:
        raise VisitRejected
    with ports().begin() as session:
        open_id = members.open_id_of(session, who.sign_in)
    come_from_chat_group(
        ports().begin,
        door,
        ports().heard.group_directory,
        member_id=who.member_id,
        open_id=open_id,
        code=json_data.code,
        sealed=json_data.encrypted_data,
        iv=json_data.iv,
        campaign_id=json_data.campaign_id,
        now=ports().clock(),
    )
    return Response(status=204)
