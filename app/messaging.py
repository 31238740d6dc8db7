"""Turns settings into what carries messages, and what is pushed to us: WeCom, WeChat, Alipay."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from redis import Redis

from config.platforms import PushedGroup
from config.settings import Settings
from kit.alipay import AlipayApi
from kit.pushed_messages import PushedMessages
from kit.wechat import WechatApi
from kit.wecom import RobotWebhook, WecomApi
from shop.chat_groups.wecom import WecomDirectory
from shop.members.platforms import Platform
from shop.members.wechat_groups import WechatGroupDoor
from shop.members.wechat_images import WechatImages
from shop.outreach.alipay_messages import AlipayMessages
from shop.outreach.content_check import AlipayContentCheck, WechatContentCheck
from shop.outreach.gateway import Channels, ContentCheck
from shop.outreach.subscribe import SubscribeMessages
from shop.outreach.wecom import WecomGroupTasks, WecomRobots
from shop.ports import Heard

COVER: Final = Path(__file__).resolve().parents[1] / "shop" / "outreach" / "cover.png"


def make_channels(
    settings: Settings, *, wechat: WechatApi, alipay: AlipayApi, redis: "Redis"
) -> Channels:
    """Return the channels that are set up; only tasks can be off, for want of a company."""
    timeout = float(settings.platform_timeout_seconds)
    webhook = RobotWebhook(base_url=settings.wecom.base_url, timeout_seconds=timeout)
    return Channels(
        robots=WecomRobots(webhook),
        group_tasks=_group_tasks(settings, redis) if settings.wecom.corp_id else None,
        member_messages={
            Platform.WECHAT: SubscribeMessages(wechat),
            Platform.ALIPAY: AlipayMessages(alipay),
        },
    )


def make_content_checks(*, wechat: WechatApi, alipay: AlipayApi) -> Mapping[Platform, ContentCheck]:
    """Return who judges the texts of members, by where they signed in."""
    return {
        Platform.WECHAT: WechatContentCheck(wechat),
        Platform.ALIPAY: AlipayContentCheck(alipay),
    }


def make_heard(settings: Settings, *, wechat: WechatApi, redis: "Redis") -> Heard:
    """Return what platforms push and seal; raises `ValueError` for a key that is none."""
    corp_id = settings.wecom.corp_id
    return Heard(
        group_doors={Platform.WECHAT: WechatGroupDoor(wechat)},
        image_checks={Platform.WECHAT: WechatImages(wechat)},
        wechat_messages=_pushed(settings.wechat, settings.wechat.app_id),
        wecom_messages=_pushed(settings.wecom, corp_id) if corp_id else None,
        group_directory=WecomDirectory(_wecom_api(settings, redis)) if corp_id else None,
    )


def _pushed(ours: PushedGroup, receiver: str) -> PushedMessages | None:
    token = ours.callback_token.get_secret_value()
    if not token:
        return None
    aes_key = ours.callback_aes_key.get_secret_value()
    return PushedMessages(token=token, aes_key=aes_key, receiver=receiver)


def _group_tasks(settings: Settings, redis: "Redis") -> WecomGroupTasks:
    return WecomGroupTasks(
        _wecom_api(settings, redis),
        mini_program=settings.wechat.app_id,
        cover=COVER.read_bytes(),
        redis=redis,
    )


def _wecom_api(settings: Settings, redis: "Redis") -> WecomApi:
    return WecomApi(
        corp_id=settings.wecom.corp_id,
        corp_secret=settings.wecom.corp_secret.get_secret_value(),
        base_url=settings.wecom.base_url,
        timeout_seconds=float(settings.platform_timeout_seconds),
        redis=redis,
    )
