"""Builds the web application: doors, error table, what every request passes, OpenAPI."""

from typing import Any

from apiflask import APIFlask

from app import docs_page, hot_groups, hot_pages, http, openapi, operations, problems, standing
from app.approvable import actions
from app.bodies import ShopRequest, StrictJson
from app.options import WebOptions
from app.selling import WAYS
from app.watching import watch
from console import building
from console.ports import Instruments
from flash_sale.desk import ClaimDesk
from flash_sale.entry import Doorman
from flash_sale.gate import Gate
from group_buy.progress import ProgressBoard
from miniprogram_api import (
    callbacks,
    campaigns,
    cards,
    chat_visits,
    flash_sales,
    groups,
    home,
    inbox,
    leader,
    limits,
    me,
    orders,
    payments,
    products,
    pushed,
    referral,
    sheets,
    sign_in,
    withdrawals,
)
from public_site import health, legal, share
from public_site.board import ShareBoard
from shop.ports import Ports

BLUEPRINTS = (
    sign_in.blueprint,
    me.blueprint,
    home.blueprint,
    products.blueprint,
    campaigns.blueprint,
    groups.blueprint,
    flash_sales.blueprint,
    sheets.blueprint,
    orders.blueprint,
    payments.blueprint,
    cards.blueprint,
    referral.blueprint,
    chat_visits.blueprint,
    leader.blueprint,
    inbox.blueprint,
    withdrawals.blueprint,
    callbacks.blueprint,
    pushed.blueprint,
    health.blueprint,
    legal.blueprint,
    share.blueprint,
    operations.blueprint,
)


def create_app(ports: Ports, options: WebOptions) -> APIFlask:
    """Return the application over these ports."""
    app = assemble(options)
    app.extensions["ports"] = ports
    app.extensions["share_board"] = ShareBoard()
    app.extensions["progress"] = ProgressBoard(ports.redis)
    app.extensions["claim_desk"] = ClaimDesk(ports.begin, Gate(ports.gate_redis), ports.clock)
    app.extensions["doorman"] = Doorman(
        options.challenge_of(ports.purchase_key), options.challenge_from_score
    )
    return app


def assemble(options: WebOptions) -> APIFlask:
    """Return the application without the outside world, which is enough for its document."""
    # No static folder: nothing is served from the disk.
    flags: dict[str, Any] = {"static_folder": None, "enable_openapi": True}
    app = APIFlask(
        "app",
        title="Tuanka",
        version=openapi.VERSION,
        spec_path=None,
        docs_path=None,
        json_errors=False,
        **flags,
    )
    app.request_class = ShopRequest
    app.json = StrictJson(app)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # A redirect to a tidier path would name whatever host the client claims.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    app.extensions["gate"] = limits.Gate(options.limits)
    app.extensions["count_page"] = limits.count_page
    app.extensions["ready_requires"] = options.ready_requires
    app.extensions["metrics_key"] = options.metrics_key
    app.extensions["claims_base_url"] = options.claims_base_url
    hot_groups.install(app)  # within what proxies need, before all the rest
    hot_pages.install(app, most_a_minute=options.limits.most_of_address(limits.Kind.READ))
    http.install(app, trusted_proxies=options.trusted_proxies)
    problems.install(app)
    openapi.prepare(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    building.install(
        app,
        Instruments(
            ways=WAYS,
            actions=actions,
            watch=watch,
            look=lambda session, at: standing.look(session, now=at),
            origin=options.public_origin,
        ),
    )
    if options.environment == "local":
        app.register_blueprint(docs_page.blueprint)
    return app
