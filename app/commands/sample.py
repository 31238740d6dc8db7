"""`flask sample …`: products with fresh codes, for a first look and for load tests."""

import json
from datetime import timedelta

import click

from app import process
from app.sample_campaigns import CampaignSample, make_flash_sale, make_group_buy
from app.samples import make_sku, seed_shop
from flash_sale.models import SaleMode
from kit.money import MOST_FEN, Fen
from shop.campaigns.models import CampaignKind

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


@group.command("campaign", help="Make a published campaign of one SKU with fresh codes.")
@click.option("--kind", type=click.Choice([kind.value for kind in CampaignKind]), required=True)
@click.option("--stock", type=click.IntRange(1, MOST_STOCK), required=True, help="Codes to make.")
@click.option("--limit", type=click.IntRange(1, 100), required=True, help="Units per member.")
@click.option("--price-fen", type=click.IntRange(1, MOST_FEN), required=True, help="Deal price.")
@click.option("--seats", type=click.IntRange(2, 200), default=3, help="Seats of a group.")
@click.option("--opens-in", type=click.IntRange(0, 86_400 * 30), default=0, help="Seconds.")
@click.option("--lasts", type=click.IntRange(1, 86_400 * 30), default=3600, help="Seconds.")
@click.option("--group-lasts", type=click.IntRange(1, 86_400 * 30), default=3600, help="Seconds.")
@click.option("--pay-within", type=click.IntRange(1, 86_400), default=900, help="Seconds.")
@click.option("--mode", type=click.Choice([mode.value for mode in SaleMode]), default="rush")
@click.option("--shards", type=click.IntRange(1, 16), default=1, help="Of a flash sale's gate.")
@click.option("--offer-lasts", type=click.IntRange(1, 604_800), default=300, help="Seconds.")
def campaign(
    kind: str,
    stock: int,
    limit: int,
    price_fen: int,
    seats: int,
    opens_in: int,
    lasts: int,
    group_lasts: int,
    pay_within: int,
    mode: str,
    shards: int,
    offer_lasts: int,
) -> None:
    """One JSON line {campaign_id, sku_id}."""
    ports = process.ports()
    sample = CampaignSample(
        stock=stock,
        limit=limit,
        price_fen=Fen(price_fen),
        seats=seats,
        opens_in=timedelta(seconds=opens_in),
        lasts=timedelta(seconds=lasts),
        group_lasts=timedelta(seconds=group_lasts),
        pay_within_seconds=pay_within,
        mode=SaleMode(mode),
        shards=shards,
        offer=timedelta(seconds=offer_lasts),
    )
    make = {CampaignKind.GROUP_BUY: make_group_buy, CampaignKind.FLASH_SALE: make_flash_sale}
    made = make[CampaignKind(kind)](
        ports.begin,
        ports.vault,
        sample,
        fee_basis_points=ports.fee_basis_points,
        now=ports.clock(),
    )
    click.echo(json.dumps({"campaign_id": str(made.id), "sku_id": str(made.sku_id)}))
