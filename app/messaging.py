"""Turns settings into what carries messages, and what is pushed to us: WeCom, WeChat, Alipay."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from redis import Redis

from config.settings import PushedGroup, Settings
from kit.alipay import AlipayApi
from kit.pushed_messages import PushedMessages
from kit.wechat import WechatApi
from kit.wecom import RobotWebhook, WecomApi
from shop.chat_groups.directory import GroupDirectory
from shop.chat_groups.wecom import WecomDirectory
from shop.members.platforms import Platform
from shop.outreach.alipay_messages import AlipayMessages
from shop.outreach.content_check import AlipayContentCheck, WechatContentCheck
from shop.outreach.gateway import Channels, ContentCheck
from shop.outreach.subscribe import SubscribeMessages
from shop.outreach.wecom import WecomGroupTasks, WecomRobots

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


def make_group_directory(settings: Settings, redis: "Redis") -> GroupDirectory | None:
    """Return who knows the company's customer groups; None without a company."""
    return WecomDirectory(_wecom_api(settings, redis)) if settings.wecom.corp_id else None


def make_wecom_messages(settings: Settings) -> PushedMessages | None:
    """Return what opens WeCom's messages; None when no address is set up. May be `ValueError`."""
    return _pushed(settings.wecom, settings.wecom.corp_id) if settings.wecom.corp_id else None


def make_wechat_messages(settings: Settings) -> PushedMessages | None:
    """Return the same for WeChat."""
    return _pushed(settings.wechat, settings.wechat.app_id)


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
