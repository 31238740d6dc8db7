"""The first page, open to all."""

from typing import Final

from flask import Response

from miniprogram_api.auth import open_to_all
from miniprogram_api.client_channel import (
    UnknownClientChannel,
    client_channel,
    takes_client_channel,
)
from miniprogram_api.doors import member_blueprint, refuses
from miniprogram_api.pages import answer_read
from miniprogram_api.ports import ports
from miniprogram_api.product_views import view_products
from miniprogram_api.schemas.home import HomeRead
from shop.catalog import queries as catalog
from shop.catalog.models import Scenario

SHOWN: Final = 12

blueprint = member_blueprint("home", tag="Catalogue")


@blueprint.get("/home")
@blueprint.output(HomeRead)
@blueprint.doc(summary="See the first page")
@open_to_all
@takes_client_channel
@refuses(UnknownClientChannel)
def see() -> Response:
    """The scenarios to browse by, and the newest products."""
    channel = client_channel()
    with ports().begin() as session:
        page = catalog.list_products(session, limit=SHOWN)
        products = view_products(session, page.items, channel=channel, now=ports().clock())
    read = HomeRead(
        scenarios=list(Scenario),
        products=products,
        server_time=ports().clock(),
        poll_after_ms=None,
    )
    return answer_read(read, is_personal=False)
