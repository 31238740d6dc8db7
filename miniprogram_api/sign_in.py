"""Signing in with a platform's code, and out again."""

from flask import Response

from miniprogram_api.auth import caller, open_to_all
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.limits import Kind, counted_as
from miniprogram_api.member_views import view_me
from miniprogram_api.ports import ports
from miniprogram_api.schemas.sign_in import SignInIn, SignInOut
from shop.members import service as members
from shop.members import signing_in
from shop.members.devices import hash_device
from shop.referral import service as referral

blueprint = member_blueprint("sign_in", tag="Sign-in")


@blueprint.post("/sign-in")
@blueprint.input(SignInIn)
@blueprint.output(SignInOut)
@blueprint.doc(summary="Sign in with a platform's one-time code")
@open_to_all
@counted_as(Kind.SIGN_IN)
@refuses(signing_in.CodeRejected, signing_in.PlatformSilent)
def sign_in(json_data: SignInIn) -> SignInOut:
    """Exchange the code for a bearer token of ours; the first sign-in makes the member."""
    # Opens its own transaction, because it asks the platform before.
    token, member, made = signing_in.sign_in(
        ports().begin,
        ports().identity_platforms[json_data.platform],
        code=json_data.code,
        token_hash_key=ports().token_hash_key,
        device_hash=hash_device(json_data.device_id, key=ports().device_hash_key),
        now=ports().clock(),
    )
    with ports().begin() as session:
        if json_data.invite_code is not None:
            referral.open_if_known(
                session, json_data.invite_code, member_id=member.id, now=ports().clock()
            )
        return SignInOut(token=token, expires_at=made.expires_at, member=view_me(session, member))


@blueprint.delete("/sign-in")
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Sign out")
def sign_out() -> Response:
    """End this sign-in; its token is worth nothing from now on."""
    with ports().begin() as session:
        members.sign_out(session, caller().sign_in, now=ports().clock())
    return Response(status=204)


@blueprint.delete("/sign-ins")
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Sign out everywhere")
def sign_out_everywhere() -> Response:
    """End every sign-in of the member, this one too."""
    with ports().begin() as session:
        members.sign_out_everywhere(session, caller().member_id, now=ports().clock())
    return Response(status=204)
