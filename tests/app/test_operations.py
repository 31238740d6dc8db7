"""The figures: for who has the key, from this machine, and there for nobody else."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.factory import assemble
from app.options import WebOptions

KEY = "metrics-key-of-this-test"
RIGHT = {"Authorization": f"Bearer {KEY}"}


def client_of(**options: Any) -> FlaskClient:
    """Return a client of the application, which needs no ports for this."""
    return assemble(WebOptions(**{"metrics_key": KEY, **options})).test_client()


class TestH135Figures:
    """GET /metrics."""

    def test_counts_requests_by_route(self) -> None:
        """An unknown path is one row, however many there are."""
        client = client_of()
        client.get("/healthz")
        for index in range(3):
            client.get(f"/unknown-{index}")
        answer = client.get("/metrics", headers=RIGHT)
        text = answer.get_data(as_text=True)
        assert answer.status_code == 200
        assert 'http_requests_total{method="GET",route="/healthz",status="200"}' in text
        assert 'route="(none)"' in text
        assert "unknown-1" not in text
        assert 'refusals_total{code="not_found"}' in text

    @pytest.mark.parametrize(
        ("headers", "address"),
        [
            ({}, "127.0.0.1"),
            ({"Authorization": "Bearer wrong"}, "127.0.0.1"),
            ({"Authorization": KEY}, "127.0.0.1"),
            (RIGHT, "10.0.0.5"),
            (RIGHT, "203.0.113.9"),
            (RIGHT, ""),
            ({**RIGHT, "X-Forwarded-For": "127.0.0.1"}, "127.0.0.1"),
            ({**RIGHT, "Forwarded": "for=127.0.0.1"}, "127.0.0.1"),
        ],
    )
    def test_h135_is_not_there_for_anybody_else(
        self, headers: dict[str, str], address: str
    ) -> None:
        """The 404 of any unknown path."""
        for proxies in (0, 1):
            answer = client_of(trusted_proxies=proxies).get(
                "/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": address}
            )
            assert answer.status_code == 404
            assert answer.get_json()["code"] == "not_found"

    def test_h135_without_a_key_nobody_has_it(self) -> None:
        """An empty key opens nothing, not even for an empty bearer."""
        for given in ("Bearer ", "Bearer", ""):
            answer = client_of(metrics_key="").get("/metrics", headers={"Authorization": given})
            assert answer.status_code == 404


class TestSeveralProcesses:
    """Web processes share their figures through files."""

    def test_the_sum_of_all_is_shown(self, tmp_path: Path) -> None:
        """Two processes count, a third shows both."""
        count = "from app import metrics; metrics.REFUSALS.labels('x').inc()"
        show = "from app import metrics; print(metrics.render().decode())"
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
        root = Path(__file__).resolve().parents[2]
        for program in (count, count, show):
            done = subprocess.run(
                [sys.executable, "-c", program],
                env=environment,
                cwd=root,
                check=True,
                capture_output=True,
                text=True,
            )
        assert 'refusals_total{code="x"} 2.0' in done.stdout


class TestDocsPage:
    """The document is shown on developers' machines only."""

    def test_only_locally(self) -> None:
        """200 in "local", 404 anywhere else."""
        for path in ("/docs", "/docs/openapi.json"):
            assert client_of(environment="local").get(path).status_code == 200
            assert client_of().get(path).status_code == 404
