"""Names of states of members, leaders, withdrawals, seats and order sheets."""

from typing import Any, Final

from flask_babel import lazy_gettext as _l

PEOPLE: Final[dict[str, dict[str, Any]]] = {
    "member": {"active": _l("正常"), "joined": _l("已合并"), "deleted": _l("已注销")},
    "leader": {
        "leader": _l("团长"),
        "applied": _l("待审核"),
        "declined": _l("已拒绝"),
        "none": _l("非团长"),
    },
    "platform": {"wechat": _l("微信"), "alipay": _l("支付宝")},
    "document": {"terms": _l("用户协议"), "privacy": _l("隐私政策")},
    "notice_kind": {
        "group_formed": _l("成团"),
        "group_failed": _l("未成团"),
        "order_refunded": _l("退款"),
        "cards_ready": _l("发卡"),
        "unit_offered": _l("候补"),
        "opening_soon": _l("开抢提醒"),
        "commission_earned": _l("佣金"),
        "campaign_news": _l("活动消息"),
    },
    "touch": {
        "self": _l("本人"),
        "related": _l("关联账号"),
        "mutual": _l("互相邀请"),
    },
    "sign": {
        "union": _l("平台认定为同一人"),
        "purse": _l("同一付款账户"),
        "device": _l("同一设备"),
    },
    "commission": {
        "pending": _l("待结算"),
        "payable": _l("可提现"),
        "paid": _l("已付"),
        "clawed_back": _l("已追回"),
        "given_up": _l("已放弃"),
    },
    "entry": {
        "earned": _l("订单付款"),
        "matured": _l("到期可提现"),
        "clawed_back": _l("退款追回"),
        "indebted": _l("退款欠款"),
        "given_up": _l("注销放弃"),
        "set_off": _l("抵扣欠款"),
        "withdrawn": _l("申请提现"),
        "returned": _l("提现退回"),
        "paid_out": _l("提现到账"),
        "handed_over": _l("合并转出"),
        "taken_over": _l("合并转入"),
    },
    "withdrawal": {
        "requested": _l("已申请"),
        "in_review": _l("待审核"),
        "approved": _l("待发送"),
        "sending": _l("发送中"),
        "awaiting_user": _l("待领取"),
        "paid": _l("已到账"),
        "failed": _l("失败"),
        "cancelled": _l("已取消"),
        "rejected": _l("已拒绝"),
    },
    "take_back": {"member": _l("团长取消"), "debt": _l("团长有欠款")},
    "seat": {
        "held": _l("待付款"),
        "paid": _l("已付款"),
        "lapsed": _l("逾期未付"),
        "left": _l("已退出"),
        "returned": _l("未成团退款"),
    },
    "order_sheet": {
        "open": _l("接龙中"),
        "confirmed": _l("已成单"),
        "failed": _l("未成单"),
        "cancelled": _l("已取消"),
    },
    "sheet_entry": {
        "held": _l("待付款"),
        "paid": _l("已付款"),
        "lapsed": _l("逾期未付"),
        "left": _l("已退出"),
        "returned": _l("未成单退款"),
    },
}
