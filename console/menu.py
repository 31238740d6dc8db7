"""The menu: every list that the roles of whoever asks open, and the doings of the palette."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import lazy_gettext as _l

from shop.operators.rules import Permission

P = Permission


@dataclass(frozen=True, slots=True)
class Entry:
    """One way to a page."""

    endpoint: str
    name: Any  # lazy: in the language of whoever asks
    needs: Permission
    section: Any = ""  # lazy, too: the heading under which the sidebar has it
    is_listed: bool = True  # in the sidebar; else in the palette alone


ENTRIES: Final = (
    Entry("console_today.show", _l("今日"), P.TODAY),
    Entry("console_approvals.list_all", _l("审批"), P.APPROVALS),
    Entry("console_campaigns.list_all", _l("活动"), P.CAMPAIGNS, _l("销售")),
    Entry("console_campaign_calendar.show", _l("活动日历"), P.CAMPAIGNS, is_listed=False),
    Entry("console_campaign_wizard.show", _l("新建活动"), P.PLAN, is_listed=False),
    Entry("console_groups.list_all", _l("拼团与接龙"), P.GROUPS, _l("销售")),
    Entry("console_sheets.list_all", _l("接龙"), P.GROUPS, is_listed=False),
    Entry("console_products.list_all", _l("商品"), P.CATALOG, _l("销售")),
    Entry("console_products.show_new", _l("新建商品"), P.CHANGE_CATALOG, is_listed=False),
    Entry("console_stock.show", _l("卡密库存"), P.STOCK, _l("销售")),
    Entry("console_orders.list_all", _l("订单"), P.ORDERS, _l("销售")),
    Entry("console_refunds.list_all", _l("退款"), P.REFUNDS, _l("销售")),
    Entry("console_pushes.list_all", _l("推送"), P.OUTREACH, _l("触达")),
    Entry("console_chat_groups.list_all", _l("群"), P.OUTREACH, _l("触达")),
    Entry("console_push_templates.list_all", _l("推送模板"), P.OUTREACH, _l("触达")),
    Entry("console_chat_groups.show_new", _l("登记群"), P.CHAT_GROUPS, is_listed=False),
    Entry("console_members.list_all", _l("会员"), P.MEMBERS, _l("会员与团长")),
    Entry("console_leaders.list_all", _l("团长"), P.LEADERS, _l("会员与团长")),
    Entry("console_commission_rules.list_all", _l("佣金规则"), P.LEADERS, _l("会员与团长")),
    Entry("console_withdrawals.list_all", _l("提现"), P.WITHDRAWALS, _l("会员与团长")),
    Entry("console_payments.list_all", _l("支付"), P.MONEY, _l("资金")),
    Entry("console_reconciliation.list_all", _l("对账"), P.MONEY, _l("资金")),
    Entry("console_differences.list_all", _l("对账差异"), P.MONEY, _l("资金")),
    Entry("console_ledger.show", _l("账本"), P.MONEY, _l("资金")),
    Entry("console_reports.show", _l("报表"), P.REPORTS, _l("资金")),
    Entry("console_exports.list_own", _l("导出"), P.EXPORT, _l("资金")),
    Entry("console_jobs.show", _l("任务"), P.JOBS, _l("系统")),
    Entry("console_audit.list_all", _l("审计日志"), P.AUDIT, _l("系统")),
    Entry("console_operators.list_all", _l("操作员"), P.OPERATORS, _l("系统")),
)


def entries(permissions: Collection[Permission]) -> list[Entry]:
    """Return what these permissions open."""
    return [entry for entry in ENTRIES if entry.needs in permissions]
