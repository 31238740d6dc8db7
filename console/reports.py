"""Reports: one page, a report chosen by its address, a chart and the same numbers as a table."""

from dataclasses import dataclass
from typing import Any, Final

from flask import render_template
from flask_babel import lazy_gettext as _l

from console import asked, report_campaigns, report_reading
from console.door import make_room, may
from console.ports import now, ports
from console.report_reading import Read
from console.report_tables import span_of
from kit.clock import business_date
from shop.operators.rules import Permission
from shop.reports import queries

blueprint = make_room("reports")


@dataclass(frozen=True, slots=True)
class Report:
    """A report: what people call it, and what reads it."""

    name: Any
    read: Read
    has_days: bool = True


REPORTS: Final[dict[str, Report]] = {
    "days": Report(_l("每日销售"), report_reading.sales_by_day),
    "channels": Report(_l("渠道销售"), report_reading.sales_by_channel),
    "products": Report(_l("商品销售"), report_reading.sales_by_product),
    "campaigns": Report(_l("活动销售"), report_reading.sales_by_campaign),
    "refunds": Report(_l("退款原因"), report_reading.refunds),
    "groups": Report(_l("成团率"), report_campaigns.group_rates),
    "sell-outs": Report(_l("秒杀售罄"), report_campaigns.sell_outs),
    "commissions": Report(_l("佣金"), report_reading.commissions),
    "leaders": Report(_l("团长排行"), report_reading.leaders),
    "stock": Report(_l("库存可售天数"), report_reading.stock_cover, has_days=False),
}
FIRST: Final = "days"


@blueprint.get("/reports")
@may(Permission.REPORTS)
def show() -> str:
    """Show a report of the days asked for, the last thirty else."""
    name = asked.words_of("report")
    report = REPORTS.get(name, REPORTS[FIRST])
    at = now()
    span = span_of(asked.day_of("since"), asked.day_of("until"), today=business_date(at))
    with ports().begin() as session:
        table = report.read(session, span, at)
        summed_at = queries.find_summed_at(session)
    return render_template(
        "console/reports.html",
        reports=REPORTS,
        chosen=name if name in REPORTS else FIRST,
        report=report,
        table=table,
        span=span,
        summed_at=summed_at,
    )
