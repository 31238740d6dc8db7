"""What is due, late and given up: as data, as `flask schedule status`, and beside /metrics."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import inspect, update

from app import process, standing
from app.commands import schedule
from app.factory import assemble
from app.options import WebOptions
from app.schedule import ALARMS
from app.standing import Line, Standing
from kit import heartbeat
from kit.db import Begin
from kit.outbox import OutboxEvent, emit
from kit.sweep import Retried
from shop.orders.events import OrderPaid
from shop.payments.gateway import Refused
from shop.payments.models import DeliveryReport, Refund, RefundStatus
from tests.factories.groups import LASTS, LONG_AGO, GroupBench, Offer

Run = Callable[..., Result]
KEY = "metrics-key-of-this-test"
RIGHT = {"Authorization": f"Bearer {KEY}"}
ASLEEP = ["no scheduler is alive", "no worker is alive"]


@pytest.fixture
def bench(begin: Begin) -> GroupBench:
    """Return a shop in which nothing stays."""
    return GroupBench(begin, LONG_AGO)


def look(bench: GroupBench) -> Standing:
    """Look at the whole shop."""
    with bench.begin() as session:
        return standing.look(session, now=bench.now)


def line(bench: GroupBench, sweep: str) -> Line:
    """Look at one sweep."""
    (found,) = [one for one in look(bench).lines if one.sweep == sweep]
    return found


def numbers(bench: GroupBench, sweep: str) -> tuple[int, float, int, int]:
    """Return how many of a sweep's rows are due, how late, tried again and given up."""
    found = line(bench, sweep)
    return found.due, found.late_seconds, found.retrying, found.given_up


def wake(bench: GroupBench) -> None:
    """Let a scheduler and a worker be seen."""
    with bench.begin() as session:
        for kind in ("scheduler", "worker"):
            heartbeat.beat(session, kind=kind, process="1", now=bench.now)


def refuse_refunds(call: str, is_done: bool) -> None:
    """Refuse what the merchant's balance does not cover, before anything is done."""
    if call in ("refund", "query_refund") and not is_done:
        raise Refused("no", code="NOT_ENOUGH")


class TestWhole:
    """Nothing that a sweep acts on is left out."""

    def test_every_sweep_of_the_schedule_has_its_line(self) -> None:
        """Beside those that look at all there is each time; the relay is the worker's."""
        unbound = {"forget_old_rows", "fill_due_gates", "offer_due_units"}
        rung = {alarm.name for alarm in ALARMS} - unbound
        assert {kind.sweep for kind in standing.SWEPT} == rung | {"relay"}

    def test_every_table_of_rows_that_are_tried_again_is_looked_at(self) -> None:
        """A new one must be added."""
        tables = {
            inspect(model).local_table.name
            for model in Retried.__subclasses__()
            if model.__module__.split(".")[0] != "tests"
        }
        assert tables == {kind.rows for kind in standing.SWEPT} - {"outbox_events"}


class TestLook:
    """look(session, now=…)."""

    def test_a_shop_without_anything(self, bench: GroupBench) -> None:
        """Zeros everywhere, and nobody there."""
        found = look(bench)
        assert {(one.due, one.late_seconds, one.retrying, one.given_up) for one in found.lines} == {
            (0, 0.0, 0, 0)
        }
        assert {one.next_due_at for one in found.lines} == {None}
        assert found.troubles == ASLEEP

    def test_what_is_to_come(self, bench: GroupBench) -> None:
        """The next edge of a campaign, the end of a group."""
        campaign_id = bench.campaign(Offer(window=timedelta(hours=6)))
        bench.open(campaign_id)
        wake(bench)
        assert line(bench, "turn_due_campaigns").next_due_at == LONG_AGO + timedelta(hours=6)
        found = line(bench, "decide_due_groups")
        assert (found.due, found.next_due_at) == (0, LONG_AGO + LASTS)
        assert look(bench).troubles == []

    def test_a_group_that_nobody_decides(self, bench: GroupBench) -> None:
        """It is late from its end on."""
        bench.opened(bench.campaign(Offer(seats=3)))
        for seconds, is_trouble in ((0, False), (60, False), (61, True)):
            bench.now = LONG_AGO + LASTS + timedelta(seconds=seconds)
            wake(bench)
            assert numbers(bench, "decide_due_groups") == (1, seconds, 0, 0)
            assert line(bench, "decide_due_groups").next_due_at is None
            told = "decide_due_groups: groups wait, the oldest for 61 s"
            assert look(bench).troubles == ([told] if is_trouble else [])

    def test_a_refund_that_is_refused_is_tried_again_and_given_up(self, bench: GroupBench) -> None:
        """Until a person has it."""
        order_id = bench.bought()
        bench.refund(order_id)
        assert numbers(bench, "send_due_refunds") == (1, 0.0, 0, 0)
        bench.wechat.trouble = refuse_refunds
        bench.sweep("refund")
        due, _, retrying, given_up = numbers(bench, "send_due_refunds")
        assert (due, retrying, given_up) == (0, 1, 0)
        assert line(bench, "send_due_refunds").next_due_at is not None
        with bench.begin() as session:
            session.execute(update(Refund).values(attempts=20, due_at=bench.now))
        bench.sweep("refund")
        assert bench.refunds(order_id)[0].status is RefundStatus.STUCK
        assert numbers(bench, "send_due_refunds") == (0, 0.0, 0, 1)
        assert "send_due_refunds: 1 of refunds were given up" in look(bench).troubles

    def test_a_delivery_that_was_never_reported_is_told_for_a_week(self, bench: GroupBench) -> None:
        """Nobody can mend it afterwards."""
        order_id = bench.bought()
        with bench.begin() as session:
            session.execute(update(DeliveryReport).values(due_at=None, last_error="given up"))
        assert numbers(bench, "report_due_deliveries") == (0, 0.0, 0, 1)
        assert bench.order(order_id).fulfilled_at == LONG_AGO
        bench.now += timedelta(days=7)
        assert line(bench, "report_due_deliveries").given_up == 0

    def test_events_wait_are_tried_again_and_get_stuck(self, bench: GroupBench) -> None:
        """By moments of their own."""
        with bench.begin() as session:
            emit(session, OrderPaid("x", "y"), now=bench.now)
        bench.now += timedelta(seconds=5)
        assert numbers(bench, "relay") == (1, 5.0, 0, 0)
        with bench.begin() as session:
            session.execute(update(OutboxEvent).values(attempts=3))
        assert numbers(bench, "relay") == (1, 5.0, 1, 0)
        with bench.begin() as session:
            session.execute(update(OutboxEvent).values(next_attempt_at=None))
        assert numbers(bench, "relay") == (0, 0.0, 0, 1)
        assert "relay: 1 of outbox_events were given up" in look(bench).troubles

    def test_held_orders_of_a_group_are_not_due(self, bench: GroupBench) -> None:
        """What no sweep takes is not waited for."""
        bench.opened(bench.campaign(Offer(seats=3)))
        bench.now += timedelta(minutes=90)
        assert numbers(bench, "fulfil_due_orders") == (0, 0.0, 0, 0)
        assert numbers(bench, "close_due_orders") == (0, 0.0, 0, 0)

    def test_who_is_alive(self, bench: GroupBench) -> None:
        """Counted while fresh; the last one is remembered."""
        wake(bench)
        with bench.begin() as session:
            heartbeat.beat(session, kind="worker", process="2", now=bench.now)
        assert [(one.kind, one.alive) for one in look(bench).pulses] == [
            ("scheduler", 1),
            ("worker", 2),
        ]
        bench.now += timedelta(seconds=15)
        found = look(bench)
        assert found.troubles == ASLEEP
        assert {(one.alive, one.last_seen_at) for one in found.pulses} == {(0, LONG_AGO)}


@pytest.fixture
def flask(bench: GroupBench, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command over the bench's database."""
    ports = SimpleNamespace(begin=bench.begin, clock=lambda: bench.now)
    monkeypatch.setattr(process, "ports", lambda: ports)
    return lambda *words: CliRunner().invoke(schedule.group, list(words))


class TestCommand:
    """flask schedule status."""

    def test_all_is_well(self, bench: GroupBench, flask: Run) -> None:
        """Code 0, a line for each sweep."""
        wake(bench)
        told = flask("status")
        assert told.exit_code == 0, told.output
        lines = told.output.splitlines()
        assert [row.split()[0] for row in lines[1:]] == [
            *(kind.sweep for kind in standing.SWEPT),
            "scheduler:",
            "worker:",
        ]

    def test_something_is_late(self, bench: GroupBench, flask: Run) -> None:
        """Code 1, and the last line says what."""
        bench.opened(bench.campaign(Offer(seats=3)))
        bench.now += LASTS + timedelta(minutes=2)
        wake(bench)
        told = flask("status")
        assert told.exit_code == 1
        said = told.output.splitlines()[-1]
        assert said == "! decide_due_groups: groups wait, the oldest for 120 s"

    def test_as_json(self, bench: GroupBench, flask: Run) -> None:
        """The same code, one object."""
        told = flask("status", "--json")
        assert told.exit_code == 1
        found = json.loads(told.output)
        assert found["troubles"] == ASLEEP
        assert datetime.fromisoformat(found["at"]) == LONG_AGO
        assert {row["rows"] for row in found["lines"]} >= {"groups", "refunds", "outbox_events"}


class TestRoute:
    """GET /operations/schedule."""

    @pytest.fixture
    def client(self, bench: GroupBench) -> FlaskClient:
        """Return a client of an application over the bench's database."""
        app = assemble(WebOptions(metrics_key=KEY))
        app.extensions["ports"] = SimpleNamespace(begin=bench.begin, clock=lambda: bench.now)
        return app.test_client()

    def test_is_what_the_command_says(self, bench: GroupBench, client: FlaskClient) -> None:
        """Troubles are part of a good answer."""
        bench.opened(bench.campaign(Offer(seats=3)))
        answer = client.get("/operations/schedule", headers=RIGHT)
        assert answer.status_code == 200
        found = answer.get_json()
        (groups,) = [row for row in found["lines"] if row["rows"] == "groups"]
        assert datetime.fromisoformat(groups["next_due_at"]) == LONG_AGO + LASTS
        assert found["troubles"] == ASLEEP

    def test_h135_is_not_there_for_anybody_else(self, client: FlaskClient) -> None:
        """Without the key, through a proxy, from another machine."""
        path = "/operations/schedule"
        answers = [
            client.get(path),
            client.get(path, headers={"Authorization": "Bearer wrong"}),
            client.get(path, headers={**RIGHT, "X-Forwarded-For": "127.0.0.1"}),
            client.get(path, headers=RIGHT, environ_overrides={"REMOTE_ADDR": "10.0.0.5"}),
        ]
        assert [answer.status_code for answer in answers] == [404] * 4
