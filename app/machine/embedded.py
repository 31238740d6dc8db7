"""The servers that come with us, used wherever no URL of another one is given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from app.machine import var_dir as folder
from app.machine.children import Child
from app.machine.postgres import Postgres
from app.machine.redis_server import RedisServer
from app.machine.secrets import APP_PASSWORD, OWNER_PASSWORD

DATABASE: Final = "tuanka"
APP_ROLE: Final = "tuanka_app"


class EmbeddedServers:
    """PostgreSQL and Redis under VAR_DIR; what is given by URL is not started."""

    def __init__(
        self, var_dir: Path, *, given: Mapping[str, str], secrets: Mapping[str, str]
    ) -> None:
        """Remember what is needed; nothing is started."""
        self._var_dir = var_dir
        self._given = given
        self._secrets = secrets
        self.postgres: Postgres | None = None
        self.redis: RedisServer | None = None

    def start(self) -> dict[str, str]:
        """Start what is needed and return the URLs, given ones included, as settings."""
        return self._start_postgres() | self._start_redis()

    @property
    def children(self) -> list[Child]:
        """Return the server processes that are ours."""
        servers = (self.postgres, self.redis)
        return [server.child for server in servers if server is not None and server.child]

    def stop(self) -> None:
        """End what was started; the data stays."""
        if self.redis is not None:
            self.redis.stop()
        if self.postgres is not None:
            self.postgres.stop()

    def _start_postgres(self) -> dict[str, str]:
        if "DATABASE_URL" in self._given:
            url = self._given["DATABASE_URL"]
            return {
                "DATABASE_URL": url,
                "DATABASE_OWNER_URL": self._given.get("DATABASE_OWNER_URL") or url,
            }
        self.postgres = postgres = Postgres(
            self._var_dir / "postgres",
            password=self._secrets[OWNER_PASSWORD],
            log_file=folder.log_file(self._var_dir, "postgres"),
        )
        postgres.start()
        password = self._secrets[APP_PASSWORD]
        postgres.ensure_role(APP_ROLE, password=password)
        postgres.ensure_database(DATABASE)
        return {
            "DATABASE_URL": postgres.url(DATABASE, role=APP_ROLE, password=password),
            "DATABASE_OWNER_URL": postgres.url(DATABASE),
        }

    def _start_redis(self) -> dict[str, str]:
        if "REDIS_URL" in self._given:
            return {"REDIS_URL": self._given["REDIS_URL"]}
        self.redis = RedisServer(
            self._var_dir / "redis", log_file=folder.log_file(self._var_dir, "redis")
        )
        self.redis.start()
        return {"REDIS_URL": self.redis.url}
