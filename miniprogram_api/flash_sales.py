"""Flash sales: be let in, claim, wait for a unit, be reminded, check a draw."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from flask import Response, current_app, request

from flash_sale import entry, lottery, queries, reminding, tokens, waiting
from flash_sale.batch import Wanted
from flash_sale.desk import ClaimDesk
from flash_sale.entry import Doorman
from flash_sale.rules import (
    ChallengeRequired,
    DrawnByLot,
    NoOffer,
    SoldOut,
    StillOnSale,
    opens_at,
)
from flash_sale.tokens import BadToken
from miniprogram_api import idempotency, limits
from miniprogram_api.auth import caller, find_purchase, open_to_all, takes_purchase_token
from miniprogram_api.claim_views import render_claim
from miniprogram_api.claimants import CHANNELS, check_person, wanted_by_token
from miniprogram_api.claims_address import claims_url
from miniprogram_api.client_channel import (
    UnknownClientChannel,
    client_channel,
    takes_client_channel,
)
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.pages import answer_json, answer_read
from miniprogram_api.ports import ports
from miniprogram_api.schemas.flash_sales import (
    ClaimAnswer,
    ClaimIn,
    DrawRead,
    PurchaseTokenAnswer,
    PurchaseTokenIn,
    ReminderAnswer,
    WaitAnswer,
    WaitRead,
)
from miniprogram_api.wait_views import poll_after, view_wait
from shop.campaigns.queries import CampaignNotFound
from shop.campaigns.rules import CampaignLimitReached, Ended, NotForYou, NotStarted, Paused
from shop.members.queries import MemberNotActive
from shop.orders.rules import LimitReached, SkuNotForSale

blueprint = member_blueprint("flash_sales", tag="Flash sales")


@blueprint.post("/campaigns/<uuid:campaign_id>/purchase-tokens")
@blueprint.input(PurchaseTokenIn)
@blueprint.output(PurchaseTokenAnswer, status_code=201)
@blueprint.doc(summary="Be let in before a flash sale")
@takes_client_channel
@refuses(
    CampaignNotFound,
    UnknownClientChannel,
    DrawnByLot,
    NotStarted,
    Ended,
    NotForYou,
    ChallengeRequired,
)
def be_let_in(campaign_id: UUID, json_data: PurchaseTokenIn) -> Response:
    """Given from the warm-up on; who looks like a program solves a challenge first."""
    who, now = caller(), ports().clock()
    channel = CHANNELS.index(client_channel())
    with ports().begin() as session:
        token = entry.let_in(
            session, campaign_id, who.member, who.sign_in, channel=channel, now=now
        )
        sale = queries.get_sale(session, campaign_id)
    answer = None if json_data.solution is None else json_data.solution.model_dump()
    _check_person(campaign_id, answer=answer, now=now)
    given = PurchaseTokenAnswer(
        token=tokens.issue(token, key=ports().purchase_key),
        expires_at=token.expires_at,
        opens_at=opens_at(sale.campaign, sale.terms, is_early=token.is_early),
        claims_url=claims_url(campaign_id),
    )
    return answer_json(given.model_dump(mode="json"), 201)


@blueprint.post("/campaigns/<uuid:campaign_id>/claims")
@blueprint.input(ClaimIn)
@blueprint.output(ClaimAnswer, status_code=201)
@blueprint.doc(summary="Claim units of a flash sale")
@takes_purchase_token
@idempotency.needs_key
@takes_client_channel
@refuses(
    CampaignNotFound,
    UnknownClientChannel,
    BadToken,
    ChallengeRequired,
    NotStarted,
    Ended,
    Paused,
    DrawnByLot,
    NotForYou,
    SoldOut,
    CampaignLimitReached,
    NoOffer,
    SkuNotForSale,
    LimitReached,
    MemberNotActive,
)
def claim(campaign_id: UUID, json_data: ClaimIn) -> Response:
    """Answered when it is true: the units are reserved, and the order waits for its payment."""
    wanted = _wanted(campaign_id, json_data)
    claimed = _desk().claim(campaign_id, wanted, offer_id=json_data.offer_id)
    body = render_claim(_desk().board.get(campaign_id), claimed)
    return Response(body, status=201, content_type="application/json")


@blueprint.post("/campaigns/<uuid:campaign_id>/reminders")
@blueprint.output(ReminderAnswer, status_code=201)
@blueprint.doc(summary="Be reminded before a flash sale opens")
@refuses(CampaignNotFound, Ended, MemberNotActive)
def be_reminded(campaign_id: UUID) -> Response:
    """Five minutes before; asking again changes nothing."""
    with ports().begin() as session:
        at = reminding.remind(
            session, campaign_id, member_id=caller().member_id, now=ports().clock()
        )
    return answer_json(ReminderAnswer(remind_at=at).model_dump(mode="json"), 201)


@blueprint.post("/campaigns/<uuid:campaign_id>/waitlist")
@blueprint.output(WaitAnswer, status_code=201)
@blueprint.doc(summary="Wait for a unit that comes back, or register for the lottery")
@refuses(
    CampaignNotFound,
    NotStarted,
    Ended,
    StillOnSale,
    NotForYou,
    CampaignLimitReached,
    MemberNotActive,
)
def wait(campaign_id: UUID) -> Response:
    """Who waits already keeps their place."""
    with ports().begin() as session:
        joined = waiting.join(
            session, campaign_id, member_id=caller().member_id, now=ports().clock()
        )
        answer = WaitAnswer(wait=view_wait(session, joined))
    return answer_json(answer.model_dump(mode="json"), 201)


@blueprint.get("/campaigns/<uuid:campaign_id>/waitlist")
@blueprint.output(WaitRead)
@blueprint.doc(summary="See my place on the waitlist, or my offer")
@refuses(queries.NotWaiting)
def see_wait(campaign_id: UUID) -> Response:
    """The latest wait, one that is over too."""
    with ports().begin() as session:
        found = queries.find_wait(session, campaign_id, caller().member_id)
        if found is None:
            raise queries.NotWaiting
        seen = view_wait(session, found)
    read = WaitRead(**dict(seen), server_time=ports().clock(), poll_after_ms=poll_after(seen))
    return answer_read(read)


@blueprint.delete("/campaigns/<uuid:campaign_id>/waitlist")
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Leave the waitlist, or let an offer go")
@refuses(queries.NotWaiting)
def leave(campaign_id: UUID) -> Response:
    """The next one is offered the unit."""
    with ports().begin() as session:
        waiting.leave(session, campaign_id, member_id=caller().member_id, now=ports().clock())
    return Response(status=204)


@blueprint.get("/campaigns/<uuid:campaign_id>/draw")
@blueprint.output(DrawRead)
@blueprint.doc(summary="See the draw of a lottery, with all that is needed to check it")
@open_to_all
@refuses(queries.NotDrawn)
def see_draw(campaign_id: UUID) -> Response:
    """Entries are random ids: only their owners know whose they are."""
    with ports().begin() as session:
        told = lottery.report(session, campaign_id)
    read = DrawRead(**told, server_time=ports().clock(), poll_after_ms=None)
    return answer_read(read, is_personal=False)


def _wanted(campaign_id: UUID, sent: ClaimIn) -> Wanted:
    token = find_purchase()
    if token is not None:
        key = request.headers.get(idempotency.HEADER, "")
        return wanted_by_token(token, campaign_id, sent.quantity, key=key)
    _check_person(campaign_id, now=ports().clock())  # who was let in has been looked at
    return Wanted(caller().member_id, idempotency.required_key(), sent.quantity, client_channel())


def _check_person(
    campaign_id: UUID, *, answer: dict[str, Any] | None = None, now: datetime
) -> None:
    gate = cast("limits.Gate", current_app.extensions["gate"])
    check_person(
        ports(),
        cast("Doorman", current_app.extensions["doorman"]),
        campaign_id,
        caller(),
        network=limits.client_network(),
        address_multiple=gate.limits.address_multiple,
        answer=answer,
        now=now,
    )


def _desk() -> ClaimDesk:
    return cast("ClaimDesk", current_app.extensions["claim_desk"])
