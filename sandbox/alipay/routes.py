"""Paths of the simulated Alipay under `/alipay`, and the user's hand under `/sandbox`."""

from flask import Blueprint, Response

from sandbox.alipay import bill_routes, books, codes, forgery, recipients, transfers, user
from sandbox.alipay.answers import page
from sandbox.alipay.calls import METHODS
from sandbox.alipay.desk import Desk
from sandbox.alipay.notices import channel
from sandbox.alipay.schema import SCHEMA
from sandbox.alipay.transfer_messages import ADDRESS
from sandbox.peer import Peer, callback_url


def create_blueprint(peer: Peer) -> Blueprint:
    """The platform, built on a peer."""
    peer.store.ensure_schema(SCHEMA)
    peer.settings.declare("alipay_awkward_share", 0.25)
    peer.settings.declare("alipay_balance_fen", None)
    peer.settings.declare("alipay_certificate", "current", ("current", "next"))
    peer.settings.declare(ADDRESS, callback_url("alipay-messages"))
    peer.settings.declare("alipay_pages", ["pages/index/index", "pages/invite/index"])
    peer.settings.declare("alipay_refund_outcome", "now", ("now", "later", "never"))
    peer.settings.declare("alipay_refundable_days", 90.0)
    peer.settings.declare("alipay_sensitive_words", "赌博 毒品")
    peer.settings.declare("alipay_review_words", "返利 加微信")
    peer.settings.declare("alipay_transfer_balance_fen", None)
    peer.settings.declare("alipay_transfer_outcome", "now", ("now", "later", "fail"))
    desk = Desk(peer, METHODS | transfers.METHODS)
    peer.notices.register(channel(peer, desk.platform))
    peer.books.register("alipay", books.report)
    peer.starters.append(desk.resume)
    peer.starters.append(lambda: transfers.resume(desk))
    blueprint = Blueprint("alipay", __name__)
    bill_routes.add(blueprint, desk)
    codes.add(blueprint, desk)
    user.add(blueprint, desk)
    recipients.add(blueprint, desk)
    forgery.add(blueprint, desk)

    @blueprint.route("/alipay/gateway.do", methods=["GET", "POST"])
    def gateway() -> Response:
        return desk.serve()

    @blueprint.route("/alipay/", defaults={"path": ""}, methods=["GET", "POST"])
    @blueprint.route("/alipay/<path:path>", methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
    def unknown(path: str) -> Response:
        return page(404)

    return blueprint
