"""Commission rules: what leaders are promised, from when to when; nothing is changed backwards."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from flask import make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from console import asked, stale
from console import leader_reading as reading
from console.acting import acting, earlier_place, keep_place
from console.door import make_room, may, operator
from console.forms.commission_rule import DEFAULTS, RuleForm
from console.ports import now, ports
from console.showing import percent, yuan
from console.versions import version_of
from kit.errors import DomainError
from kit.pages import read_page
from shop.campaigns.models import Campaign, CampaignStatus
from shop.catalog.models import Product, Sku
from shop.members.models import Member
from shop.operators.rules import Permission
from shop.referral import service
from shop.referral.models import CommissionRule
from shop.referral.service import BadRule, RuleNotFound

PAGE: Final = 30
MOST_CHOICES: Final = 200
OVER: Final = (CampaignStatus.ENDED, CampaignStatus.SETTLED, CampaignStatus.CANCELLED)

blueprint = make_room("commission_rules")
stale.install(blueprint)


@blueprint.get("/commission-rules")
@may(Permission.LEADERS)
def list_all() -> Response:
    """Show rules, newest first, and the form of a new one."""
    leader_id = asked.id_of("leader")
    known = {"leader_id": str(leader_id)} if leader_id else {}
    return _page(RuleForm.read({**DEFAULTS, **known}), 200)


@blueprint.post("/commission-rules")
@may(Permission.RATES)
def add() -> Response:
    """Promise a commission for orders placed from its start on."""
    at, form = now(), RuleForm.read(request.form)
    plan = _plan(form, at)
    if form.errors:
        return _page(form, 422)
    place = url_for("console_commission_rules.list_all")
    try:
        with acting("commission_rules.add", "commission_rule") as deed:
            if earlier_place(deed) is not None:
                deed.after = {"repeated": True}
                return redirect(place, code=303)
            made = service.add_rule(deed.session, **plan, actor=operator().name, now=at)
            deed.subject, deed.after = str(made.id), state_of(made)
            keep_place(deed, place)
    except BadRule as refusal:
        return _page(form, 422, refusal=refusal)
    return redirect(place, code=303)


@blueprint.post("/commission-rules/<uuid:rule_id>/end")
@may(Permission.RATES)
def end(rule_id: UUID) -> Any:
    """Let a rule promise nothing from now on; what was earned by it stays."""
    place = url_for("console_commission_rules.list_all")
    with acting("commission_rules.end", "commission_rule", str(rule_id)) as deed:
        rule = deed.session.get(
            CommissionRule, rule_id, with_for_update=True, populate_existing=True
        )
        if rule is None:
            raise RuleNotFound
        deed.before = state_of(rule)
        stale.check_seen(place, deed.before, {_("佣金"): amount_of(rule)})
        deed.after = state_of(service.end_rule(deed.session, rule_id, now=deed.now))
    return redirect(place, code=303)


def state_of(rule: CommissionRule) -> dict[str, Any]:
    """Return what the audit log and forms know of a rule."""
    return {
        "amount": amount_of(rule),
        "holds_days": rule.holds_days,
        **{
            name: str(value)
            for name, value in (
                ("campaign_id", rule.campaign_id),
                ("sku_id", rule.sku_id),
                ("leader_id", rule.leader_id),
            )
            if value is not None
        },
        "starts_at": rule.starts_at.isoformat(),
        "ends_at": None if rule.ends_at is None else rule.ends_at.isoformat(),
    }


def amount_of(rule: CommissionRule) -> str:
    """Return what a rule gives, as people read it."""
    return yuan(rule.fixed_fen) if rule.basis_points is None else percent(rule.basis_points)


def _plan(form: RuleForm, at: datetime) -> dict[str, Any]:
    """Return what the form says; its errors tell what makes no sense or does not exist."""
    form.check_way()
    starts_at, ends_at = form.window(at)
    ids = {name: form.id_of(name) for name in ("campaign_id", "sku_id", "leader_id")}
    kinds: dict[str, type[Any]] = {"campaign_id": Campaign, "sku_id": Sku, "leader_id": Member}
    with ports().begin() as session:
        for name, found in ids.items():
            if found is not None and session.get(kinds[name], found) is None:
                form.errors[name] = _("没有找到该编号")
    return {
        **ids,
        "basis_points": form.basis_points(),
        "fixed_fen": form.fixed_fen(),
        "holds_days": form.holds_days(),
        "starts_at": starts_at,
        "ends_at": ends_at,
    }


def _page(form: RuleForm, status: int, *, refusal: DomainError | None = None) -> Response:
    leader_id, campaign_id = asked.id_of("leader"), asked.id_of("campaign")
    with ports().begin() as session:
        query = select(CommissionRule)
        if leader_id is not None:
            query = query.where(CommissionRule.leader_id == leader_id)
        if campaign_id is not None:
            query = query.where(CommissionRule.campaign_id == campaign_id)
        page = read_page(session, query, CommissionRule.id, cursor=asked.cursor(), limit=PAGE)
        text = render_template(
            "console/commission_rules.html",
            page=page,
            named=reading.name_rules(session, page.items),
            versions={one.id: version_of(state_of(one)) for one in page.items},
            leader_id=leader_id,
            campaign_id=campaign_id,
            campaigns=_list_campaigns(session),
            skus=_list_skus(session),
            form=form,
            refusal=refusal,
            now=now(),
        )
    return make_response(text, status)


def _list_campaigns(session: Session) -> list[tuple[UUID, str]]:
    rows = session.execute(
        select(Campaign.id, Campaign.name)
        .where(Campaign.status.not_in(OVER))
        .order_by(Campaign.id.desc())
        .limit(MOST_CHOICES)
    )
    return [(found, name) for found, name in rows]


def _list_skus(session: Session) -> list[tuple[UUID, str]]:
    rows = session.execute(
        select(Sku.id, Product.title, Sku.title)
        .join(Product, Product.id == Sku.product_id)
        .order_by(Product.title, Sku.face_value_fen, Sku.id)
        .limit(MOST_CHOICES)
    )
    return [(found, f"{product} · {title}") for found, product, title in rows]
