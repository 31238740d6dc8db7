"""Paths of the simulated WeChat Pay under `/wechat-pay`, and the user's hand under `/sandbox`."""

from typing import Any

from flask import Blueprint, Response, request

from sandbox.faults import Fault
from sandbox.peer import Peer
from sandbox.wechat import users
from sandbox.wechat_pay import (
    bill_routes,
    books,
    forgery,
    orders,
    refunds,
    rules,
    transfer_routes,
    user,
)
from sandbox.wechat_pay.answers import PayError, refused
from sandbox.wechat_pay.desk import ORDERS_PER_SECOND, REFUNDS_PER_SECOND, Desk
from sandbox.wechat_pay.notices import channel
from sandbox.wechat_pay.schema import SCHEMA

TRANSACTIONS = "/wechat-pay/v3/pay/transactions"
REFUNDS = "/wechat-pay/v3/refund/domestic/refunds"


def create_blueprint(peer: Peer) -> Blueprint:
    """The platform, built on a peer."""
    peer.store.ensure_schema(SCHEMA)
    peer.settings.declare("wechat_pay_balance_fen", None)
    peer.settings.declare("wechat_pay_refund_outcome", "SUCCESS", ("SUCCESS", "ABNORMAL", "CLOSED"))
    desk = Desk(peer)
    peer.notices.register(channel(peer, desk.platform))
    peer.books.register("wechat_pay", books.report)
    peer.starters.append(desk.resume_refunds)
    blueprint = Blueprint("wechat_pay", __name__)
    _add_orders(blueprint, desk)
    _add_refunds(blueprint, desk)
    bill_routes.add(blueprint, desk)
    transfer_routes.add(blueprint, desk)
    user.add(blueprint, desk)
    forgery.add(blueprint, desk)

    @blueprint.get("/wechat-pay/v3/certificates")
    def certificates() -> Response:
        return desk.serve("wechat_pay.certificates", lambda _: desk.platform.certificates())

    @blueprint.route("/wechat-pay/", defaults={"path": ""}, methods=["GET", "POST"])
    @blueprint.route("/wechat-pay/<path:path>", methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
    def unknown(path: str) -> Response:
        return refused(PayError("NOT_FOUND", "请求的资源不存在"))

    return blueprint


def _add_orders(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.post(f"{TRANSACTIONS}/jsapi")
    def place() -> Response:
        return desk.serve("wechat_pay.order", lambda _: _place(desk))

    @blueprint.get(f"{TRANSACTIONS}/out-trade-no/<out_trade_no>")
    def query(out_trade_no: str) -> Response:
        return desk.serve(
            "wechat_pay.query",
            lambda _: _query(desk, out_trade_no=out_trade_no),
            out_trade_no=out_trade_no,
        )

    @blueprint.get(f"{TRANSACTIONS}/id/<transaction_id>")
    def query_by_id(transaction_id: str) -> Response:
        return desk.serve(
            "wechat_pay.query",
            lambda _: _query(desk, transaction_id=transaction_id),
            transaction_id=transaction_id,
        )

    @blueprint.post(f"{TRANSACTIONS}/out-trade-no/<out_trade_no>/close")
    def close(out_trade_no: str) -> Response:
        return desk.serve(
            "wechat_pay.close", lambda _: _close(desk, out_trade_no), out_trade_no=out_trade_no
        )


def _add_refunds(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.post(REFUNDS)
    def refund() -> Response:
        def work(fault: Fault | None) -> dict[str, Any]:
            try:
                return _refund(desk)
            except PayError:
                desk.count_bad_refund()
                raise

        return desk.serve("wechat_pay.refund", work)

    @blueprint.get(f"{REFUNDS}/<out_refund_no>")
    def refund_query(out_refund_no: str) -> Response:
        def work(fault: Fault | None) -> dict[str, Any]:
            rules.check_query(request.args, {}, set())
            with desk.peer.store.read() as connection:
                row = refunds.find_refund(connection, out_refund_no)
            if row is None:
                raise PayError("RESOURCE_NOT_EXISTS", "退款单不存在")
            return refunds.shown(row)

        return desk.serve("wechat_pay.refund_query", work, out_refund_no=out_refund_no)


def _place(desk: Desk) -> dict[str, Any]:
    desk.check_rate("order", ORDERS_PER_SECOND)
    body = rules.order_body(request.get_data())
    rules.check_merchant(desk.platform.mch_id, body["mchid"])
    if body["appid"] != desk.platform.app_id:
        raise PayError("APPID_MCHID_NOT_MATCH", "appid和mchid不匹配", number=268445527)
    if "time_expire" in body:
        orders.moment(body["time_expire"])
    with desk.peer.store.write() as connection:
        openid = body["payer"]["openid"]
        if not users.is_somebody(connection, openid):
            raise PayError("INVALID_REQUEST", "openid和appid不匹配")
        return {"prepay_id": orders.place(connection, body, desk.peer.clock.now())}


def _query(
    desk: Desk, *, out_trade_no: str | None = None, transaction_id: str | None = None
) -> dict[str, Any]:
    rules.check_query(request.args, rules.QUERY, {"mchid"})
    rules.check_merchant(desk.platform.mch_id, request.args["mchid"])
    with desk.peer.store.read() as connection:
        if out_trade_no is not None:
            order = orders.find(connection, out_trade_no)
        else:
            order = orders.find_transaction(connection, transaction_id or "")
    if order is None:
        raise orders.not_found()
    return orders.shown(order, desk.platform, desk.peer.clock.now())


def _close(desk: Desk, out_trade_no: str) -> None:
    body = rules.close_body(request.get_data())
    rules.check_merchant(desk.platform.mch_id, body["mchid"])
    with desk.peer.store.write() as connection:
        orders.close(connection, out_trade_no, desk.peer.clock.now())


def _refund(desk: Desk) -> dict[str, Any]:
    desk.check_bad_refunds()
    desk.check_rate("refund", REFUNDS_PER_SECOND)
    body = rules.refund_body(request.get_data())
    due = desk.refund_due()
    with desk.peer.store.write() as connection:
        row, is_new = refunds.request(
            connection,
            body,
            now=desk.peer.clock.now(),
            due=due,
            least_interval_seconds=desk.peer.settings.get("refund_min_interval_seconds"),
            afford=lambda amount_fen: desk.use_balance(connection, amount_fen),
        )
    if is_new:
        desk.finish_at(body["out_refund_no"], due)
    return refunds.shown(row)
