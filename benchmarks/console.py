"""Pages of the console in Chromium, with a million orders and five thousand campaigns."""

import random
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter, sleep
from typing import Any, Final

import requests
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.console_seeding import seed_all
from benchmarks.frame import Benchmark, Plan
from benchmarks.ground import MAIN_DATABASE, Site, ground
from benchmarks.people import make_stock
from benchmarks.process_tree import computed_by
from benchmarks.report import Figure, alone
from kit.crypto import new_token
from kit.ids import new_id
from shop.ledger.models import AccountKind
from shop.ledger.rules import account_id
from shop.operators.models import Operator, OperatorSession, OperatorStatus
from shop.operators.rules import LONGEST_STAY
from shop.operators.secret_words import OperatorKeys, token_hash
from shop.ports import Ports
from shop.reports import jobs

ROWS: Final = "console.first_rows"
SLOW: Final = "console.first_rows_slow"
BYTES: Final = "console.list_bytes"
SHIFT: Final = "console.layout_shift"
LIVE: Final = "console.live_cpu"
REPORT: Final = "console.report"
ORDERS: Final = 1_000_000
CAMPAIGNS: Final = 5_000
OPERATORS: Final = 20
LISTS: Final = (
    "/campaigns",
    "/orders",
    "/orders?status=fulfilled",
    "/payments",
    "/payments?status=captured&channel=wechat_pay",
    "/refunds",
    "/ledger",
    "/ledger/accounts/{clearing}",
    "/stock",
    "/groups?status=formed",
    "/members",
    "/leaders",
    "/withdrawals?status=paid",
    "/audit?action=campaigns.pause",
)
REPORTS: Final = (
    "days",
    "channels",
    "products",
    "campaigns",
    "refunds",
    "groups",
    "sell-outs",
    "commissions",
    "leaders",
    "stock",
)
FLAGS: Final = ["--no-sandbox", "--disable-gpu", "--disable-quic"]
WATCH_SHIFTS: Final = """
window.shifts = 0;
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@dataclass(frozen=True, slots=True)
class Console:
    """A console that runs, and somebody who is signed in to it."""

    site: Site
    token: str

    @property
    def base(self) -> str:
        """Return where it is."""
        return f"{self.site.places.web_url}/console"

    def session(self) -> requests.Session:
        """Return a client that is signed in."""
        client = requests.Session()
        client.headers["Cookie"] = f"console={self.token}"
        return client


def run(plan: Plan) -> Iterable[Figure]:
    """Fill a shop, sum its days, and look at it as operators do."""
    orders, campaigns = plan.size(ORDERS, quick=2_000), plan.size(CAMPAIGNS, quick=20)
    with ground() as site:
        console = _open(site, orders, campaigns)
        clearing = account_id(AccountKind.CLEARING, "wechat_pay")
        lists = [path.format(clearing=clearing) for path in LISTS]
        note = f"{orders:,} orders and {campaigns:,} campaigns; {{}}"
        with _browser() as browser:
            for name, factor, below in ((ROWS, 1, 400), (SLOW, 4, 1000)):
                took = {path: _first_rows(browser, console, path, factor, plan) for path in lists}
                slowest = max(took, key=lambda path: took[path])
                what = f"the slowest of {len(lists)} lists, {slowest}, CPU at 1/{factor}"
                yield alone(name, [took[slowest]], unit="ms", note=note.format(what), below=below)
            sizes = {path: _bytes(browser, console, path) for path in lists}
            largest = max(sizes, key=lambda path: sizes[path])
            what = f"the largest of {len(lists)} lists, {largest}, with nothing kept"
            yield alone(BYTES, [sizes[largest]], unit="KB", note=note.format(what), below=150)
            what = "three refreshes of a live room whose numbers change"
            yield alone(
                SHIFT,
                [_shift(browser, console, plan)],
                unit="",
                note=note.format(what),
                below=0.001,
            )
        took = {name: _answer_ms(console, f"/reports?report={name}", plan) for name in REPORTS}
        slowest = max(took, key=lambda name: took[name])
        what = ", ".join(f"{name} {took[name]:.0f}" for name in REPORTS)
        yield alone(REPORT, [took[slowest]], unit="ms", note=note.format(what), below=1000)
        what = f"{OPERATORS} live rooms that ask every two seconds, of one core"
        yield alone(LIVE, [_live_cpu(console, plan)], unit="%", note=note.format(what), below=5)


def _open(site: Site, orders: int, campaigns: int) -> Console:
    ports = site.ports()
    make_stock(ports, 20)
    started = perf_counter()
    with site.postgres.connect(MAIN_DATABASE) as owner:
        seed_all(owner, orders=orders, campaigns=campaigns)
    print(f"  {orders:,} orders written in {perf_counter() - started:.1f} s")
    started, days = perf_counter(), 0
    while (swept := jobs.sum_due_days(ports.begin, now=ports.clock())).done:
        days += swept.done
    print(f"  {days} days summed in {perf_counter() - started:.1f} s")
    console = Console(site, _sign_in(ports))
    site.start_web(1)
    return console


def _sign_in(ports: Ports) -> str:
    operator, token, now = new_id(), new_token(), ports.clock()
    hashed = token_hash(token, keys=OperatorKeys.of(ports.token_hash_key))
    with ports.begin() as session:
        session.add(
            Operator(
                id=operator,
                name="bench",
                status=OperatorStatus.ACTIVE,
                roles=["owner"],
                password_hash="none",  # noqa: S106 - nobody signs in by it
                totp_sealed=b"",
                created_by="bench",
                created_at=now,
            )
        )
        session.flush()
        session.add(
            OperatorSession(
                token_hash=hashed,
                operator_id=operator,
                address="127.0.0.1",
                started_at=now,
                seen_at=now,
                ends_at=now + LONGEST_STAY,
            )
        )
    return token


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as player:
        found = player.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield found
        found.close()


@contextmanager
def _window(browser: Browser, console: Console) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    cookie = {"name": "console", "value": console.token, "url": console.site.places.web_url}
    context.add_cookies([cookie])
    yield context.new_page()
    context.close()


def _first_rows(browser: Browser, console: Console, path: str, factor: int, plan: Plan) -> float:
    """Return the median of milliseconds from asking for a list to its first row on the screen."""
    took = []
    with _window(browser, console) as page:
        page.goto(console.base)  # what every page is made of is kept from now on
        client = page.context.new_cdp_session(page)
        client.send("Emulation.setCPUThrottlingRate", {"rate": factor})
        for _ in range(plan.size(5, quick=2)):
            started = perf_counter()
            page.goto(f"{console.base}{path}", wait_until="commit")
            page.wait_for_selector("main tbody tr")
            took.append((perf_counter() - started) * 1000)
    return median(took)


def _bytes(browser: Browser, console: Console, path: str) -> float:
    """Return the kilobytes that a list takes on the wire, with all that it is made of."""
    sizes: list[float] = []
    with _window(browser, console) as page:
        client = page.context.new_cdp_session(page)
        client.send("Network.enable")
        client.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
        page.goto(f"{console.base}{path}", wait_until="networkidle")
    return sum(sizes) / 1024


def _shift(browser: Browser, console: Console, plan: Plan) -> float:
    """Return by how much a live room moves while its numbers are refreshed."""
    with console.site.postgres.connect(MAIN_DATABASE) as owner, _window(browser, console) as page:
        campaign = _live_campaign(owner, "group_buy")
        page.add_init_script(WATCH_SHIFTS)
        page.goto(f"{console.base}/campaigns/{campaign}/live", wait_until="networkidle")
        for _ in range(plan.size(3, quick=1)):
            _change_numbers(owner, campaign)
            page.wait_for_timeout(3_000)
        return float(page.evaluate("window.shifts"))


def _live_campaign(owner: Any, kind: str) -> str:
    """Return a campaign that sold something."""
    found = owner.execute(
        "SELECT id FROM campaigns AS c WHERE kind = %s AND EXISTS"
        " (SELECT FROM orders WHERE campaign_id = c.id) ORDER BY id DESC LIMIT 1",
        [kind],
    ).fetchone()
    return str(found[0])


def _change_numbers(owner: Any, campaign: str) -> None:
    with owner.transaction():
        owner.execute("SET LOCAL session_replication_role = replica")
        owner.execute(
            "UPDATE groups SET seats_paid = seats_paid + 1 WHERE campaign_id = %s", [campaign]
        )


def _answer_ms(console: Console, path: str, plan: Plan) -> float:
    """Return the median of milliseconds until a page is answered whole."""
    client, took = console.session(), []
    for _ in range(plan.size(5, quick=1)):
        started = perf_counter()
        answer = client.get(f"{console.base}{path}", timeout=30)
        took.append((perf_counter() - started) * 1000)
        answer.raise_for_status()
    return median(took)


def _live_cpu(console: Console, plan: Plan) -> float:
    """Return the share of a core, in percent, that live rooms of many operators cost the web."""
    with console.site.postgres.connect(MAIN_DATABASE) as owner:
        rooms = [_live_campaign(owner, kind) for kind in ("group_buy", "flash_sale")]
    places = [f"{console.base}/campaigns/{room}/live/snapshot" for room in rooms]
    web = console.site.process_ids()["web"]
    ends = threading.Event()
    acts = [(_watch, places[number % 2]) for number in range(OPERATORS)]
    acts.append((_keep_changing, rooms[0]))
    watchers = [threading.Thread(target=act, args=(console, of, ends)) for act, of in acts]
    for watcher in watchers:
        watcher.start()
    sleep(2)
    before, started = computed_by(web), perf_counter()
    sleep(plan.size(30, quick=3))
    used, took = computed_by(web) - before, perf_counter() - started
    ends.set()
    for watcher in watchers:
        watcher.join()
    return 100 * used / took


def _watch(console: Console, place: str, ends: threading.Event) -> None:
    """Ask as a page does: every two seconds with jitter, and for what is new alone."""
    client, known = console.session(), ""
    while not ends.wait(2 * random.uniform(0.8, 1.2)):
        answer = client.get(place, headers={"X-Live": "1", "If-None-Match": known}, timeout=30)
        answer.raise_for_status()
        known = answer.headers.get("ETag", known)


def _keep_changing(console: Console, campaign: str, ends: threading.Event) -> None:
    """Have something new in a room every five seconds."""
    with console.site.postgres.connect(MAIN_DATABASE) as owner:
        while not ends.wait(5):
            _change_numbers(owner, campaign)


BENCHMARK: Final = Benchmark((ROWS, SLOW, BYTES, SHIFT, LIVE, REPORT), run)
