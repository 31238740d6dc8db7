"""What a second person's word carries out: each kind of request, and the service that does it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.approvable_skus import sku_actions
from app.selling import WAYS
from console.campaign_reading import get_any
from console.versions import campaign_state
from shop.approvals.models import Approval, ApprovalKind
from shop.approvals.rules import Action, Actions, Done, Persons, check_amount
from shop.campaigns import queries as campaigns
from shop.cards import batches, exporting
from shop.cards import queries as cards
from shop.cards.models import Batch
from shop.cards.queries import BatchNotFound
from shop.operators.rules import Permission
from shop.orders import queries as orders
from shop.orders import refunding
from shop.orders.models import Order
from shop.orders.queries import OrderNotFound
from shop.payments.models import RefundReason
from shop.ports import Ports


def actions(ports: Ports) -> Actions:
    """Return what each kind of request does."""
    return {
        ApprovalKind.REFUND: Action(
            Permission.REFUND, "orders.refund", "order", _foresee_refund, _refund
        ),
        ApprovalKind.PUBLISH: _publishing(ports),
        ApprovalKind.UNDO_BATCH: Action(
            Permission.FREEZE, "stock.undo", "batch", _foresee_undo, _undo
        ),
        ApprovalKind.EXPORT_CODES: Action(
            Permission.EXPORT_CODES, "stock.allow_export", "batch", _foresee_export, _allow_export
        ),
        **sku_actions(ports),
    }


def _foresee_refund(session: Session, approval: Approval, _now: datetime) -> Mapping[str, Any]:
    order = session.get(Order, UUID(approval.subject))
    if order is None:
        raise OrderNotFound
    amount_fen = refunding.foresee_refund(session, order, line_id=_line_of(approval))
    check_amount(approval, amount_fen)
    lines = orders.list_lines(session, [order.id])
    return {
        "order_no": order.order_no,
        "gives_back_fen": amount_fen,
        "gave_back_fen": sum(line.refunded_fen for line in lines),
        "order_total_fen": order.total_fen,
    }


def _refund(session: Session, approval: Approval, _persons: Persons, now: datetime) -> Done:
    order = orders.lock_order(session, UUID(approval.subject))
    before = {"status": order.status.value}
    made = refunding.refund_order(
        session, order, reason=RefundReason.MEMBER, line_id=_line_of(approval), now=now
    )
    check_amount(approval, sum(one.amount_fen for one in made))
    refunds = {one.out_refund_no: one.amount_fen for one in made}
    return Done(before, {"status": order.status.value, "refunds": refunds})


def _publishing(ports: Ports) -> Action:
    def foresee(session: Session, approval: Approval, now: datetime) -> Mapping[str, Any]:
        campaign = get_any(session, UUID(approval.subject))
        forecast = WAYS[campaign.kind].dry_run(
            session, campaign, fee_basis_points=ports.fee_basis_points, now=now
        )
        check_amount(approval, forecast.worst_case_subsidy_fen)
        return {
            "campaign": campaign.name,
            "worst_case_subsidy_fen": forecast.worst_case_subsidy_fen,
            "codes_needed": sum(item.codes_needed for item in forecast.items),
            "blockers": [blocker.detail for blocker in forecast.blockers],
        }

    def publish(session: Session, approval: Approval, persons: Persons, now: datetime) -> Done:
        campaign = campaigns.lock_campaign(session, UUID(approval.subject))
        before = campaign_state(campaign)
        forecast = WAYS[campaign.kind].schedule(
            session,
            campaign,
            fee_basis_points=ports.fee_basis_points,
            actor=persons.asked_by,
            approved_by=persons.decided_by,
            now=now,
        )
        check_amount(approval, forecast.worst_case_subsidy_fen)
        return Done(before, campaign_state(campaign))

    return Action(Permission.PLAN, "campaigns.publish", "campaign", foresee, publish)


def _foresee_undo(session: Session, approval: Approval, _now: datetime) -> Mapping[str, Any]:
    batch = session.get(Batch, UUID(approval.subject))
    if batch is None:
        raise BatchNotFound
    return {"file": batch.file_name, "removes_cards": batches.foresee_undo(session, batch)}


def _undo(session: Session, approval: Approval, persons: Persons, now: datetime) -> Done:
    batch = cards.get_batch(session, UUID(approval.subject))
    before = {"status": batch.status.value, "cards": batch.cards_count}
    removed = batches.undo_batch(session, batch, actor=persons.decided_by, now=now)
    return Done(before, {"status": batch.status.value, "removed": removed})


def _foresee_export(session: Session, approval: Approval, _now: datetime) -> Mapping[str, Any]:
    batch = session.get(Batch, UUID(approval.subject))
    if batch is None:
        raise BatchNotFound
    count = exporting.foresee_export(session, batch)
    exporting.compare(approval, count)
    return {
        "file": batch.file_name,
        "source": batch.source,
        "exports_cards": count,
        "left_before": exporting.count_left_before(session, batch),
    }


def _allow_export(session: Session, approval: Approval, _persons: Persons, now: datetime) -> Done:
    """Let who asked fetch the codes; no card changes before they do, and no code is read here."""
    batch = cards.get_batch(session, UUID(approval.subject))
    count = exporting.foresee_export(session, batch)
    exporting.compare(approval, count)
    until = now + exporting.FETCHED_WITHIN
    state = {"status": batch.status.value}
    return Done(state, {**state, "cards": count, "fetched_until": until.isoformat()})


def _line_of(approval: Approval) -> UUID | None:
    line_id = approval.arguments.get("line_id")
    return None if line_id is None else UUID(line_id)
