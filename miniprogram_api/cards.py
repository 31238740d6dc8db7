"""The card wallet, and the reveal of one code."""

from uuid import UUID

from flask import Response, g

from kit.pages import BadCursor
from miniprogram_api.auth import caller
from miniprogram_api.card_views import view_cards
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.limits import Kind, counted_as
from miniprogram_api.pages import answer_read
from miniprogram_api.ports import ports
from miniprogram_api.schemas.cards import CardPage, CardQuery, RevealOut
from shop.cards import queries
from shop.cards import service as cards
from shop.orders import queries as orders

blueprint = member_blueprint("cards", tag="Cards")


@blueprint.get("/cards")
@blueprint.input(CardQuery, location="query")
@blueprint.output(CardPage)
@blueprint.doc(summary="List my cards, without their codes")
@refuses(BadCursor)
def list_mine(query_data: CardQuery) -> Response:
    """One page of the cards that were delivered to the member, newest first."""
    with ports().begin() as session:
        order_id = query_data.order_id
        page = queries.list_cards(
            session,
            caller().member_id,
            order_line_ids=None
            if order_id is None
            else [line.id for line in orders.list_lines(session, [order_id])],
            cursor=query_data.cursor,
            limit=query_data.limit,
        )
        items = view_cards(session, page.items)
    return answer_read(
        CardPage(
            items=items,
            next_cursor=page.next_cursor,
            server_time=ports().clock(),
            poll_after_ms=None,
        )
    )


@blueprint.post("/cards/<uuid:card_id>/reveal")
@blueprint.output(RevealOut)
@blueprint.doc(summary="Look at the code of one of my cards")
@counted_as(Kind.REVEAL)
@refuses(queries.CardNotFound)
def reveal(card_id: UUID) -> RevealOut:
    """Every look is written down; the answer is stored nowhere."""
    with ports().begin() as session:
        seen = cards.reveal(
            session,
            ports().vault,
            card_id=card_id,
            member_id=caller().member_id,
            request_id=g.request_id,
            now=ports().clock(),
        )
        return RevealOut(
            code=seen.code, password=seen.password, first_revealed_at=seen.first_revealed_at
        )
