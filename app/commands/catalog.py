"""`flask catalog …`: products and SKUs at an operator's hand."""

from typing import Any
from uuid import UUID

import click
from sqlalchemy import select

from app import process
from app.commands.campaigns import ACTOR as BY
from app.commands.campaigns import APPROVER
from app.commands.plan_files import explained
from console.versions import sku_state
from kit.errors import DomainError
from kit.money import MOST_FEN, Fen, to_yuan
from shop.cards import queries as cards
from shop.catalog import queries, service
from shop.catalog.models import Product, RefundRule, SaleChannel, Scenario, SkuKind
from shop.catalog.rules import SkuTerms
from shop.operators.deeds import Doer, write_down

ACTOR = "operator"
FEN = click.IntRange(1, MOST_FEN)


@click.group("catalog", help="Products and SKUs.")
def group() -> None:
    """Hold the commands."""


@group.command("list", help="List products and SKUs, with free codes.")
def list_all() -> None:
    """A product per line, its SKUs below it."""
    ports = process.ports()
    with ports.begin() as session:
        products = session.scalars(select(Product).order_by(Product.id)).all()
        skus = queries.list_skus(session, [product.id for product in products])
        free = cards.count_free(session, [sku.id for sku in skus], now=ports.clock())
        for product in products:
            click.echo(f"{product.id}  {product.status.value:<10} {product.title}")
            for sku in skus:
                if sku.product_id == product.id:
                    price = to_yuan(sku.list_price_fen)
                    click.echo(
                        f"  {sku.id}  {sku.code}  {sku.title}  {price}  {free.get(sku.id, 0)}"
                    )


@group.command("add-product", help="Write down a product, not shown yet; print its id.")
@click.option("--title", required=True)
@click.option("--brand", required=True)
@click.option("--scenario", type=click.Choice([kind.value for kind in Scenario]), required=True)
@click.option("--picture", "pictures", multiple=True, help="Address of a picture; may be repeated.")
@click.option("--notes", default="", help="What buyers must know.")
def add_product(
    title: str, brand: str, scenario: str, pictures: tuple[str, ...], notes: str
) -> None:
    """Print the id alone, for scripts."""
    ports = process.ports()
    try:
        with ports.begin() as session:
            product = service.add_product(
                session,
                title=title,
                brand=brand,
                scenario=Scenario(scenario),
                pictures=pictures,
                purchase_notes=notes,
                now=ports.clock(),
            )
    except DomainError as refusal:
        raise explained(refusal) from None
    click.echo(product.id)


@group.command("add-sku", help="Write down a form in which a product is sold; print its id.")
@click.argument("product_id", type=click.UUID)
@click.option("--code", required=True, help="How operators name it, as in `cards import --sku`.")
@click.option("--title", required=True)
@click.option("--face-value-fen", type=FEN, required=True)
@click.option("--price-fen", "list_price_fen", type=FEN, required=True)
@click.option("--cost-fen", type=click.IntRange(0, MOST_FEN), required=True)
@click.option("--limit-per-order", type=click.IntRange(1, 100), default=10)
@click.option("--limit-per-day", type=click.IntRange(1))
@click.option("--limit-ever", type=click.IntRange(1))
@click.option(
    "--refund-rule",
    type=click.Choice([rule.value for rule in RefundRule]),
    default=RefundRule.UNTIL_REVEALED.value,
)
@click.option("--warranty-days", type=click.IntRange(0, 3650), default=30)
@click.option(
    "--not-on",
    multiple=True,
    type=click.Choice([channel.value for channel in SaleChannel]),
    help="A channel where it is not sold; may be repeated.",
)
@APPROVER
@BY
def add_sku(
    product_id: UUID,
    code: str,
    title: str,
    not_on: tuple[str, ...],
    approved_by: str | None,
    actor: str,
    **promised: Any,
) -> None:
    """Print the id alone, for scripts. What is below cost names a second person."""
    ports = process.ports()
    rule = RefundRule(promised.pop("refund_rule"))
    try:
        with ports.begin() as session:
            sku = service.add_sku(
                session,
                service.lock_product(session, product_id),
                code=code,
                title=title,
                kind=SkuKind.CARD_CODE,
                terms=SkuTerms(**promised, refund_rule=rule),
                on_sale={channel: channel.value not in not_on for channel in SaleChannel},
                fee_basis_points=ports.fee_basis_points,
                approved_by=None if approved_by == actor else approved_by,
                now=ports.clock(),
            )
            write_down(
                session,
                Doer("command"),
                action="catalog.add_sku",
                subject_kind="sku",
                subject=str(sku.id),
                before=None,
                after={**sku_state(sku), "by": actor, "approved_by": approved_by},
                now=ports.clock(),
            )
    except DomainError as refusal:
        raise explained(refusal) from None
    click.echo(sku.id)


@group.command("publish", help="Show a product to members.")
@click.argument("product_id", type=click.UUID)
def publish(product_id: UUID) -> None:
    """From now on it is sold."""
    _move(product_id, is_shown=True)


@group.command("withdraw", help="Hide a product; orders keep what was promised.")
@click.argument("product_id", type=click.UUID)
def withdraw(product_id: UUID) -> None:
    """From now on it is not sold."""
    _move(product_id, is_shown=False)


@group.command("help-sell", help="Let leaders sell a SKU within a price band, or no more.")
@click.argument("sku", metavar="SKU")
@click.option("--min-fen", type=FEN, help="The lowest price a leader may set.")
@click.option("--max-fen", type=FEN, help="The highest one.")
@click.option("--off", is_flag=True, help="Leaders open no more sheets with it.")
def help_sell(sku: str, min_fen: int | None, max_fen: int | None, off: bool) -> None:
    """Open sheets keep their prices."""
    if [min_fen is None, max_fen is None] != [off, off]:
        raise click.UsageError("say --min-fen and --max-fen, or --off")
    try:
        with process.ports().begin() as session:
            found = queries.find_sku(session, sku)
            if found is None:
                raise click.ClickException(f"there is no SKU {sku}")
            if min_fen is not None and max_fen is not None:
                service.allow_help_sell(session, found, min_fen=Fen(min_fen), max_fen=Fen(max_fen))
            else:
                service.stop_help_sell(session, found)
    except DomainError as refusal:
        raise click.ClickException(f"{refusal.title}: {refusal.details['reason']}") from None


def _move(product_id: UUID, *, is_shown: bool) -> None:
    ports = process.ports()
    act = service.publish_product if is_shown else service.withdraw_product
    try:
        with ports.begin() as session:
            act(session, product_id, actor=ACTOR, now=ports.clock())
    except DomainError as refusal:
        raise click.ClickException(refusal.title) from None
