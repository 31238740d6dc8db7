"""A new campaign: typed, tried without a trace, kept as a draft or published."""

from dataclasses import dataclass
from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from console.acting import acting, earlier_place, keep_place
from console.campaign_actions import publish_draft
from console.door import make_room, may, operator
from console.forms.campaign import DEFAULTS, FIELDS, CampaignForm
from console.ports import instruments, now, ports
from console.versions import campaign_state
from flash_sale.rules import BadTerms as BadFlashTerms
from flash_sale.service import plan_flash_sale
from group_buy.rules import BadTerms as BadGroupTerms
from group_buy.service import plan_group_buy
from kit.errors import DomainError
from shop.campaigns.models import Audience, Campaign, CampaignKind
from shop.campaigns.planning import DryRun
from shop.campaigns.rules import BadPlan
from shop.campaigns.service import CannotPublish, NeedsApproval
from shop.cards import queries as cards
from shop.catalog.models import Product, ProductStatus, Sku
from shop.operators.rules import Permission

MOST_SKUS = 500

blueprint = make_room("campaign_wizard")


@dataclass(frozen=True, slots=True)
class Offer:
    """A SKU that may be sold, and how many codes are free."""

    sku: Sku
    product: Product
    free: int


class Undone(Exception):
    """Leaves a transaction without a trace."""


@blueprint.get("/campaigns/new")
@may(Permission.PLAN)
def show() -> Response:
    """Show an empty form, with what is usual filled in."""
    given = {**DEFAULTS, **request.args.to_dict()}
    return _page(CampaignForm.read(given), 200)


@blueprint.post("/campaigns/new")
@may(Permission.PLAN)
def submit() -> Response:
    """Try it, keep it or publish it; whatever is refused is shown with all that was typed."""
    form = CampaignForm.read(request.form)
    plan = form.plan()
    terms = _terms(form)
    wanted = request.form.get("do", "check")
    if form.errors:
        return _page(form, 422)
    try:
        if wanted == "check":
            return _page(form, 200, forecast=_try(form, plan, terms))
        return _keep(form, plan, terms, publishes=wanted != "draft")
    except NeedsApproval:
        return _page(form, 409, forecast=_try(form, plan, terms), needs_second=True)
    except (BadPlan, BadFlashTerms, BadGroupTerms) as refusal:
        return _page(form, 422, refusal=refusal)
    except CannotPublish as refusal:
        return _page(form, 409, forecast=_try(form, plan, terms), refusal=refusal)


def _keep(form: CampaignForm, plan: Any, terms: Any, *, publishes: bool) -> Response:
    action = "campaigns.publish" if publishes else "campaigns.draft"
    with acting(action, "campaign") as deed:
        earlier = earlier_place(deed)
        if earlier is not None:
            deed.subject, deed.after = earlier.rsplit("/", 1)[-1], {"repeated": True}
            return redirect(earlier, code=303)
        campaign = _draft(deed.session, form, plan, terms, at=deed.now)
        deed.session.flush()  # the state after it is what is stored
        deed.subject, deed.after = str(campaign.id), campaign_state(campaign)
        place = url_for("console_campaigns.show", campaign_id=campaign.id)
        if publishes:
            place = publish_draft(deed, campaign, why=request.form.get("why", ""))
        keep_place(deed, place)
    return redirect(place, code=303)


def _try(form: CampaignForm, plan: Any, terms: Any) -> DryRun:
    """Draft it, forecast it, and leave nothing of it."""
    at, found = now(), []
    try:
        with ports().begin() as session:
            campaign = _draft(session, form, plan, terms, at=at)
            way = instruments().ways[campaign.kind]
            found.append(
                way.dry_run(session, campaign, fee_basis_points=ports().fee_basis_points, now=at)
            )
            raise Undone
    except Undone:
        return found[0]


def _draft(session: Session, form: CampaignForm, plan: Any, terms: Any, *, at: Any) -> Campaign:
    make = plan_group_buy if form.kind is CampaignKind.GROUP_BUY else plan_flash_sale
    return make(session, plan, terms, actor=operator().name, now=at)


def _terms(form: CampaignForm) -> Any:
    is_group_buy = form.kind is CampaignKind.GROUP_BUY
    return form.group_terms() if is_group_buy else form.flash_terms()


def _page(
    form: CampaignForm,
    status: int,
    *,
    forecast: DryRun | None = None,
    refusal: DomainError | None = None,
    needs_second: bool = False,
) -> Response:
    with ports().begin() as session:
        offers = _list_offers(session)
    chosen = next((one for one in offers if str(one.sku.id) == form.typed["sku_id"]), None)
    page = render_template(
        "console/campaign_form.html",
        form=form,
        fields=FIELDS,
        offers=offers,
        chosen=chosen,
        kinds=CampaignKind,
        audiences=Audience,
        forecast=forecast,
        refusal=refusal,
        needs_second=needs_second,
    )
    return make_response(page, status)


def _list_offers(session: Session) -> list[Offer]:
    rows = session.execute(
        select(Sku, Product)
        .join(Product, Product.id == Sku.product_id)
        .where(Product.status == ProductStatus.PUBLISHED)
        .order_by(Product.title, Sku.face_value_fen, Sku.id)
        .limit(MOST_SKUS)
    ).all()
    free = cards.count_free(session, [sku.id for sku, _product in rows], now=now())
    return [Offer(sku, product, free.get(sku.id, 0)) for sku, product in rows]
