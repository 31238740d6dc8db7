"""The first page."""

from miniprogram_api.schemas.answers import Read
from miniprogram_api.schemas.products import ProductOut
from shop.catalog.models import Scenario


class HomeRead(Read):
    """What the first page shows."""

    scenarios: list[Scenario]
    products: list[ProductOut]
