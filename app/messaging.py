"""Turns settings into what carries messages: WeCom, subscribe messages, Alipay, content checks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from redis import Redis

from config.settings import Settings
from kit.alipay import AlipayApi
from kit.wechat import WechatApi
from kit.wecom import RobotWebhook, WecomApi
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
        group_tasks=_group_tasks(settings, redis, timeout) if settings.wecom.corp_id else None,
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


def _group_tasks(settings: Settings, redis: "Redis", timeout: float) -> WecomGroupTasks:
    api = WecomApi(
        corp_id=settings.wecom.corp_id,
        corp_secret=settings.wecom.corp_secret.get_secret_value(),
        base_url=settings.wecom.base_url,
        timeout_seconds=timeout,
        redis=redis,
    )
    return WecomGroupTasks(
        api, mini_program=settings.wechat.app_id, cover=COVER.read_bytes(), redis=redis
    )
