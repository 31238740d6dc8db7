"""Campaigns that open at one moment, with three schedulers running: each edge once, how late."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from time import sleep
from typing import Any, Final

import psycopg
from sqlalchemy import insert

from benchmarks.frame import Benchmark, Plan, load_average
from benchmarks.ground import MAIN_DATABASE, Site, ground
from benchmarks.report import Figure, alone
from kit.clock import monotonic_seconds
from kit.ids import new_id
from shop.campaigns.models import Audience, Campaign, CampaignKind, CampaignStatus
from shop.ports import Ports

MANY: Final = "group_buy.edges_of_5000"
FEW: Final = "group_buy.edges_of_50"
SCHEDULERS: Final = 3
AHEAD: Final = timedelta(seconds=8)
DONE_WITHIN_SECONDS: Final = 60.0
NOTE: Final = (
    "lateness p99 of {count:,} campaigns due at one moment, by the database's clock"
    " (campaign_edges passed_at - due_at; the commit follows it), {schedulers} scheduler processes"
    " beside durable PostgreSQL on the same cores; each edge, step and event is there once;"
    " p50 {p50:.0f} ms, latest {latest:.0f} ms; load average {load:.1f}"
)

_LATENESS: Final = """
SELECT extract(epoch FROM e.passed_at - e.due_at) * 1000 FROM campaign_edges e
JOIN campaigns c ON c.id = e.campaign_id WHERE c.created_by = %(round)s ORDER BY 1
"""
_ONCE: Final = """
SELECT (SELECT count(*) FROM campaigns WHERE created_by = %(round)s AND status = 'live'),
    (SELECT count(*) FROM status_changes s JOIN campaigns c ON c.id = s.row_id
        WHERE c.created_by = %(round)s AND s.new = 'live'),
    (SELECT count(*) FROM outbox_events o WHERE o.name = 'campaigns.opened' AND EXISTS
        (SELECT FROM campaigns c WHERE c.created_by = %(round)s
            AND c.id::text = o.payload->>'campaign_id'))
"""


def run(plan: Plan) -> Iterable[Figure]:
    """Let campaigns open round by round, few and many in turn."""
    many = plan.size(5_000, quick=200)
    rounds = plan.size(3, quick=1)
    late: dict[int, list[list[float]]] = {50: [], many: []}
    with ground() as site:
        ports = site.ports()
        site.start_schedulers(SCHEDULERS)
        sleep(AHEAD.total_seconds() / 2)  # they are up, and their first rings are over
        load = load_average()
        with site.postgres.connect(MAIN_DATABASE) as owner:
            for number in range(rounds):
                for count, rows in late.items():
                    rows.append(_open(site, ports, owner, f"bench-{number}-{count}", count))
    for name, count, below in ((FEW, 50, 200), (MANY, many, 2_000)):
        p99, p50, latest = (
            [_quantile(row, share) for row in late[count]] for share in (0.99, 0.5, 1.0)
        )
        note = NOTE.format(
            count=count,
            schedulers=SCHEDULERS,
            p50=sorted(p50)[len(p50) // 2],
            latest=max(latest),
            load=load,
        )
        yield alone(name, p99, unit="ms", below=below, note=note)


def _open(
    site: Site,
    ports: Ports,
    owner: "psycopg.Connection[tuple[Any, ...]]",
    name: str,
    count: int,
) -> list[float]:
    """Write campaigns down, wait for their edges, and return how late each was, in order."""
    with ports.begin() as session:
        at = ports.clock() + AHEAD
        session.execute(insert(Campaign), [_row(name, at, n) for n in range(count)])
    owner.execute("ANALYZE campaigns")
    deadline = monotonic_seconds() + AHEAD.total_seconds() + DONE_WITHIN_SECONDS
    late: list[float] = []
    while len(late) < count:
        if monotonic_seconds() > deadline:
            raise AssertionError(f"only {len(late)} of {count} campaigns opened")
        site.crew.check()
        sleep(0.5)
        late = [float(row[0]) for row in owner.execute(_LATENESS, {"round": name}).fetchall()]
    counted = owner.execute(_ONCE, {"round": name}).fetchall()[0]
    if set(counted) != {count} or len(late) != count:
        raise AssertionError(f"of {count} campaigns there are {counted} live, steps, events")
    return late


def _row(name: str, at: datetime, number: int) -> dict[str, object]:
    """Return a campaign as publishing leaves it, but for the goods, which no edge looks at."""
    return {
        "id": new_id(),
        "kind": CampaignKind.GROUP_BUY,
        "status": CampaignStatus.SCHEDULED,
        "name": f"bench {number}",
        "audience": Audience.ALL,
        "limit_per_member": 1,
        "pay_within_seconds": 900,
        "trails_seconds": 0,
        "starts_at": at,
        "ends_at": at + timedelta(hours=1),
        "due_at": at,
        "created_by": name,
        "created_at": at - AHEAD,
    }


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


BENCHMARK: Final = Benchmark((FEW, MANY), run)
