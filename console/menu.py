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
    is_listed: bool = True  # in the sidebar; else in the palette alone


ENTRIES: Final = (
    Entry("console_today.show", _l("今日"), P.TODAY),
    Entry("console_campaigns.list_all", _l("活动"), P.CAMPAIGNS),
    Entry("console_campaign_calendar.show", _l("活动日历"), P.CAMPAIGNS, is_listed=False),
    Entry("console_campaign_wizard.show", _l("新建活动"), P.PLAN, is_listed=False),
    Entry("console_pushes.list_all", _l("推送"), P.OUTREACH),
    Entry("console_chat_groups.list_all", _l("群"), P.OUTREACH),
    Entry("console_push_templates.list_all", _l("推送模板"), P.OUTREACH),
    Entry("console_chat_groups.show_new", _l("登记群"), P.CHAT_GROUPS, is_listed=False),
    Entry("console_stock.show", _l("卡密库存"), P.STOCK),
    Entry("console_orders.list_all", _l("订单"), P.ORDERS),
    Entry("console_refunds.list_all", _l("退款"), P.REFUNDS),
    Entry("console_groups.list_all", _l("拼团与接龙"), P.GROUPS),
    Entry("console_members.list_all", _l("会员"), P.MEMBERS),
    Entry("console_leaders.list_all", _l("团长"), P.LEADERS),
    Entry("console_commission_rules.list_all", _l("佣金规则"), P.LEADERS),
    Entry("console_withdrawals.list_all", _l("提现"), P.WITHDRAWALS),
    Entry("console_sheets.list_all", _l("接龙"), P.GROUPS, is_listed=False),
    Entry("console_differences.list_all", _l("对账差异"), P.MONEY),
    Entry("console_approvals.list_all", _l("审批"), P.APPROVALS),
    Entry("console_payments.list_all", _l("支付"), P.MONEY),
    Entry("console_reconciliation.list_all", _l("对账"), P.MONEY),
    Entry("console_differences.list_all", _l("对账差异"), P.MONEY),
    Entry("console_ledger.show", _l("账本"), P.MONEY),
    Entry("console_reports.show", _l("报表"), P.REPORTS),
    Entry("console_exports.list_own", _l("导出"), P.EXPORT),
    Entry("console_jobs.show", _l("任务"), P.JOBS),
    Entry("console_audit.list_all", _l("审计日志"), P.AUDIT),
    Entry("console_operators.list_all", _l("操作员"), P.OPERATORS),
)


def entries(permissions: Collection[Permission]) -> list[Entry]:
    """Return what these permissions open."""
    return [entry for entry in ENTRIES if entry.needs in permissions]
