"""The catalogue, open to all."""

from uuid import UUID

from flask import Response

from kit.pages import BadCursor
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
from miniprogram_api.schemas.products import ProductPage, ProductQuery, ProductRead
from shop.catalog import queries as catalog

blueprint = member_blueprint("products", tag="Catalogue")


@blueprint.get("/products")
@blueprint.input(ProductQuery, location="query")
@blueprint.output(ProductPage)
@blueprint.doc(summary="List products, newest first")
@open_to_all
@takes_client_channel
@refuses(BadCursor, UnknownClientChannel)
def list_all(query_data: ProductQuery) -> Response:
    """One page of what is sold, with SKUs and stock."""
    channel = client_channel()
    with ports().begin() as session:
        page = catalog.list_products(
            session,
            scenario=query_data.scenario,
            cursor=query_data.cursor,
            limit=query_data.limit,
        )
        items = view_products(session, page.items, channel=channel, now=ports().clock())
    read = ProductPage(
        items=items, next_cursor=page.next_cursor, server_time=ports().clock(), poll_after_ms=None
    )
    return answer_read(read, is_personal=False)


@blueprint.get("/products/<uuid:product_id>")
@blueprint.output(ProductRead)
@blueprint.doc(summary="See a product")
@open_to_all
@takes_client_channel
@refuses(catalog.ProductNotFound, UnknownClientChannel)
def see(product_id: UUID) -> Response:
    """One product with its SKUs and their stock."""
    channel = client_channel()
    with ports().begin() as session:
        product = catalog.get_product(session, product_id)
        seen = view_products(session, [product], channel=channel, now=ports().clock())[0]
    read = ProductRead(**dict(seen), server_time=ports().clock(), poll_after_ms=None)
    return answer_read(read, is_personal=False)
