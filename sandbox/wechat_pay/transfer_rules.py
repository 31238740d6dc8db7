"""The body of a merchant transfer, field by field; the name, encrypted, where it is needed."""

import base64
import binascii
from typing import Any

from sandbox.wechat_pay import fields
from sandbox.wechat_pay.platform import Platform

NAME_FROM_FEN = 200_000  # from here on a name is needed
NO_NAME_BELOW_FEN = 30  # and below here there must be none
LEAST_FEN = 10
LONGEST_NAME = 32
# What a merchant must report for a scene; a scene is granted for one real use.
SCENES = {
    "1000": {"活动名称", "奖励说明"},
    "1005": {"岗位类型", "报酬说明"},
}
BILL_NO = fields.text(5, 32, r"[0-9A-Za-z]+")
TRANSFER: dict[str, fields.Rule] = {
    "appid": fields.text(1, 32),
    "out_bill_no": BILL_NO,
    "transfer_scene_id": fields.one_of(*SCENES),
    "openid": fields.text(1, 64),
    "user_name": fields.text(1, 1024),
    "transfer_amount": fields.whole_number(LEAST_FEN),
    "transfer_remark": fields.text(1, 32),
    "notify_url": fields.notify_url,
    "user_recv_perception": fields.text(1, 32),
    "transfer_scene_report_infos": fields.list_of(
        fields.record(
            {"info_type": fields.text(1, 15), "info_content": fields.text(1, 32)},
            {"info_type", "info_content"},
        ),
        10,
    ),
}
REQUIRED = {
    "appid",
    "out_bill_no",
    "transfer_scene_id",
    "openid",
    "transfer_amount",
    "transfer_remark",
    "transfer_scene_report_infos",
}


def transfer_body(raw: bytes) -> dict[str, Any]:
    """The body of a transfer, checked."""
    body = fields.body_object(raw)
    fields.check(body, TRANSFER, REQUIRED)
    amount_fen, has_name = body["transfer_amount"], "user_name" in body
    if amount_fen < NO_NAME_BELOW_FEN and has_name:
        raise fields.parameter_error("user_name", "转账金额小于0.3元时不能填写")
    if amount_fen >= NAME_FROM_FEN and not has_name:
        raise fields.parameter_error("user_name", "转账金额大于等于2000元时必填")
    reported = {info["info_type"] for info in body["transfer_scene_report_infos"]}
    if reported != SCENES[body["transfer_scene_id"]]:
        raise fields.parameter_error(
            "transfer_scene_report_infos", "与转账场景要求的报备信息不一致"
        )
    return body


def name_in(body: dict[str, Any], platform: Platform, serial: str | None) -> str | None:
    """The name in clear; it must be encrypted for the key that the request names."""
    sealed = body.get("user_name")
    if sealed is None:
        return None
    try:
        name = platform.opened(base64.b64decode(sealed, validate=True), serial)
    except (ValueError, binascii.Error):
        raise fields.parameter_error("user_name", "解密失败，请使用平台公钥加密") from None
    if not 0 < len(name) <= LONGEST_NAME:
        raise fields.parameter_error("user_name", "长度不正确")
    return name
