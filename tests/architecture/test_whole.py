"""The pages that show the whole system leave nothing of it out."""

import ast
import dataclasses
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, get_type_hints

import pytest
from apscheduler.jobstores.memory import MemoryJobStore

from app import schedule, scheduler, tables
from app.reactions import REACTIONS
from kit.db import Base
from kit.errors import DomainError
from kit.outbox import Event, emit
from kit.sweep import Swept
from tests.architecture.source import ROOT, Source, every_source

ROOMS: Final = ("shop", "group_buy", "flash_sale")
PACKAGES: Final = ("app", "miniprogram_api", "public_site", *ROOMS, "kit", "config")
# Clients were promised these words for what a campaign refuses, whichever way it sells.
PUBLIC_CODES: Final = frozenset({"not_started", "ended", "paused", "limit_reached"})


@pytest.fixture(scope="module", autouse=True)
def whole_house() -> None:
    """Import every module of the house, so that every class of it is known."""
    for package in PACKAGES:
        home = importlib.import_module(package)
        for module in pkgutil.walk_packages(home.__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def kinds_of(parent: type[Any]) -> list[type[Any]]:
    """Return the subclasses of a class in the house, however far down."""
    found: list[type[Any]] = []
    for kind in parent.__subclasses__():
        found += kinds_of(kind)
        if kind.__module__.split(".")[0] in PACKAGES:
            found.append(kind)
    return found


def unlisted(events: list[type[Any]], reactions: Mapping[type[Any], Any]) -> list[str]:
    """Return the names of events that the page of reactions does not have."""
    return [event.__name__ for event in events if event not in reactions]


def sweeps() -> dict[str, Callable[..., Any]]:
    """Return the sweeps of every room by "room.name"."""
    found: dict[str, Callable[..., Any]] = {}
    for file in sorted(file for room in ROOMS for file in (ROOT / room).rglob("jobs.py")):
        place = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        jobs = importlib.import_module(place)
        for name, function in vars(jobs).items():
            if not inspect.isfunction(function) or function.__module__ != jobs.__name__:
                continue
            if get_type_hints(function).get("return") is Swept:
                found[f"{file.parent.name}.{name}"] = function
    return found


def rung(source: Source) -> set[str]:
    """Return every "room.function" that a page mentions, its import names put back."""
    rooms = {
        alias.asname or alias.name: node.module.rpartition(".")[2]
        for node in source.nodes
        if isinstance(node, ast.ImportFrom) and node.module
        if node.module.split(".")[0] in ROOMS
        for alias in node.names
    }
    return {
        f"{rooms[node.value.id]}.{node.attr}"
        for node in source.nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in rooms
    }


def public_functions(source: Source) -> Iterator[ast.FunctionDef]:
    """Return the public functions of a file."""
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def joins_or_opens(function: ast.FunctionDef) -> bool:
    """Tell a function that takes `session` or `begin` first."""
    names = [argument.arg for argument in function.args.args]
    return names[:1] in (["session"], ["begin"])


class TestReactions:
    def test_list_every_event(self) -> None:
        assert unlisted(kinds_of(Event), REACTIONS) == []
        assert kinds_of(Event)

    def test_would_miss_an_event_left_out(self) -> None:
        @dataclasses.dataclass(frozen=True)
        class CardLost(Event):
            name = "cards.lost"

        assert unlisted([CardLost], REACTIONS) == ["CardLost"]

    def test_have_one_name_per_event_in_its_room(self) -> None:
        names = [event.name for event in kinds_of(Event)]
        assert len(set(names)) == len(names)
        for event in kinds_of(Event):
            storey, *inside = event.__module__.split(".")
            room = inside[0] if storey == "shop" else storey
            assert storey in ROOMS, event
            assert re.fullmatch(rf"{room}\.[a-z_]+", event.name), event
            assert inside[-1] == "events", event

    def test_events_are_frozen_and_travel_as_json(self) -> None:
        plain = (str, int, bool, list[str], str | None, int | None)
        for event in kinds_of(Event):
            assert event.__dataclass_params__.frozen, event
            hints = get_type_hints(event)
            for field in dataclasses.fields(event):
                assert hints[field.name] in plain, f"{event.__name__}.{field.name}"

    def test_handlers_say_when_they_act(self) -> None:
        for event, handlers in REACTIONS.items():
            for handler in handlers:
                assert re.fullmatch(r"[a-z_]+_when_[a-z_]+", handler.__name__)
                assert handler.__module__.endswith(".handlers")
                assert list(inspect.signature(handler).parameters) == ["event", "session", "now"]
                assert get_type_hints(handler)["event"] is event

    def test_handlers_have_names_that_receipts_can_hold(self) -> None:
        for handlers in REACTIONS.values():
            for handler in handlers:
                assert len(f"{handler.__module__}.{handler.__qualname__}") <= 128

    def test_every_event_is_told_by_somebody(self) -> None:
        # By calling it, or by choosing it from a table of what to tell.
        told = {
            node.id
            for source in every_source()
            if source.is_in(*ROOMS) and source.name not in {"events.py", "handlers.py"}
            for node in source.nodes
            if isinstance(node, ast.Name)
        }
        assert {event.__name__ for event in REACTIONS} <= told
        assert emit.__module__ == "kit.outbox"


class TestSchedule:
    def test_rings_every_sweep(self) -> None:
        page = Source("app/schedule.py", (ROOT / "app/schedule.py").read_text(encoding="utf-8"))
        assert set(sweeps()) - rung(page) == set()
        assert len(sweeps()) >= 6

    def test_would_miss_a_sweep_left_out(self) -> None:
        page = Source(
            "app/schedule.py",
            "from shop.orders import jobs as orders\nx = orders.close_due_orders\n",
        )
        assert rung(page) == {"orders.close_due_orders"}
        assert set(sweeps()) - rung(page)

    def test_sweeps_open_their_transactions_and_are_told_the_time(self) -> None:
        for name, sweep in sweeps().items():
            parameters = inspect.signature(sweep).parameters
            assert next(iter(parameters)) == "begin", name
            assert parameters["now"].kind is inspect.Parameter.KEYWORD_ONLY, name
            assert re.fullmatch(r"[a-z_]+\.[a-z]+(_[a-z]+)*_due_[a-z_]+", name), name

    def test_alarms_have_names_and_periods_of_their_own(self) -> None:
        names = [alarm.name for alarm in schedule.ALARMS]
        assert len(set(names)) == len(names)
        assert all(alarm.every_seconds >= 0.1 for alarm in schedule.ALARMS)

    def test_i141_apscheduler_keeps_nothing_and_its_jobs_come_from_code(self) -> None:
        clock = scheduler.make_scheduler(object())  # type: ignore[arg-type]  # never looked at
        clock.start(paused=True)
        try:
            assert [type(store) for store in clock._jobstores.values()] == [MemoryJobStore]
            jobs = {job.id: job for job in clock.get_jobs()}
        finally:
            clock.shutdown()
        assert set(jobs) == {alarm.name for alarm in schedule.ALARMS}
        for alarm in schedule.ALARMS:
            job = jobs[alarm.name]
            assert (job.func, job.args[1]) == (scheduler.ring, alarm)
            assert job.trigger.interval.total_seconds() == alarm.every_seconds
            assert (job.max_instances, job.coalesce, job.misfire_grace_time) == (1, True, None)


class TestTables:
    def test_whole_metadata_is_imported_by_one_page(self) -> None:
        listed = {module.__name__ for module in tables.ROOMS}
        for kind in kinds_of(Base):
            assert kind.__module__ in listed, kind

    def test_rooms_keep_their_tables_in_models(self) -> None:
        for kind in kinds_of(Base):
            place = kind.__module__
            assert place.startswith("kit.") or place.endswith(".models"), kind


class TestRefusals:
    def test_have_codes_of_their_own_that_name_a_room(self) -> None:
        rooms = "|".join(path.parent.name for path in (ROOT / "shop").glob("*/__init__.py"))
        codes = [kind.code for kind in kinds_of(DomainError) if "code" in vars(kind)]
        assert sorted(set(codes)) == sorted(codes)
        for kind in kinds_of(DomainError):
            if "code" not in vars(kind):
                continue
            if kind.__module__.startswith("shop.") and kind.code not in PUBLIC_CODES:
                assert re.fullmatch(rf"({rooms})\.[a-z][a-z_]*", kind.code), kind
            else:
                assert re.fullmatch(r"([a-z_]+\.)?[a-z][a-z_]*", kind.code), kind

    def test_have_words_for_people_and_for_developers(self) -> None:
        for kind in kinds_of(DomainError):
            if "code" in vars(kind):
                assert kind.title.isascii(), kind
                assert kind.title, kind
                assert any("\u4e00" <= letter <= "\u9fff" for letter in kind.message), kind

    def test_are_named_for_the_condition(self) -> None:
        for kind in kinds_of(DomainError):
            assert not kind.__name__.endswith(("Error", "Exception")), kind


class TestServices:
    def test_join_a_transaction_or_open_one(self) -> None:
        wrong = [
            f"{source.path}:{function.lineno} {function.name}"
            for source in every_source()
            if source.is_in(*ROOMS) and source.name in {"service.py", "jobs.py"}
            for function in public_functions(source)
            if not joins_or_opens(function)
        ]
        assert wrong == []

    def test_elsewhere_too_the_transaction_comes_first(self) -> None:
        for source in every_source():
            if not source.is_in(*ROOMS) or source.name == "handlers.py":
                continue
            for function in public_functions(source):
                every = [*function.args.args, *function.args.kwonlyargs]
                if {"session", "begin"} & {argument.arg for argument in every}:
                    assert joins_or_opens(function), f"{source.path} {function.name}"

    def test_every_public_function_says_what_it_does(self) -> None:
        silent = [
            f"{source.path}:{function.lineno} {function.name}"
            for source in every_source()
            if source.is_in(*ROOMS, "kit")
            for function in public_functions(source)
            if not ast.get_docstring(function)
        ]
        assert silent == []

    @pytest.mark.parametrize(
        "text",
        [
            "def pay(order, session): pass",
            "def pay(): pass",
            "def pay(*, session): pass",
        ],
    )
    def test_would_see_another_order(self, text: str) -> None:
        (function,) = public_functions(Source("shop/orders/service.py", text))
        assert not joins_or_opens(function)
        assert not ast.get_docstring(function)


class TestMigrations:
    """What the database enforces by trigger is what the code declares."""

    def test_b42_the_triggers_know_the_same_moves_as_the_code(self) -> None:
        told: dict[str, Any] = {}
        for file in sorted((ROOT / "migrations" / "versions").glob("*.py")):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LIFECYCLES":
                    told |= ast.literal_eval(node.value)
        declared = {
            kind.__tablename__: kind.lifecycle.as_json()
            for kind in kinds_of(Base)
            if hasattr(kind, "lifecycle")
        }
        assert json.dumps(told, sort_keys=True) == json.dumps(declared, sort_keys=True)
