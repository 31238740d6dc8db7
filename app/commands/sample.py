"""`flask sample …`: products with fresh codes, for a first look and for load tests."""

import json

import click

from app import process
from app.samples import make_sku, seed_shop
from kit.money import MOST_FEN, Fen

MOST_STOCK = 1_000_000


@click.group("sample", help="Products and codes that are made up.")
def group() -> None:
    """Hold the commands."""


@group.command("seed", help="Put sample products into an empty shop; leave any other as it is.")
def seed() -> None:
    """Say how many products were made."""
    ports = process.ports()
    made = seed_shop(ports.begin, ports.vault, now=ports.clock())
    click.echo(f"{made} sample products made")


@group.command("sku", help="Make one SKU on sale with fresh codes; print its ids as JSON.")
@click.option("--stock", type=click.IntRange(0, MOST_STOCK), required=True, help="Codes to make.")
@click.option("--price-fen", type=click.IntRange(1, MOST_FEN), required=True, help="Price, in fen.")
def sku(stock: int, price_fen: int) -> None:
    """One JSON line."""
    ports = process.ports()
    made = make_sku(
        ports.begin, ports.vault, stock=stock, price_fen=Fen(price_fen), now=ports.clock()
    )
    click.echo(json.dumps({"sku_id": str(made.id), "product_id": str(made.product_id)}))
