"""What all ways of selling stand on in one benchmark: the lane, members, sales, processor time."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter, time
from typing import Final
from uuid import UUID

from benchmarks.ground import MAIN_DATABASE, Site
from benchmarks.process_tree import computed_by
from benchmarks.sales import wrk
from benchmarks.sales.crowd import (
    claim_request,
    claims_path,
    let_in,
    make_members,
    open_sale,
    write_tokens,
)
from benchmarks.sales.open_loop import Hit, Shot, Volley
from benchmarks.sales.wrk import Answered
from shop.ports import Ports

SOLD_OUT: Final = "sold_out"
START_SECONDS: Final = 0.05
WRK_START_SECONDS: Final = 1.0
_SOLD: Final = "SELECT count(*) FROM claims WHERE campaign_id = %s AND status IN ('held', 'paid')"


@dataclass(frozen=True, slots=True)
class Due:
    """A claim of one unit, and when it is sent: in seconds."""

    due: float
    campaign_id: UUID
    token: str


@dataclass
class Stage:
    """One site with its members, and where claims are sent."""

    site: Site
    ports: Ports
    claims_url: str
    members: Sequence[UUID]
    _files: Iterator[int] = field(default_factory=count)

    @classmethod
    def build(cls, site: Site, ports: Ports, claims_url: str, *, members: int) -> "Stage":
        """Write so many members down."""
        with site.postgres.connect(MAIN_DATABASE) as owner:
            made = make_members(owner, members)
            owner.execute("ANALYZE members")
        return cls(site, ports, claims_url, made)

    def analyze(self) -> None:
        """Look at all tables, as autovacuum has done in any shop that is not just new."""
        with self.site.postgres.connect(MAIN_DATABASE) as owner:
            owner.execute("ANALYZE")

    def sell_out(self, *, stock: int) -> UUID:
        """Return a campaign of which nothing is left, and which says so to everybody else."""
        sale = open_sale(self.ports, stock=stock)
        told = let_in(self.ports, sale.id, self.members[: 2 * stock])
        hits = self.ask_once(sale.id, told)
        if sum(hit.status == 201 for hit in hits) != stock:
            raise AssertionError({hit.status for hit in hits})
        self.check_sold_out(sale.id)
        return sale.id

    def check_sold_out(self, campaign_id: UUID) -> None:
        """Raise `AssertionError` unless members who hold nothing hear that nothing is left."""
        for hit in self.ask_once(campaign_id, let_in(self.ports, campaign_id, self.members[-20:])):
            if hit.status != 409 or json.loads(hit.body)["code"] != SOLD_OUT:
                raise AssertionError(hit)

    def fire(
        self,
        claims: Sequence["Due"],
        *,
        connections: int,
        opens_at: datetime | None = None,
    ) -> list[Hit]:
        """Send each claim when it is due, counted from the opening, or else from now on."""
        shots = [
            Shot(one.due, claim_request(self.claims_url + claims_path(one.campaign_id), one.token))
            for one in claims
        ]
        volley = Volley(self.claims_url, connections=connections)
        wait = START_SECONDS
        if opens_at is not None:
            wait = (opens_at - self.ports.clock()).total_seconds()
        if wait + shots[0].due < 0:
            raise TimeoutError("it has opened before everybody was there")
        hits = volley.fire(shots, start=perf_counter() + wait)
        volley.close()
        return hits

    def fire_by_wrk(
        self,
        claims: Sequence["Due"],
        *,
        connections: int,
        opens_at: datetime | None = None,
    ) -> list[Hit]:
        """Do the same for one campaign by wrk, which costs less; nothing is told of bodies.

        The lane must believe a proxy: answers are told apart by the id of their request.
        """
        (campaign_id,) = {one.campaign_id for one in claims}
        file = self.site.folder / f"schedule-{next(self._files)}"
        lines = "".join(f"{one.due:.6f} {one.token}\n" for one in claims)
        file.write_text(lines, encoding="ascii")
        start = time() + WRK_START_SECONDS if opens_at is None else opens_at.timestamp()
        if start + claims[0].due < time():
            raise TimeoutError("it has opened before everybody was there")
        url = self.claims_url + claims_path(campaign_id)
        ends = start + claims[-1].due
        return wrk.fire(url, file, start=start, ends=ends, connections=connections)

    def ask_once(self, campaign_id: UUID, told: Sequence[str]) -> list[Hit]:
        """Claim one unit with each token, all at once."""
        return self.fire([Due(0.0, campaign_id, token) for token in told], connections=8)

    def tokens_file(self, campaign_id: UUID, members: Sequence[UUID]) -> Path:
        """Write purchase tokens of these members to a file."""
        file = self.site.folder / f"tokens-{next(self._files)}"
        return write_tokens(file, let_in(self.ports, campaign_id, members))

    def count_sold(self, campaign_id: UUID) -> int:
        """Return how many units are held or paid, by the database."""
        with self.site.postgres.connect(MAIN_DATABASE) as owner:
            row = owner.execute(_SOLD, [campaign_id]).fetchone()
        return int(str(row[0])) if row else 0


@dataclass
class Meter:
    """Microseconds of processor time by process, for each answer of a run."""

    site: Site
    names: Sequence[str]
    spent: list[dict[str, float]] = field(default_factory=list)

    def ask(self, url: str, tokens: Path, *, connections: int, seconds: int) -> Answered:
        """Let wrk ask, and note what each answer has cost whom."""
        before = self._computed()
        answered = wrk.ask(url, tokens, connections=connections, seconds=seconds)
        if answered.lost or not answered.requests:
            raise AssertionError(answered)
        after = self._computed()
        self.spent.append(
            {
                name: (after[name] - before[name]) / answered.requests * 1_000_000
                for name in self.names
            }
        )
        return answered

    def shares(self) -> str:
        """Return the median of each process."""
        shares = {name: median(spent[name] for spent in self.spent) for name in self.names}
        return ", ".join(f"{name} {share:,.1f}" for name, share in shares.items())

    def _computed(self) -> dict[str, float]:
        pids = self.site.process_ids()
        return {name: computed_by(pids[name]) for name in self.names}
