"""Names of how chat groups, pushes and plans stand; part of `console.words.LABELS`."""

from typing import Any, Final

from flask_babel import lazy_gettext as _l

OUTREACH_LABELS: Final[dict[str, dict[str, Any]]] = {
    "chat_channel": {"robot": _l("机器人"), "customer_group": _l("客户群（群主确认）")},
    "chat_group": {
        "open": _l("可推送"),
        "full": _l("今日已满"),
        "paused": _l("已暂停"),
        "retired": _l("已停用"),
    },
    "push_edge": {
        "warming": _l("预热"),
        "open": _l("开抢"),
        "almost_gone": _l("快抢光"),
        "last_call": _l("最后提醒"),
        "formed": _l("首团成团"),
        "failed": _l("有团未成"),
        "settled": _l("结清"),
    },
    "push": {
        "planned": _l("已排"),
        "sending": _l("发送中"),
        "sent": _l("已发送"),
        "awaiting_owner": _l("等群主确认"),
        "confirmed": _l("群主已发"),
        "escalated": _l("已改通知会员"),
        "failed": _l("发送失败"),
        "skipped": _l("已跳过"),
    },
    "watched": {
        "unsure": _l("不确定是否送达"),
        "awaiting_owner": _l("等群主确认"),
        "escalated": _l("群主未确认"),
        "failed": _l("发送失败"),
        "planned": _l("已排"),
        "sending": _l("发送中"),
    },
    "when_quiet": {"wait": _l("等免打扰结束再发"), "drop": _l("不发")},
    "notice": {
        "unit_offered": _l("候补到位"),
        "opening_soon": _l("开抢提醒"),
        "commission_earned": _l("新的佣金"),
        "campaign_news": _l("群里的活动"),
        "group_nudged": _l("催团"),
    },
}
