"""The console's words: Chinese first, English beside it; names of every status, and of findings."""

from typing import Any, Final

from console import cookies
from console.labels.money import MONEY_LABELS
from console.labels.operators import OPERATOR_LABELS
from console.labels.outreach import OUTREACH_LABELS
from console.labels.people import PEOPLE_LABELS
from console.labels.sales import SALES_LABELS
from console.labels.tones import TONES
from console.people_words import PEOPLE

LANGUAGES: Final = ("zh", "en")

# Kind of thing → its codes → what people call them.
LABELS: Final[dict[str, dict[str, Any]]] = {
    **SALES_LABELS,
    **PEOPLE_LABELS,
    **OPERATOR_LABELS,
    **MONEY_LABELS,
    **OUTREACH_LABELS,
    "kind": {"group_buy": _l("拼团"), "flash_sale": _l("限时秒杀")},
    "campaign": {
        "draft": _l("草稿"),
        "scheduled": _l("已排期"),
        "warming": _l("预热中"),
        "live": _l("进行中"),
        "paused": _l("已暂停"),
        "ended": _l("已结束"),
        "settled": _l("已结清"),
        "cancelled": _l("已取消"),
    },
    "edge": {
        "warm": _l("预热"),
        "open": _l("开始"),
        "end": _l("结束"),
        "settle": _l("结清"),
    },
    "group": {"open": _l("拼团中"), "formed": _l("已成团"), "failed": _l("未成团")},
    "order": {
        "pending": _l("待付款"),
        "paid": _l("已付款"),
        "fulfilled": _l("已发卡"),
        "refunding": _l("退款中"),
        "refunded": _l("已退款"),
        "closed": _l("已关闭"),
    },
    "payment": {
        "created": _l("已创建"),
        "prepaid": _l("待支付"),
        "captured": _l("已收款"),
        "closed": _l("已关闭"),
    },
    "refund": {
        "requested": _l("待发送"),
        "sent": _l("处理中"),
        "done": _l("已退回"),
        "stuck": _l("需人工"),
    },
    "reason": {
        "member": _l("会员申请"),
        "late": _l("逾期付款"),
        "double": _l("重复付款"),
        "undeliverable": _l("无法发卡"),
        "group_failed": _l("未成团"),
        "group_late": _l("成团后付款"),
        "left": _l("退出拼团"),
        "price_drop": _l("阶梯降价"),
        "sheet_failed": _l("接龙未成"),
    },
    "card": {
        "free": _l("未售"),
        "reserved": _l("已预留"),
        "delivered": _l("已发卡"),
        "revealed": _l("已查看"),
        "void": _l("已作废"),
    },
    "batch": {
        "importing": _l("导入中"),
        "open": _l("在售"),
        "frozen": _l("已冻结"),
        "undone": _l("已撤销"),
    },
    "fault": {
        "empty": _l("没有卡密"),
        "short": _l("卡密少于 4 个字符"),
        "long": _l("卡密超过 128 个字符"),
        "unprintable": _l("含有不可见字符"),
        "foreign": _l("含有字母、数字和半角符号以外的字符"),
        "formula": _l("是公式而不是卡密"),
        "separator": _l("卡密中有分隔符或引号"),
        "rounded": _l("被表格四舍五入的数字，请把该列设为文本"),
        "not_text": _l("既不是文本也不是整数"),
        "password": _l("密码过长、不可见或是公式"),
        "bad_date": _l("有效期不是日期"),
        "expired": _l("已过期"),
        "columns": _l("列数超过卡密、密码、有效期"),
        "quotes": _l("引号没有在本行结束"),
        "too_long": _l("该行过长"),
        "encoding": _l("不是 UTF-8 或 GB18030，或两者混用"),
        "duplicate": _l("与文件前面的卡密重复"),
        "known": _l("卡密已存在"),
    },
    "channel": {"wechat_pay": _l("微信支付"), "alipay": _l("支付宝")},
    "difference": {
        "payment_missing_here": _l("平台有收款，我方没有"),
        "payment_missing_there": _l("我方有收款，平台没有"),
        "payment_amount": _l("收款金额不一致"),
        "refund_missing_here": _l("平台有退款，我方没有"),
        "refund_missing_there": _l("我方有退款，平台没有"),
        "refund_amount": _l("退款金额不一致"),
        "ledger_missing": _l("账本缺少记录"),
        "ledger_amount": _l("账本金额不一致"),
        "duplicate_row": _l("账单重复"),
        "unknown_number": _l("未知单号"),
    },
    **PEOPLE,
    "settled": {"open": _l("待处理"), "resolved": _l("已处理")},
    "mode": {"rush": _l("先到先得"), "lottery": _l("抽签")},
    "audience": {"all": _l("全部会员"), "new_members": _l("仅限新会员")},
    "operator": {"active": _l("启用"), "disabled": _l("停用")},
    "role": {
        "owner": _l("负责人"),
        "planner": _l("活动策划"),
        "support": _l("客服"),
        "finance": _l("财务"),
        "auditor": _l("审计"),
    },
    "permission": {
        "today.see": _l("查看今日"),
        "campaigns.see": _l("查看活动"),
        "campaigns.plan": _l("创建与发布活动"),
        "campaigns.run": _l("暂停、恢复、取消活动"),
        "campaigns.stop_all": _l("紧急停止"),
        "stock.see": _l("查看库存"),
        "stock.import": _l("导入卡密"),
        "stock.freeze": _l("冻结与撤销批次"),
        "orders.see": _l("查看订单"),
        "refunds.see": _l("查看退款"),
        "refunds.make": _l("发起退款"),
        "money.see": _l("查看对账"),
        "money.resolve": _l("处理差异"),
        "members.see": _l("查看会员"),
        "members.sign_out": _l("强制会员下线"),
        "leaders.see": _l("查看团长与佣金规则"),
        "leaders.appoint": _l("审核与停用团长"),
        "leaders.rates": _l("设置佣金规则"),
        "withdrawals.see": _l("查看提现"),
        "withdrawals.decide": _l("审核提现"),
        "groups.see": _l("查看拼团与接龙"),
        "groups.complete": _l("平台补位"),
        "jobs.see": _l("查看任务"),
        "jobs.retry": _l("重试任务"),
        "audit.see": _l("查看审计日志"),
        "operators.see": _l("查看操作员"),
        "operators.manage": _l("管理操作员"),
    },
    "finding": {
        "below_cost": _l("低于成本价，每卖出一份都会亏损"),
        "no_deal": _l("活动价没有低于原价"),
        "opens_at_once": _l("开始时间已过，发布后立即开始"),
        "warms_at_once": _l("预热时间已过，发布后立即预热"),
        "no_rules": _l("没有填写活动规则，会员将看不到规则"),
        "overlap": _l("同一时段有其他活动销售同一商品"),
        "codes_short": _l("可用卡密不足"),
        "not_published": _l("商品尚未上架"),
        "over": _l("结束时间已过"),
    },
    "action": {
        "campaigns.draft": _l("保存草稿"),
        "campaigns.publish": _l("发布活动"),
        "campaigns.copy": _l("复制活动"),
        "campaigns.pause": _l("暂停活动"),
        "campaigns.resume": _l("恢复活动"),
        "campaigns.cancel": _l("取消活动"),
        "campaigns.stop_all": _l("紧急停止"),
        "campaigns.lift_stop": _l("解除紧急停止"),
        "stock.import": _l("导入卡密"),
        "stock.freeze": _l("冻结批次"),
        "stock.unfreeze": _l("解冻批次"),
        "stock.undo": _l("撤销批次"),
        "orders.refund": _l("订单退款"),
        "refunds.retry": _l("重试退款"),
        "differences.resolve": _l("处理差异"),
        "members.find": _l("按手机号查会员"),
        "members.sign_out": _l("强制会员下线"),
        "leaders.approve": _l("通过团长申请"),
        "leaders.decline": _l("拒绝团长申请"),
        "leaders.stop": _l("停用团长"),
        "commission_rules.add": _l("新增佣金规则"),
        "commission_rules.end": _l("终止佣金规则"),
        "withdrawals.approve": _l("通过提现"),
        "withdrawals.reject": _l("拒绝提现"),
        "withdrawals.ask_again": _l("再次查询提现"),
        "groups.complete": _l("申请平台补位"),
        "groups.approve": _l("批准平台补位"),
        "events.retry": _l("重试事件"),
        "operators.add": _l("新增操作员"),
        "operators.reset": _l("重置登录凭据"),
        "operators.disable": _l("停用操作员"),
        "operators.enable": _l("启用操作员"),
        "operators.roles": _l("修改角色"),
        "operators.password": _l("修改密码"),
        "operators.sign_in": _l("登录"),
        "operators.recovery_code": _l("用恢复码登录"),
        "operators.locked": _l("登录锁定"),
    },
}
# How a status is coloured, whatever it is of.
TONES: Final = {
    "live": "green",
    "active": "green",
    "captured": "green",
    "fulfilled": "green",
    "formed": "green",
    "done": "green",
    "resolved": "green",
    "confirmed": "green",
    "leader": "green",
    "payable": "green",
    "in_review": "orange",
    "approved": "orange",
    "sending": "orange",
    "awaiting_user": "orange",
    "applied": "orange",
    "held": "orange",
    "returned": "orange",
    "rejected": "red",
    "declined": "red",
    "warming": "orange",
    "pending": "orange",
    "refunding": "orange",
    "requested": "orange",
    "sent": "orange",
    "prepaid": "orange",
    "paused": "red",
    "stuck": "red",
    "failed": "red",
    "disabled": "red",
    "frozen": "red",
    "open": "blue",
    "scheduled": "blue",
    "paid": "blue",
}


def label(kind: str, code: Any) -> str:
    """Return what people call it; what has no name shows its code."""
    text = str(getattr(code, "value", code))
    return str(LABELS.get(kind, {}).get(text, text))


def tone(code: Any) -> str:
    """Return the colour of a status."""
    return TONES.get(str(getattr(code, "value", code)), "secondary")


def select_language() -> str:
    """Return the language somebody chose, or Chinese."""
    chosen = cookies.read(cookies.LANGUAGE)
    return chosen if chosen in LANGUAGES else LANGUAGES[0]
