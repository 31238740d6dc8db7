"""`POST /v1/campaigns/<id>/claims`, step by step as `miniprogram_api.flash_sales.claim` goes."""

import asyncio
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from uuid import UUID

from pydantic import ValidationError

from app.lane.answers import Answer, refuse
from app.lane.asked import Asked, NotServed, Receive, claim_of, read_body
from app.lane.counting import Counting
from app.lane.known_tokens import KnownTokens
from flash_sale.batch import Outcome, Wanted
from flash_sale.entry import Doorman
from flash_sale.lane.desk import LaneDesk
from flash_sale.queries import Sale
from flash_sale.rules import SoldOut
from kit.database_clock import DatabaseClock
from kit.errors import DomainError, RateLimited
from miniprogram_api.auth import Caller, SignInRequired, look_up
from miniprogram_api.claim_views import render_claim
from miniprogram_api.claimants import check_person, wanted_by_token
from miniprogram_api.client_channel import read_channel
from miniprogram_api.idempotency import read_key
from miniprogram_api.limits import Limits
from miniprogram_api.schemas.flash_sales import ClaimIn
from shop.ports import Ports


@dataclass(slots=True)
class Pending:
    """A claim that is being decided, and the sale by which its answer is rendered."""

    sale: Sale
    outcome: "asyncio.Future[Outcome]"


def finish(pending: Pending, asked: Asked) -> Answer:
    """Answer a claim that is decided."""
    return _tell(pending.sale, pending.outcome.result(), asked)


class ClaimDoor:
    """Reads claims, finds out whose they are, hands them to the desk, renders what it says."""

    def __init__(
        self,
        ports: Ports,
        desk: LaneDesk,
        doorman: Doorman,
        limits: Limits,
        *,
        clock: DatabaseClock,
    ) -> None:
        """Keep what is needed."""
        self._ports = ports
        self._desk = desk
        self._doorman = doorman
        self._limits = limits
        self._clock = clock
        self._counting = Counting(limits)
        self._tokens = KnownTokens(ports.purchase_key)

    async def claim(self, asked: Asked, campaign_id: UUID, receive: Receive) -> Answer:
        """Answer a claim; raises refusals of the door, `NotServed` and `ValidationError`."""
        body = await read_body(asked, receive)
        begun = self.begin(asked, campaign_id, body)
        if isinstance(begun, Answer):
            return begun
        if begun is not None:
            return _tell(begun.sale, await begun.outcome, asked)
        self._counting.count_address(asked.network)
        authorization = asked.get(b"authorization")
        now = self._clock.tell()
        token = self._tokens.read(authorization, now=now)
        if token is not None:
            self._counting.count_member(token.member_id, token.device)
            sent = claim_of(asked, body)
            key = asked.get(b"idempotency-key")
            wanted = wanted_by_token(token, campaign_id, sent.quantity, key=key)
        else:
            who = await self._find_caller(authorization)
            sent = claim_of(asked, body)
            wanted = await self._wanted_of(who, asked, campaign_id, sent)
        sale = await self._desk.find_sale(campaign_id)
        outcome = await self._desk.claim(sale, wanted, offer_id=sent.offer_id, now=now)
        return _tell(sale, outcome, asked)

    def begin(self, asked: Asked, campaign_id: UUID, body: bytes) -> "Answer | Pending | None":
        """Refuse what is surely sold out, as nearly all of a rush are, or begin to claim.

        None: go the whole way. Nothing has happened then, and what is wrong is said there.
        """
        now = self._clock.tell()
        try:
            token = self._tokens.read(asked.get(b"authorization"), now=now)
            if token is None or token.campaign_id != campaign_id:
                return None
            key = read_key(asked.get(b"idempotency-key"))
            sent = claim_of(asked, body)
        except (DomainError, NotServed, ValidationError):
            return None
        is_sold_out = self._desk.is_sold_out(campaign_id, token.member_id, now=now)
        sale = None if is_sold_out else self._desk.peek_sale(campaign_id)
        if sent.offer_id is not None or (sale is None and not is_sold_out):
            return None
        try:
            self._counting.count(asked.network, token.member_id, token.device)
        except RateLimited as refusal:
            return refuse(refusal, asked)
        if sale is None:
            return refuse(SoldOut(), asked)
        wanted = wanted_by_token(token, campaign_id, sent.quantity, key=key)
        outcome = self._desk.begin(sale, wanted, now=now)
        return (
            refuse(outcome, asked) if isinstance(outcome, DomainError) else Pending(sale, outcome)
        )

    async def _find_caller(self, authorization: str) -> Caller:
        """Return whose sign-in it is; few claim so, and each costs a question to the database."""
        who = await self._desk.aside.do(look_up, self._ports, authorization)
        if who is None:
            raise SignInRequired
        self._counting.count_member(who.member_id, None)
        return who

    async def _wanted_of(
        self, who: Caller, asked: Asked, campaign_id: UUID, sent: ClaimIn
    ) -> Wanted:
        check = partial(
            check_person,
            *(self._ports, self._doorman, campaign_id, who),
            network=asked.network,
            address_multiple=self._limits.address_multiple,
            now=self._clock.tell(),
        )
        await self._desk.aside.do(check)  # who was let in has been looked at
        key = read_key(asked.get(b"idempotency-key"))
        named = asked.headers.get(b"x-client-channel")
        channel = read_channel(named, platform=who.sign_in.platform)
        return Wanted(who.member_id, key, sent.quantity, channel)


def _tell(sale: Sale, outcome: Outcome, asked: Asked) -> Answer:
    if isinstance(outcome, DomainError):
        return refuse(outcome, asked)
    return Answer(HTTPStatus.CREATED, render_claim(sale, outcome))
