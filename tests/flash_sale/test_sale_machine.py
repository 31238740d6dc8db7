"""The model of flash sales, run on a real PostgreSQL, with crashes."""

import os
from typing import Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine

from tests.flash_sale.sale_machine import Machine

EXAMPLES: Final = "SALE_MACHINE_EXAMPLES"


class TestSaleMachine:
    """The machine, on a real PostgreSQL."""

    def test_c45_c58_the_auditor_finds_nothing_whatever_happens(
        self, engine: Engine, is_chaos: bool
    ) -> None:
        """Few examples every day, as many as SALE_MACHINE_EXAMPLES says in a long run."""
        Machine.engine, Machine.steps = engine, 0
        examples = int(os.environ.get(EXAMPLES, "1000" if is_chaos else "24"))
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=50 if examples > 24 else 30,
                deadline=None,
                database=None,
                derandomize=examples <= 24,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
        print(f"{examples} examples, {Machine.steps} steps, {dict(Machine.ends)}")  # noqa: T201 - the figure
        assert Machine.ends["sold out"]
        assert Machine.ends["claim returned"]
        assert Machine.ends["wait taken"]
        assert Machine.steps > examples
