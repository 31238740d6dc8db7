"""The work of each method of the gateway: parameters in, the answer's node out."""

from sandbox.alipay import bill_routes, messages, refunds, rules, trades, users
from sandbox.alipay.answers import success
from sandbox.alipay.desk import SIGN_IN, Desk, Method, Node
from sandbox.alipay.fields import notify_url_of
from sandbox.alipay.gate import Parameters
from sandbox.faults import Fault


def sign_in(desk: Desk, parameters: Parameters, _: Fault | None) -> Node:
    """A code or a refresh token for an identity; the only success without a code."""
    with desk.turn() as turn:
        return users.exchange(turn.connection, parameters, turn.now)


def create(desk: Desk, parameters: Parameters, _: Fault | None) -> Node:
    """Open a trade, or name it again."""
    content = rules.create(parameters)
    notify_url = notify_url_of(parameters)
    desk.expire({"out_trade_no": content["out_trade_no"]})
    with desk.turn() as turn:
        trade, is_new = trades.create(
            turn.connection,
            content,
            app_id=desk.platform.app_id,
            seller_id=desk.platform.seller_id,
            notify_url=notify_url,
            now=turn.now,
        )
    if is_new:
        desk.expire_at(trade["trade_no"], trade["expires_at"])
    return success(out_trade_no=trade["out_trade_no"], trade_no=trade["trade_no"])


def query(desk: Desk, parameters: Parameters, _: Fault | None) -> Node:
    """How a trade stands."""
    content = rules.query(parameters)
    desk.expire(content)
    with desk.peer.store.read() as connection:
        trade = trades.named(connection, content)
    return success(**trades.shown(trade, content, desk.peer.clock.now()))


def close(desk: Desk, parameters: Parameters, _: Fault | None) -> Node:
    """Close a trade that nobody paid."""
    content = rules.close(parameters)
    notify_url_of(parameters)
    desk.expire(content)
    with desk.turn() as turn:
        trade = trades.close(turn.connection, content, turn.now)
        desk.tell(turn, trade)
    return success(out_trade_no=trade["out_trade_no"], trade_no=trade["trade_no"])


def refund(desk: Desk, parameters: Parameters, _: Fault | None) -> Node:
    """Give money back: at once, later, or never, as `alipay_refund_outcome` says."""
    content = rules.refund(parameters)
    outcome = desk.peer.settings.get("alipay_refund_outcome")
    due = desk.refund_due()
    desk.expire(content)
    with desk.turn() as turn:
        row, is_new = refunds.request(
            turn.connection,
            content,
            notify_url=notify_url_of(parameters),
            due=due,
            now=turn.now,
            afford=lambda amount_fen: desk.use_balance(turn.connection, amount_fen),
        )
        trade_no, number = row["trade_no"], row["out_request_no"]
        if is_new and outcome == "now":
            desk.finish(turn, trade_no, number)
        moved = is_new and outcome == "now"
        fresh = refunds.find(turn.connection, trade_no, number) or row
        answer = refunds.shown(turn.connection, fresh, content, fund_change=moved)
        if is_new and outcome == "never":
            refunds.forget(turn.connection, trade_no, number)
    if is_new and outcome == "later":
        desk.finish_at(trade_no, number, due)
    return success(**answer)


def refund_query(desk: Desk, parameters: Parameters, _: Fault | None) -> Node:
    """How a refund stands; success without `refund_status` means that it has not happened."""
    content = rules.refund_query(parameters)
    with desk.peer.store.read() as connection:
        return success(**refunds.told(connection, content))


def send_message(desk: Desk, parameters: Parameters, _: Fault | None) -> Node:
    """Write to a person who subscribed to the template."""
    content = rules.message(parameters)
    words = desk.peer.settings.get("alipay_sensitive_words")
    with desk.turn() as turn:
        messages.send(turn.connection, content, words=words, now=turn.now)
    return success()


def detect_content(desk: Desk, parameters: Parameters, _: Fault | None) -> Node:
    """The verdict on a text."""
    content = rules.text(parameters)
    settings = desk.peer.settings
    return success(
        **messages.verdict(
            content["content"],
            rejected=settings.get("alipay_sensitive_words"),
            review=settings.get("alipay_review_words"),
        )
    )


METHODS = {
    SIGN_IN: Method("alipay.oauth_token", sign_in),
    "alipay.trade.create": Method("alipay.trade_create", create),
    "alipay.trade.query": Method(
        "alipay.trade_query",
        query,
        ("total_amount", "receipt_amount", "buyer_pay_amount", "invoice_amount"),
    ),
    "alipay.trade.close": Method("alipay.trade_close", close),
    "alipay.trade.refund": Method("alipay.refund", refund, ("refund_fee", "send_back_fee")),
    "alipay.trade.fastpay.refund.query": Method(
        "alipay.refund_query", refund_query, ("refund_amount", "send_back_fee")
    ),
    "alipay.open.app.mini.templatemessage.send": Method("alipay.message", send_message),
    "alipay.security.risk.content.detect": Method("alipay.content_check", detect_content),
    "alipay.data.dataservice.bill.downloadurl.query": Method("alipay.bill", bill_routes.apply),
}
