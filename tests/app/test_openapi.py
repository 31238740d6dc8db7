"""The OpenAPI document: whole, the same each time, and the same as the file in docs/."""

import re
from collections import Counter
from typing import Any

import pytest
from click.testing import CliRunner

from app import openapi
from app.commands import openapi as openapi_file
from app.commands.openapi import command as openapi_command
from app.factory import assemble
from app.options import WebOptions
from app.problems import HTTP_WORDS, status_of
from kit.errors import DomainError

# What may never be told to a member, by name, anywhere in an answer.
NEVER_TOLD = {
    "cost_fen",
    "open_id",
    "openid",
    "union_id",
    "session_key",
    "snapshot",
    "sealed",
    "blind_index",
    "wrapped_key",
    "phone",
    "phone_hash",
    "phone_sealed",
    "token_hash",
    "payer_hash",
    "transaction_no",
    "out_trade_no",
    "source",
    "batch_id",
}


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    """Return the document."""
    document = assemble(WebOptions()).spec
    assert isinstance(document, dict)
    return document


def every_refusal() -> list[type[DomainError]]:
    """Return each subclass with a code of its own, twice if two share one."""
    found: list[type[DomainError]] = []
    waiting: list[type[DomainError]] = [DomainError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        # Refusals that other tests declare are no part of the system.
        if "code" in vars(kind) and kind.code and not kind.__module__.startswith("test"):
            found.append(kind)
    return found


class TestCodes:
    """Codes are stable words, so each means one thing and all are written down."""

    def test_codes_are_unique(self) -> None:
        """No two refusals share a code."""
        counted = Counter(kind.code for kind in every_refusal())
        assert [code for code, count in counted.items() if count > 1] == []

    def test_every_code_is_documented_with_its_words(self, spec: dict[str, Any]) -> None:
        """The schema of problems lists every code with status, title and Chinese detail."""
        problem = spec["components"]["schemas"]["Problem"]
        for kind in every_refusal():
            row = problem["x-codes"][kind.code]
            assert row["status"] == int(status_of(kind))
            assert row["title"], kind
            assert any("\u4e00" <= letter <= "\u9fff" for letter in row["detail"]), kind
            assert kind.code in problem["properties"]["code"]["enum"]
        for words in HTTP_WORDS.values():
            assert words.code in problem["properties"]["code"]["enum"]


class TestRoutes:
    """Every route is documented, by the code that serves it."""

    def test_every_route_has_a_summary_and_an_operation_id(self, spec: dict[str, Any]) -> None:
        """No route under /v1, /callbacks or for operations is left out."""
        app = assemble(WebOptions())
        for rule in app.url_map.iter_rules():
            room = rule.endpoint.split(".")[0]
            if room in {"legal", "operations", "share"} or room.startswith("console_"):
                continue  # pages for people, and what nobody may know of
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                operation = spec["paths"][path][method.lower()]
                assert operation["summary"].strip()
                assert operation["operationId"]

    def test_every_member_route_documents_its_problems(self, spec: dict[str, Any]) -> None:
        """With codes, and 401 wherever a sign-in is needed, or is what is asked for."""
        for path, operations in spec["paths"].items():
            if not path.startswith("/v1/"):
                continue
            for operation in operations.values():
                answers = operation["responses"]
                assert {"429", "500", "503"} <= set(answers)
                needs_token = "security" in operation or path == "/v1/sign-in"
                assert needs_token == ("401" in answers)
                for status, answer in answers.items():
                    if int(status) >= 400:
                        assert answer["x-codes"]

    def test_every_money_or_goods_post_takes_a_key(self, spec: dict[str, Any]) -> None:
        """Orders, payments, refunds and withdrawals; a reveal has none and is never stored."""
        keyed = {
            path
            for path, operations in spec["paths"].items()
            for operation in operations.values()
            if {"$ref": "#/components/parameters/IdempotencyKey"} in operation.get("parameters", [])
        }
        assert keyed == {
            "/v1/orders",
            "/v1/orders/{order_id}/payments",
            "/v1/orders/{order_id}/refunds",
            "/v1/campaigns/{campaign_id}/claims",
            "/v1/campaigns/{campaign_id}/groups",
            "/v1/groups/{group_id}/seats",
            "/v1/sheets",
            "/v1/sheets/{sheet_id}/orders",
            "/v1/withdrawals",
        }


class TestH124Schemas:
    """Answers hold the listed fields and nothing else."""

    def test_h124_no_object_is_open(self, spec: dict[str, Any]) -> None:
        """Each schema with properties refuses further ones."""
        for name, schema in spec["components"]["schemas"].items():
            if schema.get("type") == "object":
                assert schema["additionalProperties"] is False, name

    def test_h124_nothing_secret_has_a_field(self, spec: dict[str, Any]) -> None:
        """No answer has a field for cost, identities, keys or ciphertext."""
        for name, schema in spec["components"]["schemas"].items():
            if not name.endswith("In"):
                assert not NEVER_TOLD & set(schema.get("properties", {})), name

    def test_money_says_its_unit(self, spec: dict[str, Any]) -> None:
        """Each `*_fen` field is an integer."""
        for schema in spec["components"]["schemas"].values():
            for field, said in schema.get("properties", {}).items():
                if field.endswith("_fen"):
                    kinds = {said.get("type")} | {one.get("type") for one in said.get("anyOf", [])}
                    assert kinds - {None, "null"} == {"integer"}, field


class TestDocument:
    """`flask spec` writes it, `flask spec --check` notices when the code has moved on."""

    def test_is_deterministic(self) -> None:
        """Two applications, one text."""
        texts = {openapi.as_text(assemble(WebOptions())) for _ in range(2)}
        assert len(texts) == 1

    def test_the_file_in_docs_is_the_codes(self) -> None:
        """docs/openapi.json is what the code says."""
        answer = CliRunner().invoke(openapi_command, ["--check"])
        assert answer.exit_code == 0, answer.output

    def test_check_fails_on_another_document(
        self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A missing or different file is told by the exit code; writing mends it."""
        document = tmp_path / "openapi.json"
        monkeypatch.setattr(openapi_file, "DOCUMENT", document)
        assert CliRunner().invoke(openapi_command, ["--check"]).exit_code == 1
        document.write_text("{}")
        assert CliRunner().invoke(openapi_command, ["--check"]).exit_code == 1
        assert CliRunner().invoke(openapi_command, []).exit_code == 0
        assert CliRunner().invoke(openapi_command, ["--check"]).exit_code == 0
