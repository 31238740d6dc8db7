"""The member's own profile, phone number, consents and account."""

from flask import Response

from miniprogram_api.auth import caller
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.member_views import view_me
from miniprogram_api.ports import ports
from miniprogram_api.schemas.me import ConsentIn, ExportOut, LeaveQuery, MeIn, MeOut, PhoneIn
from miniprogram_api.texts import require_fit_for_others
from shop.members import service as members
from shop.members import signing_in
from shop.members.joining import PhoneBelongsToAnother, TwoPhones
from shop.members.phones import PhoneMalformed
from shop.members.queries import MemberNotActive
from shop.members.rules import (
    AvatarRefused,
    DocumentOutdated,
    NicknameRefused,
    UnknownDocument,
    clean_nickname,
)
from shop.orders import accounts
from shop.outreach import accounts as outreach
from shop.outreach.judging import TextNotJudged, TextRefused
from shop.withdrawals import accounts as withdrawals
from shop.withdrawals.accounts import UnfinishedWithdrawal, UnpaidEarnings

blueprint = member_blueprint("me", tag="Me")


@blueprint.get("/me")
@blueprint.output(MeOut)
@blueprint.doc(summary="See my profile")
def see() -> MeOut:
    """The member as they see themselves."""
    with ports().begin() as session:
        return view_me(session, caller().member)


@blueprint.patch("/me")
@blueprint.input(MeIn)
@blueprint.output(MeOut)
@blueprint.doc(summary="Change my profile")
@refuses(NicknameRefused, AvatarRefused, TextRefused, TextNotJudged)
def change(json_data: MeIn) -> MeOut:
    """Change what is sent; null empties a field, a field left out stays."""
    if json_data.nickname is not None:
        require_fit_for_others(clean_nickname(json_data.nickname))
    with ports().begin() as session:
        member = members.update_profile(
            session,
            caller().member_id,
            now=ports().clock(),
            **{name: getattr(json_data, name) for name in json_data.model_fields_set},
        )
        return view_me(session, member)


@blueprint.delete("/me")
@blueprint.input(LeaveQuery, location="query")
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Delete my account")
@refuses(accounts.UnfinishedOrders, accounts.UnrevealedCards, UnfinishedWithdrawal, UnpaidEarnings)
def leave(query_data: LeaveQuery) -> Response:
    """Delete what is personal; the books keep what they must, under a pseudonym."""
    with ports().begin() as session:
        withdrawals.close_account(
            session,
            member_id=caller().member_id,
            give_up_cards=query_data.give_up_cards,
            give_up_earnings=query_data.give_up_earnings,
            now=ports().clock(),
        )
    return Response(status=204)


@blueprint.post("/me/phone")
@blueprint.input(PhoneIn)
@blueprint.output(MeOut)
@blueprint.doc(summary="Link my verified phone number")
@refuses(
    signing_in.PhoneCodeRejected,
    signing_in.PlatformSilent,
    PhoneMalformed,
    PhoneBelongsToAnother,
    TwoPhones,
    MemberNotActive,
)
def link_phone(json_data: PhoneIn) -> MeOut:
    """Link the number the platform vouches for; `join` joins the member who has it already."""
    member = signing_in.link_phone(
        ports().begin,
        ports().identity_platforms[caller().platform],
        ports().phone_book,
        member_id=caller().member_id,
        credential=json_data.given,
        join=json_data.join,
        now=ports().clock(),
    )
    with ports().begin() as session:
        return view_me(session, member)


@blueprint.post("/me/export")
@blueprint.output(ExportOut)
@blueprint.doc(summary="Export my data")
def export() -> ExportOut:
    """Everything we hold about the member."""
    with ports().begin() as session:
        data = outreach.export_account(session, ports().phone_book, member_id=caller().member_id)
    return ExportOut(exported_at=ports().clock(), data=data)


@blueprint.post("/me/consents")
@blueprint.input(ConsentIn)
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Give or withdraw my consent to a document")
@refuses(UnknownDocument, DocumentOutdated, members.ConsentNotGiven)
def consent(json_data: ConsentIn) -> Response:
    """Write the consent down with its version."""
    act = members.give_consent if json_data.given else members.withdraw_consent
    with ports().begin() as session:
        act(
            session,
            caller().member_id,
            document=json_data.document,
            version=json_data.version,
            now=ports().clock(),
        )
    return Response(status=204)
