"""Puts the console into an application: its rooms, its languages, what its pages can say."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from apiflask import APIFlask
from flask import request
from flask_babel import Babel

from console import (
    account,
    approvals,
    assets,
    audit,
    batches,
    campaign_actions,
    campaign_calendar,
    campaign_pushes,
    campaign_wizard,
    campaigns,
    chat_groups,
    code_exports,
    commission_rules,
    cookies,
    differences,
    door,
    exports,
    forgery,
    groups,
    jobs,
    leaders,
    ledger,
    live,
    many,
    members,
    operators,
    orders,
    payments,
    products,
    push_templates,
    pushes,
    reconciliation,
    refunds,
    renewal,
    reports,
    saved_views,
    search,
    sheets,
    showing,
    sign_in,
    skus,
    stock,
    today,
    undo,
    withdrawals,
    words,
    works,
)
from console.menu import entries
from console.ports import Instruments, now
from kit.crypto import new_token
from kit.kept import Kept
from kit.ratelimit import LocalLimiter

ROOMS: Final = (
    assets.blueprint,
    sign_in.blueprint,
    account.blueprint,
    renewal.blueprint,
    search.blueprint,
    today.blueprint,
    campaigns.blueprint,
    campaign_calendar.blueprint,
    campaign_wizard.blueprint,
    campaign_actions.blueprint,
    live.blueprint,
    pushes.blueprint,
    campaign_pushes.blueprint,
    chat_groups.blueprint,
    push_templates.blueprint,
    products.blueprint,
    skus.blueprint,
    stock.blueprint,
    batches.blueprint,
    code_exports.blueprint,
    orders.blueprint,
    refunds.blueprint,
    groups.blueprint,
    sheets.blueprint,
    members.blueprint,
    leaders.blueprint,
    commission_rules.blueprint,
    withdrawals.blueprint,
    approvals.blueprint,
    payments.blueprint,
    reconciliation.blueprint,
    differences.blueprint,
    ledger.blueprint,
    reports.blueprint,
    exports.blueprint,
    jobs.blueprint,
    audit.blueprint,
    operators.blueprint,
    saved_views.blueprint,
    many.blueprint,
    undo.blueprint,
)
KEPT_SECONDS: Final = 1.0  # numbers of the live room, and how time stands
KEPT_LONGER_SECONDS: Final = 10.0  # who brings buyers: added up over a campaign's orders
TRANSLATIONS: Final = Path(__file__).resolve().parent / "translations"


def install(app: APIFlask, instruments: Instruments) -> None:
    """Register every room and what templates use."""
    app.extensions["console"] = instruments
    app.extensions["console_limiter"] = LocalLimiter()  # while Redis is out
    app.extensions["console_kept"] = Kept(seconds=KEPT_SECONDS)
    app.extensions["console_kept_longer"] = Kept(seconds=KEPT_LONGER_SECONDS)
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    Babel(app, default_locale=words.LANGUAGES[0], locale_selector=words.select_language)
    app.jinja_env.filters.update(
        yuan=showing.yuan,
        moment=showing.moment,
        for_input=showing.for_input,
        lasting=showing.lasting,
        masked=showing.masked,
        masked_name=showing.masked_name,
        percent=showing.percent,
        up_to=showing.up_to,
    )
    app.context_processor(_context)
    app.after_request(undo.offer)
    for room in ROOMS:
        app.register_blueprint(room)


def _context() -> dict[str, Any]:
    if not request.path.startswith(door.PREFIX):
        return {}
    permissions = door.permissions()
    return {
        "asset": assets.asset,
        "label": words.label,
        "tone": words.tone,
        "language": words.select_language(),
        "look": cookies.read(cookies.LOOK),
        "csrf": forgery.present_token(),
        "form_key": new_token,
        "menu": entries(permissions),
        "may": lambda name: name in permissions,
        "with_query": _with_query,
        "server_now": now,
        "views_bar": saved_views.bar_of_page,
        "works_here": lambda: works.works_of(str(request.endpoint)),
        "undo_offered": undo.offered,
    }


def _with_query(**changes: str | None) -> str:
    """Return this list's address with other choices; None takes one away."""
    chosen = {name: value for name, value in request.args.items() if value}
    for name, value in changes.items():
        if value is None:
            chosen.pop(name, None)
        else:
            chosen[name] = value
    return f"{request.path}?{urlencode(chosen)}" if chosen else request.path
