"""Order sheets: a leader opens, watches, closes, cancels, exports; members see, order, leave."""

from typing import Any, Final
from uuid import UUID

from flask import Response

from group_buy.sheets import deciding, joining, leaving, queries, service
from group_buy.sheets.joining import Wish
from group_buy.sheets.models import OrderSheet
from group_buy.sheets.rules import (
    BadSheet,
    MinimumNotMet,
    NotHelpSold,
    Offer,
    PriceOutsideBand,
    SheetFull,
    SheetOver,
    SheetPlan,
    TooManyEntries,
    words_of,
)
from kit.money import Fen
from kit.pages import BadCursor
from miniprogram_api import idempotency
from miniprogram_api.auth import caller, open_to_all
from miniprogram_api.client_channel import (
    UnknownClientChannel,
    client_channel,
    takes_client_channel,
)
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.order_views import view_order
from miniprogram_api.pages import answer_read
from miniprogram_api.ports import ports
from miniprogram_api.schemas.sheets import (
    EntryList,
    SheetAnswer,
    SheetIn,
    SheetOrderAnswer,
    SheetOrderIn,
    SheetPage,
    SheetQuery,
    SheetRead,
)
from miniprogram_api.sheet_export import write_csv
from miniprogram_api.sheet_views import (
    list_whole,
    poll_after,
    view_entry,
    view_own_sheets,
    view_sheet,
)
from miniprogram_api.texts import require_fit_for_others
from shop.campaigns.rules import Paused
from shop.cards.service import OutOfStock
from shop.members import leaders
from shop.members.leaders import NotALeader
from shop.orders.rules import BadLines, LimitReached, LineWanted, SkuNotForSale, TotalTooLarge
from shop.outreach.judging import TextNotJudged, TextRefused

OWN_POLL_MS: Final = 5000

blueprint = member_blueprint("sheets", tag="Order sheets")

_CSV: Final[dict[int | str, Any]] = {
    200: {
        "description": "The list, UTF-8 with its mark; stored nowhere.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


@blueprint.post("/sheets")
@blueprint.input(SheetIn)
@blueprint.output(SheetAnswer, status_code=201)
@blueprint.doc(summary="Open an order sheet, as a leader")
@idempotency.needs_key
@refuses(NotALeader, Paused, BadSheet, NotHelpSold, PriceOutsideBand, TextRefused, TextNotJudged)
def open_one(json_data: SheetIn) -> Response:
    """Its prices stand from now on; the platform judges its words before."""
    who, now, plan = caller(), ports().clock(), _plan(json_data)
    with ports().begin() as session:
        earlier = idempotency.find_earlier(session, member_id=who.member_id, body=json_data)
    if earlier is not None:
        return earlier
    leaders.check_leader(who.member)
    require_fit_for_others(*words_of(plan))
    with ports().begin() as session:
        earlier = idempotency.recall(session, member_id=who.member_id, body=json_data, now=now)
        if earlier is not None:
            return earlier
        sheet = service.open_sheet(session, who.member_id, plan, now=now)
        answer = SheetAnswer(sheet=view_own_sheets(session, [sheet], now=now)[0])
        return idempotency.remember(session, member_id=who.member_id, answer=answer, status=201)


@blueprint.get("/sheets")
@blueprint.input(SheetQuery, location="query")
@blueprint.output(SheetPage)
@blueprint.doc(summary="List the order sheets that I opened, newest first")
@refuses(BadCursor)
def list_mine(query_data: SheetQuery) -> Response:
    """Empty for whoever never opened one."""
    now = ports().clock()
    with ports().begin() as session:
        page = queries.list_sheets(
            session, caller().member_id, cursor=query_data.cursor, limit=query_data.limit
        )
        items = view_own_sheets(session, page.items, now=now)
    is_running = any(sheet.decided_at is None for sheet in items)
    return answer_read(
        SheetPage(
            items=items,
            next_cursor=page.next_cursor,
            server_time=now,
            poll_after_ms=OWN_POLL_MS if is_running else None,
        )
    )


@blueprint.get("/sheets/<uuid:sheet_id>")
@blueprint.output(SheetRead)
@blueprint.doc(summary="See an order sheet and its list")
@open_to_all
@refuses(queries.SheetNotFound)
def see(sheet_id: UUID) -> Response:
    """What everybody may see: prices, the honest total, and the numbered list."""
    now = ports().clock()
    with ports().begin() as session:
        seen = view_sheet(session, queries.get_sheet(session, sheet_id), now=now)
    read = SheetRead(**dict(seen), server_time=now, poll_after_ms=poll_after(seen))
    return answer_read(read, is_personal=False)


@blueprint.post("/sheets/<uuid:sheet_id>/orders")
@blueprint.input(SheetOrderIn)
@blueprint.output(SheetOrderAnswer, status_code=201)
@blueprint.doc(summary="Order from a sheet")
@idempotency.needs_key
@takes_client_channel
@refuses(
    queries.SheetNotFound,
    SheetOver,
    SheetFull,
    TooManyEntries,
    Paused,
    UnknownClientChannel,
    BadLines,
    SkuNotForSale,
    LimitReached,
    TotalTooLarge,
    OutOfStock,
)
def order(sheet_id: UUID, json_data: SheetOrderIn) -> Response:
    """The next number of the list; the order is delivered when the sheet is confirmed."""
    who, now = caller(), ports().clock()
    wish = Wish(
        member_id=who.member_id,
        sale_channel=client_channel(),
        wanted=[LineWanted(line.sku_id, line.quantity) for line in json_data.lines],
        pay_within=ports().pay_within,
    )
    with ports().begin() as session:
        earlier = idempotency.recall(session, member_id=who.member_id, body=json_data, now=now)
        if earlier is not None:
            return earlier
        ordered = joining.order_from_sheet(session, sheet_id, wish, now=now)
        answer = SheetOrderAnswer(
            entry=view_entry(ordered.entry), order=view_order(session, ordered.order)
        )
        return idempotency.remember(session, member_id=who.member_id, answer=answer, status=201)


@blueprint.get("/sheets/<uuid:sheet_id>/orders/mine")
@blueprint.output(EntryList)
@blueprint.doc(summary="See my entries on an order sheet")
@refuses(queries.SheetNotFound)
def see_mine(sheet_id: UUID) -> Response:
    """Empty when the member has none."""
    with ports().begin() as session:
        queries.get_sheet(session, sheet_id)
        mine = queries.list_entries(session, sheet_id, member_id=caller().member_id)
        items = [view_entry(entry) for entry in mine]
    return answer_read(EntryList(items=items, server_time=ports().clock(), poll_after_ms=None))


@blueprint.delete("/sheets/<uuid:sheet_id>/orders/mine")
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Leave an order sheet that is not decided")
@refuses(queries.SheetNotFound, queries.NotOnSheet, SheetOver)
def leave(sheet_id: UUID) -> Response:
    """Unpaid orders are cancelled, paid ones refunded."""
    with ports().begin() as session:
        leaving.leave_sheet(session, sheet_id, member_id=caller().member_id, now=ports().clock())
    return Response(status=204)


@blueprint.post("/sheets/<uuid:sheet_id>/close")
@blueprint.output(SheetAnswer)
@blueprint.doc(summary="Confirm my order sheet before its time")
@refuses(queries.SheetNotFound, queries.NotYourSheet, SheetOver, MinimumNotMet)
def close(sheet_id: UUID) -> SheetAnswer:
    """What is paid is delivered, what is not is cancelled; the minimum must be met."""
    now = ports().clock()
    with ports().begin() as session:
        sheet = deciding.close_sheet(session, sheet_id, leader_id=caller().member_id, now=now)
        return SheetAnswer(sheet=view_own_sheets(session, [sheet], now=now)[0])


@blueprint.post("/sheets/<uuid:sheet_id>/cancel")
@blueprint.output(SheetAnswer)
@blueprint.doc(summary="Call my order sheet off")
@refuses(queries.SheetNotFound, queries.NotYourSheet, SheetOver)
def cancel(sheet_id: UUID) -> SheetAnswer:
    """Everybody who paid is repaid."""
    now = ports().clock()
    with ports().begin() as session:
        sheet = deciding.cancel_sheet(session, sheet_id, leader_id=caller().member_id, now=now)
        return SheetAnswer(sheet=view_own_sheets(session, [sheet], now=now)[0])


@blueprint.get("/sheets/<uuid:sheet_id>/export")
@blueprint.doc(summary="Take my order sheet's list along as CSV", responses=_CSV)
@refuses(queries.SheetNotFound, queries.NotYourSheet)
def export(sheet_id: UUID) -> Response:
    """Names are shortened, and nothing in it computes."""
    with ports().begin() as session:
        sheet = queries.get_own_sheet(session, sheet_id, leader_id=caller().member_id)
        text = write_csv(list_whole(session, sheet))
    return Response(text, content_type="text/csv; charset=utf-8", headers=_file_headers(sheet))


def _file_headers(sheet: OrderSheet) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="sheet-{sheet.id}.csv"',
        "Cache-Control": "no-store",
    }


def _plan(sent: SheetIn) -> SheetPlan:
    return SheetPlan(
        title=sent.title,
        note=sent.note,
        chat_group=sent.chat_group,
        ends_at=sent.ends_at,
        minimum_fen=Fen(sent.minimum_fen),
        offers=[Offer(item.sku_id, Fen(item.price_fen)) for item in sent.items],
    )
