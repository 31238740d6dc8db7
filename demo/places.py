"""Where the shop and the simulated platforms answer, and where everything of a run is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """The addresses of one run."""

    shop_url: str
    sandbox_url: str
    var_dir: Path

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Places":
        """Take them from the environment that `python -m app.machine demo` hands on."""
        return cls(
            shop_url=f"http://127.0.0.1:{given.get('PORT', '8000')}",
            sandbox_url=f"http://127.0.0.1:{given.get('SANDBOX_PORT', '9100')}",
            var_dir=Path(given.get("VAR_DIR", "var")).resolve(),
        )

    @property
    def logs(self) -> Path:
        """Return the folder of the processes' logs."""
        return self.var_dir / "logs"

    @property
    def report_file(self) -> Path:
        """Return where the report goes."""
        return self.var_dir / "demo" / "report.json"
