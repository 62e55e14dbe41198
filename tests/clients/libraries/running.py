"""A Vigie that runs, and the libraries that speak to it: each in a process of its own, which prints what they say."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

HERE = Path(__file__).parent
VIGIE = Path(sys.executable).with_name("vigie")
PYTHON = HERE / ".venv" / "bin" / "python"
PATIENCE = 60
"""Seconds until a test gives up; nothing takes as long."""
PROGRAMS = {
    "google-api-python-client": [PYTHON, HERE / "google_python.py"],
    "perspective-api-client": ["node", HERE / "perspective_node.js"],
    "akismet": [PYTHON, HERE / "akismet_python.py"],
    "akismet-api": ["node", "--require", HERE / "names.js", HERE / "akismet_node.js"],
}
"""Library to what calls it as it is told."""


@dataclass(frozen=True)
class Told:
    """What a call of a library returned, or the name and the words of the error that it raised."""

    value: Any = None
    error: str | None = None
    message: str = ""
    more: Any = None
    """What else the error holds."""
    seconds: float = 0.0


@dataclass
class Vigie:
    """`vigie serve` with a database of its own."""

    folder: Path
    port: int
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What it and the clients are told: nothing of another Vigie, of another Akismet, of a proxy."""
        unwanted = ("VIGIE_", "PYTHON_AKISMET_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NODE_OPTIONS")
        inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(unwanted)}
        database = f"sqlite:///{self.folder}/vigie.db"
        return inherited | {
            "TMPDIR": str(self.folder), "VIGIE_PORT": str(self.port), "VIGIE_DATABASE": database,
        }  # fmt: skip

    def command(self, *words: str) -> str:
        done = subprocess.run(
            [VIGIE, *words], env=self.environment, check=True, capture_output=True, text=True, timeout=PATIENCE
        )
        return done.stdout.strip()

    @contextmanager
    def serving(self) -> Iterator[None]:
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [VIGIE, "serve"], env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        with process:
            try:
                end = time.monotonic() + PATIENCE
                while not self._is_ready():
                    assert process.poll() is None, self.log()
                    assert time.monotonic() < end, self.log()
                    time.sleep(0.05)
                yield
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)  # master and workers

    def tell(self, library: str, *calls: list[Any], key: str | None = None, **more: Any) -> list[Told]:
        """Have *library* make *calls* in one process, each a name and its arguments, with *key* or the usual one."""
        asked = {"base": self.address, "key": key or self.keys["usual"], "calls": calls} | more
        done = subprocess.run(
            PROGRAMS[library], input=json.dumps(asked), env=self.environment, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert 0 == done.returncode, done.stderr
        return [Told(**told) for told in json.loads(done.stdout)]

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Return what stands in its database, opened so that nothing can be written."""
        with closing(sqlite3.connect(f"file:{self.folder}/vigie.db?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def decisions(self, text: str) -> list[str]:
        """Return what was decided of each submission of *text*."""
        query = "SELECT decision FROM judgements JOIN submissions ON submissions.id = submission_id WHERE comment = ?"
        return [row["decision"] for row in self.rows(f"{query} ORDER BY judgements.id", text)]

    def verdicts(self, text: str) -> list[tuple[str, dict[str, int], str | None, str, bool]]:
        """Return each verdict on *text*, oldest first: decision, labels, reason, who brought it, whether it stands."""
        query = "SELECT verdicts.* FROM verdicts JOIN submissions ON submissions.id = submission_id WHERE comment = ?"
        return [
            (row["decision"], json.loads(row["labels"]), row["reason"], row["actor"], row["withdrawn_at"] is None)
            for row in self.rows(f"{query} ORDER BY verdicts.id", text)
        ]

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")

    def holds(self, text: str) -> bool:
        """Say whether *text* stands anywhere in what it leaves on the disk: database, journal, log."""
        return any(text.encode() in path.read_bytes() for path in self.folder.rglob("*") if path.is_file())

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"{self.address}/readyz", timeout=PATIENCE) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
