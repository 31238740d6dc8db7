"""Made-up products with fresh random codes, so that a new installation has something to sell."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from kit.db import Begin
from kit.money import Fen, share_of
from shop.cards.batches import NewCard, Origin, add_batch
from shop.cards.vault import CardSecret, Vault
from shop.catalog import service as catalog
from shop.catalog.models import Product, RefundRule, Scenario, Sku, SkuKind
from shop.catalog.rules import SkuTerms

_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_GROUPS: Final = 5  # of four characters: 32**20 is 100 bits
_COST_BASIS_POINTS: Final = 9_000
_ONLY_ONE_SEEDS: Final = 4_207_849_484


@dataclass(frozen=True, slots=True)
class Sample:
    """A product of the sample shop, with one SKU per face value."""

    title: str
    brand: str
    scenario: Scenario
    notes: str
    face_values_fen: tuple[int, ...]
    discount_basis_points: int
    stock: int = 200
    limit_per_day: int | None = None


SAMPLES: Final = (
    Sample(
        "星海游戏点卡",
        "星海游戏",
        Scenario.GAMING,
        "在游戏内“充值中心”输入卡密，即时到账。",
        (1000, 3000, 10000),
        500,
    ),
    Sample(
        "青禾视频会员",
        "青禾视频",
        Scenario.VIDEO,
        "登录后在“兑换会员”输入卡密，月卡有效期 31 天。",
        (2500, 6800),
        1200,
    ),
    Sample(
        "橙市购物卡",
        "橙市",
        Scenario.SHOPPING,
        "结算时选择“使用礼品卡”。",
        (5000, 10000, 50000),
        200,
    ),
    Sample("云笔办公会员", "云笔", Scenario.WORK, "在“我的-兑换”中使用。", (1500, 12800), 1500),
    Sample("暖家家政券", "暖家", Scenario.HOME, "预约时填写券码，两小时起。", (8000,), 1000, 60, 2),
    Sample(
        "街角咖啡券",
        "街角咖啡",
        Scenario.LOCAL_LIFE,
        "到店出示券码，限中杯。",
        (2200,),
        2000,
        120,
        5,
    ),
)


def seed_shop(begin: Begin, vault: Vault, *, now: datetime) -> int:
    """Put the sample products into a shop that has none; return how many were made."""
    with begin() as session:
        # Two starts at once must not both find it empty.
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONLY_ONE_SEEDS})
        if session.scalar(select(Product.id).limit(1)) is not None:
            return 0
        for sample in SAMPLES:
            _make_sample(session, vault, sample, now=now)
    return len(SAMPLES)


def make_sku(
    begin: Begin,
    vault: Vault,
    *,
    stock: int,
    price_fen: Fen,
    cost_fen: Fen | None = None,
    now: datetime,
) -> Sku:
    """Make a product of its own with one SKU on sale everywhere and `stock` fresh codes."""
    name = uuid4().hex[:8]
    with begin() as session:
        product = catalog.add_product(
            session, title=f"样品 {name}", brand="样品", scenario=Scenario.GAMING, now=now
        )
        sku = catalog.add_sku(
            session,
            product,
            code=f"sample-{name}",
            title=f"样品 {name}",
            kind=SkuKind.CARD_CODE,
            terms=SkuTerms(
                face_value_fen=price_fen,
                list_price_fen=price_fen,
                cost_fen=(
                    share_of(price_fen, basis_points=_COST_BASIS_POINTS)
                    if cost_fen is None
                    else cost_fen
                ),
                limit_per_order=100,
            ),
            now=now,
        )
        _stock_up(session, vault, sku, stock, now=now)
        catalog.publish_product(session, product.id, actor="sample", now=now)
    return sku


def _make_sample(session: Session, vault: Vault, sample: Sample, *, now: datetime) -> None:
    product = catalog.add_product(
        session,
        title=sample.title,
        brand=sample.brand,
        scenario=sample.scenario,
        purchase_notes=sample.notes,
        now=now,
    )
    for face_value in sample.face_values_fen:
        price = Fen(
            face_value - share_of(Fen(face_value), basis_points=sample.discount_basis_points)
        )
        sku = catalog.add_sku(
            session,
            product,
            code=f"{uuid4().hex[:6]}-{face_value // 100}",
            title=f"{sample.title} {face_value // 100} 元",
            kind=SkuKind.CARD_CODE,
            terms=SkuTerms(
                face_value_fen=Fen(face_value),
                list_price_fen=price,
                cost_fen=share_of(price, basis_points=_COST_BASIS_POINTS),
                limit_per_day=sample.limit_per_day,
                refund_rule=RefundRule.UNTIL_REVEALED,
            ),
            now=now,
        )
        _stock_up(session, vault, sku, sample.stock, now=now)
    catalog.publish_product(session, product.id, actor="sample", now=now)


def _stock_up(session: Session, vault: Vault, sku: Sku, stock: int, *, now: datetime) -> None:
    if stock == 0:
        return
    cards = (NewCard(line, CardSecret(_new_code())) for line in range(1, stock + 1))
    origin = Origin("sample", hashlib.sha256(sku.id.bytes).hexdigest(), source="sample")
    add_batch(session, vault, sku_id=sku.id, cards=cards, origin=origin, now=now)


def _new_code() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(_GROUPS))
    return "-".join(groups)
