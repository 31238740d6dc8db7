"""The import contracts of pyproject.toml hold, and each breaks when somebody breaks it."""

from copy import deepcopy
from typing import Any, Final

import pytest
from grimp import ImportGraph
from importlinter import api
from importlinter.application import use_cases

from tests.architecture.source import ROOT

PYPROJECT: Final = str(ROOT / "pyproject.toml")
# Programs that stand alone; whoever is not one of them has a place in the contracts.
ALONE: Final = frozenset({"benchmarks", "migrations", "tests", "tools"})

# For each contract, imports that it must refuse: importer, imported.
PLANTED: Final = {
    "storeys": [
        ("kit.money", "shop.ledger.rules"),
        ("shop.orders.service", "miniprogram_api.orders"),
        ("shop.orders.service", "group_buy.models"),
        ("group_buy.service", "miniprogram_api.groups"),
        ("public_site.health", "miniprogram_api.home"),
        ("miniprogram_api.home", "app.reactions"),
        ("miniprogram_api.home", "console.words"),
        ("console.door", "app.standing"),
        ("shop.operators.service", "console.door"),
    ],
    "rooms": [
        ("shop.ledger.rules", "shop.members.rules"),
        ("shop.operators.service", "shop.members.models"),
        ("shop.cards.service", "shop.payments.models"),
        ("shop.payments.service", "shop.campaigns.models"),
        ("shop.catalog.models", "shop.orders.models"),
        ("shop.orders.service", "shop.settlement.queries"),
        ("shop.settlement.service", "shop.ports"),
    ],
    "shelves": [
        ("shop.orders.queries", "shop.orders.service"),
        ("shop.orders.handlers", "shop.orders.jobs"),
        ("shop.ledger.models", "shop.ledger.rules"),
        ("shop.members.events", "shop.members.models"),
        ("group_buy.rules", "group_buy.queries"),
        ("group_buy.sheets.queries", "group_buy.sheets.service"),
    ],
    "door": [
        ("shop.orders.service", "flask"),
        ("kit.db", "apscheduler"),
        ("shop.operators.signing_in", "flask"),
        ("kit.errors", "werkzeug"),
        ("shop.orders.jobs", "apiflask"),
    ],
    "settings": [
        ("shop.orders.service", "config.settings"),
        ("miniprogram_api.home", "config.settings"),
        ("kit.db", "config.settings"),
    ],
    "circles": [
        ("kit.money", "kit.lifecycle"),
        ("app.reactions", "app.worker"),
        ("shop.payments.gateway", "shop.payments.service"),
        ("sandbox.clock", "sandbox.peer"),
    ],
    "beside": [
        ("sandbox.books", "kit.money"),
        ("sandbox.wechat_pay.orders", "shop.orders.rules"),
        ("demo.evening", "kit.money"),
        ("demo.evening", "config.settings"),
    ],
    "house": [
        ("app.factory", "sandbox.store"),
        ("shop.payments.wechat_pay", "sandbox.keys"),
        ("app.factory", "demo.evening"),
    ],
    "apart": [("demo.evening", "sandbox.keys"), ("sandbox.books", "demo.evening")],
}


@pytest.fixture(scope="module")
def report() -> Any:
    """Return what import-linter says about the code as it is."""
    # Once as a command, which makes the kinds of contracts known; then for its findings.
    use_cases.lint_imports(PYPROJECT, cache_dir=None, no_logo=True)
    return use_cases.create_report(use_cases.read_user_options(PYPROJECT), cache_dir=None)


@pytest.fixture(scope="module")
def contracts(report: Any) -> dict[str, Any]:
    """Return each contract by its id."""
    names = {told["name"]: told["id"] for told in contracts_told()}
    return {names[contract.name]: contract for contract, _ in report.get_contracts_and_checks()}


def contracts_told() -> list[dict[str, Any]]:
    """Return the contracts as pyproject.toml has them."""
    told: list[dict[str, Any]] = api.read_configuration(PYPROJECT)["contracts_options"]
    return told


class TestContracts:
    @pytest.mark.parametrize("contract_id", PLANTED)
    def test_hold(self, report: Any, contracts: dict[str, Any], contract_id: str) -> None:
        checks = dict(report.get_contracts_and_checks())
        assert checks[contracts[contract_id]].kept, "lint-imports says where, and what to do"

    def test_are_all_there_and_can_be_run(self, report: Any, contracts: dict[str, Any]) -> None:
        assert set(contracts) == set(PLANTED)
        assert not report.could_not_run

    @pytest.mark.parametrize(
        ("contract_id", "importer", "imported"),
        [(name, *pair) for name, pairs in PLANTED.items() for pair in pairs],
    )
    def test_break_on_a_planted_import(
        self,
        report: Any,
        contracts: dict[str, Any],
        contract_id: str,
        importer: str,
        imported: str,
    ) -> None:
        graph: ImportGraph = deepcopy(report.graph)
        assert {importer, imported} <= graph.modules | {"apiflask", "apscheduler"}
        graph.add_import(importer=importer, imported=imported, line_number=1, line_contents="x")
        assert not contracts[contract_id].check(graph, verbose=False).kept

    def test_break_on_a_room_without_a_place(self, report: Any, contracts: dict[str, Any]) -> None:
        graph: ImportGraph = deepcopy(report.graph)
        graph.add_module("shop.cellar")
        assert not contracts["rooms"].check(graph, verbose=False).kept

    def test_know_every_package_of_the_house(self) -> None:
        roots = set(api.read_configuration(PYPROJECT)["session_options"]["root_packages"])
        found = {file.parent.name for file in ROOT.glob("*/__init__.py")}
        assert found - ALONE == roots

    def test_ignore_nothing(self) -> None:
        for told in contracts_told():
            assert not told.get("ignore_imports"), told["name"]
