"""Signing in and linking a phone number: the platform is asked first, between transactions."""

from datetime import datetime
from uuid import UUID

from kit.db import Begin
from kit.errors import Conflict, Unauthenticated, Unavailable
from kit.retry import try_again_once
from shop.members import joining, service
from shop.members.models import Member, SignIn
from shop.members.phones import PhoneBook
from shop.members.platforms import CodeRefused, IdentityPlatform, PlatformUnavailable
from shop.members.queries import MemberNotActive


class CodeRejected(Unauthenticated):
    """The platform refused the sign-in code."""

    code = "members.code_refused"
    title = "The platform refused the sign-in code"
    message = "登录凭证已失效，请重新登录"


class PhoneCodeRejected(Conflict):
    """The platform refused the phone credential."""

    code = "members.phone_code_refused"
    title = "The platform refused the phone credential"
    message = "手机号授权已失效，请重新授权"


class PlatformSilent(Unavailable):
    """The platform did not answer, or asked for patience; nothing was changed."""

    code = "members.platform_unavailable"
    title = "The platform does not answer, try again shortly"
    message = "平台服务繁忙，请稍后再试"


def sign_in(
    begin: Begin,
    platform: IdentityPlatform,
    *,
    code: str,
    token_hash_key: bytes,
    device_hash: bytes | None = None,
    now: datetime,
) -> tuple[str, Member, SignIn]:
    """Exchange the platform's one-time code; return our token, the member and the sign-in.

    `device_hash` is `devices.hash_device` of what the client says. Raises `CodeRejected` or
    `PlatformSilent`, and `MemberNotActive` when the account changes at this very moment, twice.
    """
    try:
        identity = platform.identify(code=code)
    except CodeRefused as exc:
        raise CodeRejected from exc
    except PlatformUnavailable as exc:
        raise PlatformSilent from exc

    def enter() -> service.SignedIn:
        with begin() as session:
            return service.sign_in_identity(
                session,
                identity,
                token_hash_key=token_hash_key,
                device_hash=device_hash,
                now=now,
            )

    # The code is spent: an account that is being joined or deleted must not cost the sign-in.
    signed_in = try_again_once(enter, on=(MemberNotActive,))
    return signed_in.token, signed_in.member, signed_in.sign_in


def link_phone(
    begin: Begin,
    platform: IdentityPlatform,
    phone_book: PhoneBook,
    *,
    member_id: UUID,
    credential: str,
    join: bool,
    now: datetime,
) -> Member:
    """Give the member the number that the platform vouches for; return whoever has it then.

    When another member has it, `join` makes this member part of that one. Raises
    `PhoneCodeRejected`, `PlatformSilent`, `PhoneMalformed`, and what `joining.set_phone` raises.
    """
    try:
        vouched = platform.phone_number(credential=credential, now=now)
    except CodeRefused as exc:
        raise PhoneCodeRejected from exc
    except PlatformUnavailable as exc:
        raise PlatformSilent from exc
    phone = phone_book.normalise(vouched)
    with begin() as session:
        return joining.set_phone(
            session, phone_book, member_id=member_id, phone=phone, join=join, now=now
        )
