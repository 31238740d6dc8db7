"""Facts that are drawn, pictures that are scanned, and a shop with invites."""

import io
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from kit.db import Begin
from shop.posters.drawing import Facts, Line
from tests.factories.referrals import ReferralBench


@pytest.fixture
def bench(begin: Begin, now: datetime) -> ReferralBench:
    """Return a shop in which nothing stays."""
    return ReferralBench(begin, now)


@pytest.fixture
def facts() -> Callable[..., Facts]:
    """Return the facts of a full poster, some of them changed."""

    def make(**changes: Any) -> Facts:
        given: dict[str, Any] = {
            "inviter": "小明",
            "title": "周年庆 · 游戏点卡限时秒杀，每人限购两张",
            "price": "9.00",
            "list_price": "10.00",
            "opens": "2026-11-28 20:00",
            "ends": "2026-11-29 22:00",
            "wares": tuple(Line(f"视频会员月卡 第 {n} 种", "12.80") for n in range(3)),
            "invite_code": "ABCDE12345",
            "hint": "手机扫一扫，打开邀请页面",
            "url": "https://shop.example/s/ABCDE12345",
            "code": None,
        }
        return Facts(**(given | changes))

    return make


@pytest.fixture
def scan() -> Callable[[bytes], str]:
    """Return what a phone reads in a picture."""

    def read(picture: bytes) -> str:
        (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)).convert("L"))
        text: str = found.text
        return text

    return read
