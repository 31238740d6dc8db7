"""Works: what may be done to many rows of a list at once, and which of them undo each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from flask import url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from console.acting import Deed
from console.asked import as_id
from console.campaign_actions import pause_one, resume_one
from console.door import permissions
from console.jobs import EventNotStuck, hand_out_again
from console.products import turn_one
from console.refunds import send_again
from console.stock import change_batch
from kit import outbox
from shop.campaigns.models import Campaign, CampaignStatus
from shop.campaigns.queries import CampaignNotFound
from shop.cards import batches
from shop.cards.models import Batch, BatchStatus
from shop.cards.queries import BatchNotFound
from shop.catalog import service as catalog
from shop.catalog.models import Product, ProductStatus
from shop.catalog.queries import ProductNotFound
from shop.operators.rules import Permission
from shop.payments.models import Refund, RefundStatus

P = Permission


@dataclass(frozen=True, slots=True)
class Seen:
    """One row as it stands now: what it is called, its status, whether the work can be done."""

    subject: str
    title: str
    status: str
    is_ready: bool


@dataclass(frozen=True, slots=True)
class Work:
    """One action, known by its name in the audit log, on any row of a list."""

    action: str
    kind: str  # of the subject, and of its status
    needs: Permission
    effect: Any  # lazy: what will happen to each row
    back: str  # the list's endpoint
    look: Callable[[Session, Sequence[str]], list[Seen]]
    act: Callable[[Deed, str, str], None]  # what, and why
    place_of: Callable[[str], str]  # where one row is seen
    asks_why: bool = False
    opposite: str = ""  # what undoes it; nothing does where money moves

    @property
    def slug(self) -> str:
        """Return its name in endpoints."""
        return self.action.replace(".", "_")


def works_of(endpoint: str) -> list[Work]:
    """Return what whoever asks may do to many rows of a list."""
    allowed = permissions()
    return [work for work in WORKS.values() if work.back == endpoint and work.needs in allowed]


def _look_at_campaigns(status: CampaignStatus) -> Callable[[Session, Sequence[str]], list[Seen]]:
    def look(session: Session, subjects: Sequence[str]) -> list[Seen]:
        found = session.scalars(select(Campaign).where(Campaign.id.in_(_ids(subjects))))
        return [
            Seen(str(one.id), one.name, one.status.value, one.status is status) for one in found
        ]

    return look


def _look_at_batches(status: BatchStatus) -> Callable[[Session, Sequence[str]], list[Seen]]:
    def look(session: Session, subjects: Sequence[str]) -> list[Seen]:
        found = session.scalars(select(Batch).where(Batch.id.in_(_ids(subjects))))
        return [
            Seen(str(one.id), one.file_name, one.status.value, one.status is status)
            for one in found
        ]

    return look


def _look_at_products(*statuses: ProductStatus) -> Callable[[Session, Sequence[str]], list[Seen]]:
    def look(session: Session, subjects: Sequence[str]) -> list[Seen]:
        found = session.scalars(select(Product).where(Product.id.in_(_ids(subjects))))
        return [
            Seen(str(one.id), one.title, one.status.value, one.status in statuses) for one in found
        ]

    return look


def _look_at_refunds(session: Session, subjects: Sequence[str]) -> list[Seen]:
    found = session.scalars(select(Refund).where(Refund.out_refund_no.in_(subjects)))
    return [
        Seen(
            one.out_refund_no,
            one.out_refund_no,
            one.status.value,
            one.status is RefundStatus.STUCK,
        )
        for one in found
    ]


def _look_at_events(session: Session, subjects: Sequence[str]) -> list[Seen]:
    return [
        Seen(str(one.id), f"{one.name} {str(one.id)[-6:]}", "stuck", is_ready=True)
        for one in outbox.list_stuck(session, ids=_ids(subjects))
    ]


def _ids(subjects: Sequence[str]) -> list[UUID]:
    return [found for subject in subjects if (found := as_id(subject)) is not None]


def _id_of(subject: str, missing: type[Exception]) -> UUID:
    found = as_id(subject)
    if found is None:
        raise missing
    return found


def _pause(deed: Deed, subject: str, why: str) -> None:
    pause_one(deed, _id_of(subject, CampaignNotFound), why)


def _resume(deed: Deed, subject: str, _why: str) -> None:
    resume_one(deed, _id_of(subject, CampaignNotFound))


def _freeze(deed: Deed, subject: str, _why: str) -> None:
    change_batch(deed, _id_of(subject, BatchNotFound), batches.freeze_batch)


def _unfreeze(deed: Deed, subject: str, _why: str) -> None:
    change_batch(deed, _id_of(subject, BatchNotFound), batches.unfreeze_batch)


def _publish(deed: Deed, subject: str, _why: str) -> None:
    turn_one(deed, _id_of(subject, ProductNotFound), catalog.publish_product)


def _withdraw(deed: Deed, subject: str, _why: str) -> None:
    turn_one(deed, _id_of(subject, ProductNotFound), catalog.withdraw_product)


def _send_again(deed: Deed, subject: str, _why: str) -> None:
    send_again(deed, subject)


def _hand_out_again(deed: Deed, subject: str, _why: str) -> None:
    hand_out_again(deed, _id_of(subject, EventNotStuck))


def _campaign_place(subject: str) -> str:
    return url_for("console_campaigns.show", campaign_id=subject)


def _product_place(subject: str) -> str:
    return url_for("console_products.show", product_id=subject)


WORKS: Final = {
    work.action: work
    for work in (
        Work(
            "campaigns.pause", "campaign", P.RUN,
            _l("不再接受会员下单，会员会看到原因；随时可以恢复。"), "console_campaigns.list_all",
            _look_at_campaigns(CampaignStatus.LIVE), _pause, _campaign_place,
            asks_why=True, opposite="campaigns.resume",
        ),
        Work(
            "campaigns.resume", "campaign", P.RUN,
            _l("重新接受会员下单。"), "console_campaigns.list_all",
            _look_at_campaigns(CampaignStatus.PAUSED), _resume, _campaign_place,
            opposite="campaigns.pause",
        ),
        Work(
            "catalog.publish", "product", P.CHANGE_CATALOG,
            _l("会员可以看到并购买；没有规格的商品不能上架。"), "console_products.list_all",
            _look_at_products(ProductStatus.DRAFT, ProductStatus.WITHDRAWN), _publish,
            _product_place, opposite="catalog.withdraw",
        ),
        Work(
            "catalog.withdraw", "product", P.CHANGE_CATALOG,
            _l("会员不再看到，也不能下单，也不能参加拼团和接龙；进行中的秒杀不会停，需要时请另行暂停。已下的单照常发卡。"),
            "console_products.list_all", _look_at_products(ProductStatus.PUBLISHED), _withdraw,
            _product_place, opposite="catalog.publish",
        ),
        Work(
            "stock.freeze", "batch", P.FREEZE,
            _l("未售的卡密不再出售；已售出的不受影响。"), "console_stock.show",
            _look_at_batches(BatchStatus.OPEN), _freeze, lambda _one: url_for("console_stock.show"),
            opposite="stock.unfreeze",
        ),
        Work(
            "stock.unfreeze", "batch", P.FREEZE,
            _l("未售的卡密重新出售；已导出明文的永不再售。"), "console_stock.show",
            _look_at_batches(BatchStatus.FROZEN), _unfreeze,
            lambda _one: url_for("console_stock.show"), opposite="stock.freeze",
        ),
        Work(
            "refunds.retry", "refund", P.REFUND,
            _l("用原退款单号再次向平台发起；平台已退过的不会再退。"), "console_refunds.list_all",
            _look_at_refunds, _send_again,
            lambda _one: url_for("console_refunds.list_all", status="stuck"),
        ),
        Work(
            "events.retry", "event", P.RETRY,
            _l("把事件重新交给未完成的处理步骤；已完成的步骤不会重做。"), "console_jobs.show",
            _look_at_events, _hand_out_again, lambda _one: url_for("console_jobs.show"),
        ),
    )
}  # fmt: skip
