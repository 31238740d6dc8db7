"""Invites made visible: drawing a poster, giving out a drawn one, and the page that goes round."""

import shutil
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Final

from sqlalchemy import update

from app.factory import create_app
from app.sample_campaigns import CampaignSample, make_flash_sale
from app.wiring import web_options
from benchmarks import beside_constant
from benchmarks.door import Door, Prepared, prepare
from benchmarks.frame import Benchmark, Plan, interleave, load_average
from benchmarks.ground import Site, ground
from benchmarks.hammering import CONNECTIONS, IN_A_ROW, requests_per_second
from benchmarks.people import sign_in
from benchmarks.report import Figure, alone, compared
from kit.money import Fen
from shop.members.models import Member
from shop.ports import Ports
from shop.posters.drawing import Facts, Line, draw
from shop.referral import service as referral

POSTER: Final = "outreach.poster"
CACHED: Final = "outreach.poster_cached"
PAGE: Final = "outreach.share_page"
WORKERS: Final = 2
MOST_MS: Final = 40
MOST_BYTES: Final = 40 * 1024
# 200 a second on one core.
MOST_CACHED_MS: Final = 5
POSTER_NOTE: Final = (
    "processor milliseconds for drawing a full poster, {bytes:,} bytes (40 KB at most), each with"
    " another title; {wall:.1f} ms by the clock"
)
CACHED_NOTE: Final = (
    "processor milliseconds for GET /s/<code>/poster.png of a poster that was drawn before, the"
    " application called in process: {rate:,.0f}/s on one core; the target is 200/s. {disk:.2f} ms"
    " to read one from disk that no process has in memory"
)
PAGE_NOTE: Final = (
    "requests/s for GET /s/<code> of a flash sale, {bytes} bytes, {connections} connections with"
    " {in_a_row} requests in a row; each page is made anew once a second, the others are answered"
    " before Flask by app/hot_pages.py, which counts looks and addresses in the process;"
    " against: a bare Flask route that returns a constant of the same size, in the same Granian"
    " workers ({workers}), in turn; load average {load:.1f}"
)


def run(plan: Plan) -> Iterable[Figure]:
    """Draw, then give out, then show."""
    yield _drawing(plan)
    load = load_average()
    with ground() as site:
        ports = site.ports()
        path = _invite(ports, app_id=site.settings().wechat.app_id)
        door = Door(create_app(ports, web_options(site.settings())))
        yield _giving_out(plan, site, door, f"{path}/poster.png")
        yield _showing(plan, site, ports, path, load=load)


def _drawing(plan: Plan) -> Figure:
    times = plan.size(20, quick=2)
    numbers = count()
    sizes: list[int] = []
    draw(_facts(next(numbers)))  # the font is there
    processor, wall = [], []
    for _ in range(plan.rounds):
        started, began = process_time(), perf_counter()
        sizes += [len(draw(_facts(next(numbers)))) for _ in range(times)]
        processor.append((process_time() - started) / times * 1000)
        wall.append((perf_counter() - began) / times * 1000)
    if max(sizes) > MOST_BYTES:
        raise AssertionError(f"a poster has {max(sizes)} bytes")
    note = POSTER_NOTE.format(bytes=max(sizes), wall=median(wall))
    return alone(POSTER, processor, unit="ms", note=note, below=MOST_MS)


def _giving_out(plan: Plan, site: Site, door: Door, path: str) -> Figure:
    times = plan.size(400, quick=20)
    asked = prepare("GET", path)
    door.seconds(asked, status=200)  # it is drawn
    measured = [_processor_ms(door, asked, times) for _ in range(plan.rounds)]
    (kept,) = (site.folder / "posters").rglob("*.png")
    note = CACHED_NOTE.format(rate=1000 / median(measured), disk=_reading_ms(kept))
    return alone(CACHED, measured, unit="ms", note=note, below=MOST_CACHED_MS)


def _showing(plan: Plan, site: Site, ports: Ports, path: str, *, load: float) -> Figure:
    requests = plan.size(4_000, quick=320)
    client = create_app(ports, web_options(site.settings())).test_client()
    size = len(client.get(path).data)
    url = site.start_web_beside_constant(WORKERS, size)
    ways: dict[str, Callable[[], float]] = {
        name: partial(requests_per_second, url, where, requests)
        for name, where in (("page", path), ("constant", beside_constant.PATH))
    }
    for way in ways.values():
        way()
    measured = interleave(ways, rounds=plan.rounds)
    note = PAGE_NOTE.format(
        bytes=size, connections=CONNECTIONS, in_a_row=IN_A_ROW, workers=WORKERS, load=load
    )
    return compared(
        PAGE, measured["page"], measured["constant"], unit="requests/s", note=note, at_least=0.6
    )


def _invite(ports: Ports, *, app_id: str) -> str:
    """Return the page of somebody's invite to a flash sale."""
    sample = CampaignSample(
        stock=10,
        limit=1,
        price_fen=Fen(900),
        opens_in=timedelta(minutes=-1),
        lasts=timedelta(hours=1),
        pay_within_seconds=900,
    )
    sale = make_flash_sale(ports.begin, ports.vault, sample, fee_basis_points=60, now=ports.clock())
    (person,) = sign_in(ports, 1, app_id=app_id)
    with ports.begin() as session:
        session.execute(update(Member).where(Member.id == person.member_id).values(nickname="小明"))
        given = referral.give_invite(
            session, person.member_id, campaign_id=sale.id, now=ports.clock()
        )
    return f"/s/{given.code}"


def _processor_ms(door: Door, asked: Prepared, times: int) -> float:
    started = process_time()
    for _ in range(times):
        door.seconds(asked, status=200)
    return (process_time() - started) / times * 1000


def _reading_ms(kept: Path) -> float:
    copy = kept.with_suffix(".copy")
    shutil.copyfile(kept, copy)
    started = perf_counter()
    copy.read_bytes()
    return (perf_counter() - started) * 1000


def _facts(number: int) -> Facts:
    return Facts(
        inviter="小明",
        title=f"周年庆第 {number} 场 · 游戏点卡限时秒杀，每人限购两张",
        price="9.00",
        list_price="11.25",
        opens="2026-11-28 20:00",
        ends="2026-11-29 22:00",
        wares=tuple(Line(f"视频会员月卡 第 {ware} 种", "12.80") for ware in range(3)),
        invite_code="ABCDE12345",
        hint="手机扫一扫，打开邀请页面",
        url=f"https://shop.example.com/s/{number:010}",
        code=None,
    )


BENCHMARK: Final = Benchmark((POSTER, CACHED, PAGE), run)
