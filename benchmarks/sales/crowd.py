"""Thousands of members with purchase tokens, and the flash sales at which they arrive."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg

from app.sample_campaigns import CampaignSample, MadeCampaign, make_flash_sale
from benchmarks.people import PRICE_FEN
from flash_sale import tokens
from flash_sale.tokens import LONGEST, PurchaseToken
from shop.ports import Ports

BODY: Final = b'{"quantity":1}'
DEVICE_BYTES: Final = 9
# As if they had been members for a while.
_MEMBERS: Final = """
INSERT INTO members (id, status, created_at)
SELECT uuidv7(), 'active', now() - interval '90 days' FROM generate_series(1, %s) RETURNING id
"""


def make_members(owner: "psycopg.Connection[tuple[object, ...]]", count: int) -> list[UUID]:
    """Write so many members; the connection is the owner's."""
    found = [row[0] for row in owner.execute(_MEMBERS, [count])]
    return [member for member in found if isinstance(member, UUID)]


def open_sale(
    ports: Ports,
    *,
    stock: int,
    limit: int = 1,
    shards: int = 1,
    opens_at: datetime | None = None,
) -> MadeCampaign:
    """Publish a flash sale with codes for everybody who gets one, open now unless told else."""
    now = ports.clock()
    sample = CampaignSample(
        stock=stock,
        limit=limit,
        price_fen=PRICE_FEN,
        opens_in=timedelta(0) if opens_at is None else opens_at - now,
        lasts=timedelta(hours=2),
        pay_within_seconds=3600,
        shards=shards,
    )
    return make_flash_sale(
        ports.begin,
        ports.vault,
        sample,
        fee_basis_points=ports.fee_basis_points,
        now=now,
    )


def let_in(ports: Ports, campaign_id: UUID, members: Sequence[UUID]) -> list[str]:
    """Return a purchase token for each, as the door gives it."""
    expires_at = ports.clock() + LONGEST
    return [
        tokens.issue(
            PurchaseToken(
                campaign_id=campaign_id,
                member_id=member,
                device=member.bytes[-DEVICE_BYTES:],
                channel=0,
                is_early=False,
                expires_at=expires_at,
            ),
            key=ports.purchase_key,
        )
        for member in members
    ]


def write_tokens(file: Path, given: Sequence[str]) -> Path:
    """Write the tokens line by line, as wrk's script reads them."""
    file.write_text("\n".join(given) + "\n", encoding="ascii")
    return file


def claims_path(campaign_id: UUID) -> str:
    """Return where claims go."""
    return f"/v1/campaigns/{campaign_id}/claims"


def claim_request(url: str, token: str) -> bytes:
    """Return a claim of one unit under a new key, as bytes of HTTP."""
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(BODY)}\r\nAuthorization: Bearer {token}\r\n"
        f"Idempotency-Key: {uuid4().hex}\r\n\r\n"
    )
    return head.encode() + BODY
