"""The group commit alone: batches of admitted claims become orders with a card, without HTTP."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final
from uuid import UUID, uuid4

from benchmarks.frame import Benchmark, Plan, interleave, load_average
from benchmarks.ground import MAIN_DATABASE, ground
from benchmarks.grouping import all_at_once
from benchmarks.report import Figure, compared
from benchmarks.sales.crowd import make_members, open_sale
from flash_sale.batch import Claimed, Wanted
from flash_sale.committing import commit_all
from shop.catalog.models import SaleChannel
from shop.ports import Ports

NAME: Final = "flash_sale.commit"
BATCH: Final = 200
NOTE: Final = (
    "claims/s committed with order, line, card and news, in batches of {batch} from 2 threads in"
    " one process, durable, each of a member of their own; against: the same from 1 thread;"
    " PostgreSQL shares the cores; load average {load:.1f}"
)


def run(plan: Plan) -> Iterable[Figure]:
    """Commit from one thread and from two, in turn."""
    batches = plan.size(20, quick=2)
    rounds = plan.size(3, quick=1)
    load = load_average()
    with ground() as site:
        ports = site.ports()
        needed = batches * BATCH * (2 * rounds + 1)
        with site.postgres.connect(MAIN_DATABASE) as owner:
            members = make_members(owner, needed)
            sale = open_sale(ports, stock=needed)
            source = iter(members)
            ways = {
                name: partial(_commit, ports, sale.id, source, batches, threads)
                for name, threads in (("one", 1), ("two", 2))
            }
            ways["two"]()  # prepared statements and compiled queries are there
            owner.execute("ANALYZE")  # as autovacuum would have done in a shop that is not new
        measured = interleave(ways, rounds=rounds)
    note = NOTE.format(batch=BATCH, load=load)
    yield compared(NAME, measured["two"], measured["one"], unit="claims/s", note=note)


def _commit(
    ports: Ports, campaign_id: UUID, members: Iterator[UUID], batches: int, threads: int
) -> float:
    parts = [_wanted(members) for _ in range(batches)]
    acts = [partial(_commit_one, ports, campaign_id, part) for part in parts]
    return batches * BATCH / all_at_once(acts, threads=threads)


def _wanted(members: Iterator[UUID]) -> list[Wanted]:
    return [Wanted(next(members), uuid4().hex, 1, SaleChannel.H5) for _ in range(BATCH)]


def _commit_one(ports: Ports, campaign_id: UUID, wanted: Sequence[Wanted]) -> None:
    outcomes = commit_all(ports.begin, campaign_id, wanted, clock=ports.clock)
    if not all(isinstance(outcome, Claimed) for outcome in outcomes):
        raise AssertionError(next(each for each in outcomes if not isinstance(each, Claimed)))


BENCHMARK: Final = Benchmark((NAME,), run)
