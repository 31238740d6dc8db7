"""The product's channels, wired to a sandbox by its credentials."""

from pathlib import Path
from typing import Protocol

from redis import Redis

from kit.wecom import RobotWebhook, WecomApi
from shop.outreach.wecom import WecomGroupTasks, WecomRobots

COVER = Path(__file__).resolve().parents[2] / "shop" / "outreach" / "cover.png"


class Known(Protocol):
    """A sandbox whose credentials are at hand; in whose process it runs is no matter."""

    @property
    def credentials(self) -> dict[str, dict[str, str]]:
        """What a merchant would get from the platforms."""
        ...


def make_robots(sandbox: Known, *, timeout_seconds: float = 5) -> WecomRobots:
    """Return the robots' way out."""
    url = sandbox.credentials["base_urls"]["wecom"]
    return WecomRobots(RobotWebhook(base_url=url, timeout_seconds=timeout_seconds))


def make_wecom_api(sandbox: Known, redis: "Redis", *, corp_secret: str = "") -> WecomApi:
    """Return the client of the company."""
    names = sandbox.credentials["wecom"]
    return WecomApi(
        corp_id=names["corp_id"],
        corp_secret=corp_secret or names["corp_secret"],
        base_url=sandbox.credentials["base_urls"]["wecom"],
        timeout_seconds=5,
        redis=redis,
    )


def make_group_tasks(sandbox: Known, redis: "Redis", *, corp_secret: str = "") -> WecomGroupTasks:
    """Return the company's tasks."""
    return WecomGroupTasks(
        make_wecom_api(sandbox, redis, corp_secret=corp_secret),
        mini_program=sandbox.credentials["wechat"]["app_id"],
        cover=COVER.read_bytes(),
        redis=redis,
    )
