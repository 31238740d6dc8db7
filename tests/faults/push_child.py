"""A worker of outreach that is killed somewhere: `python -m tests.faults.push_child`.

It reads moments, one a line, and lets the sweeps run at each. What it has sent stands at the
simulated platforms, which outlive it.
"""

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

from redis import Redis

from kit.db import Begin, make_begin, make_engine
from shop.members.platforms import Platform
from shop.outreach import jobs
from shop.outreach.gateway import Channels
from shop.outreach.sending import Post
from shop.outreach.subscribe import SubscribeMessages
from tests.contracts.channels import make_group_tasks, make_robots
from tests.contracts.gateways import make_wechat_api
from tests.factories.outreach import BASE_URL, ROBOT_KEYS

AT_ONCE: Final = 4
READY, BEGUN, DONE = "ready", "begun", "done"


class Neighbour:
    """The sandbox as a process next door sees it."""

    def __init__(self, folder: Path) -> None:
        """Read what a merchant would get."""
        text = (folder / "credentials.json").read_text(encoding="utf-8")
        self.credentials: dict[str, dict[str, str]] = json.loads(text)


def make_post(sandbox: Neighbour, redis: "Redis") -> Post:
    """Return the product's own clients, on their way to the sandbox."""
    wechat = make_wechat_api(sandbox, redis)
    channels = Channels(
        robots=make_robots(sandbox),
        group_tasks=make_group_tasks(sandbox, redis),
        member_messages={Platform.WECHAT: SubscribeMessages(wechat)},
    )
    return Post(channels=channels, robot_keys=ROBOT_KEYS, public_base_url=BASE_URL)


def work(begin: Begin, post: Post, *, now: datetime) -> int:
    """Let each sweep of outreach run once, and return how many rows failed."""
    channels = post.channels
    swept = (
        jobs.send_due_pushes(begin, post, now=now, at_once=AT_ONCE),
        jobs.stop_due_twins(begin, channels.group_tasks, now=now, at_once=AT_ONCE),
        jobs.ask_about_due_tasks(begin, channels.group_tasks, now=now, at_once=AT_ONCE),
        jobs.deliver_due_messages(begin, channels.member_messages, now=now, at_once=AT_ONCE),
    )
    return sum(one.failed for one in swept)


def say(word: str) -> None:
    """Tell whoever waits for us."""
    print(word, flush=True)  # noqa: T201 - the way to whoever started us


if __name__ == "__main__":
    begin = make_begin(make_engine(os.environ["DATABASE_URL"], pool_size=2 * AT_ONCE))
    redis = Redis.from_url(os.environ["REDIS_URL"], socket_timeout=5)
    post = make_post(Neighbour(Path(os.environ["SANDBOX_DIR"])), redis)
    say(READY)
    for line in sys.stdin:
        say(BEGUN)
        say(f"{DONE} {work(begin, post, now=datetime.fromisoformat(line.strip()))}")
