"""Who claims what, for Flask and the lane alike; and who must show that they are a person."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from flash_sale.batch import Wanted
from flash_sale.entry import Doorman
from flash_sale.risk import Signs
from flash_sale.tokens import BadToken, PurchaseToken
from kit.ratelimit import LimiterUnavailable
from miniprogram_api.auth import Caller
from miniprogram_api.idempotency import read_key
from shop.catalog.models import SaleChannel
from shop.members import queries as members
from shop.ports import Ports

CHANNELS: Final = tuple(SaleChannel)
# Tokens that people behind one address ask for in a minute, at most.
TOKENS_OF_A_NETWORK: Final = 120


def wanted_by_token(token: PurchaseToken, campaign_id: UUID, quantity: int, *, key: str) -> Wanted:
    """Return what the bearer of a token claims; one of another campaign is no token: `BadToken`."""
    if token.campaign_id != campaign_id:
        raise BadToken
    return Wanted(
        token.member_id,
        read_key(key),
        quantity,
        CHANNELS[token.channel],
        is_early=token.is_early,
    )


def check_person(
    ports: Ports,
    doorman: Doorman,
    campaign_id: UUID,
    who: Caller,
    *,
    network: str,
    address_multiple: int,
    answer: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Raise `ChallengeRequired` when somebody looks like a program and has solved nothing."""
    with ports.begin() as session:
        sign_ins = members.count_sign_ins(session, who.member_id, now=now)
    is_busy = _is_busy(ports, network, most=TOKENS_OF_A_NETWORK * address_multiple)
    signs = Signs(who.member.created_at, sign_ins, is_busy)
    doorman.check(campaign_id, who.member_id, signs, answer=answer, address=network, now=now)


def _is_busy(ports: Ports, network: str, *, most: int) -> bool:
    try:
        verdict = ports.limiter.hit(f"tokens:{network}", most=most, window_seconds=60)
    except LimiterUnavailable:
        return False
    return not verdict.allowed
