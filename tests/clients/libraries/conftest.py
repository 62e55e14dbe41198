"""The libraries, as their lock names them, and one running Vigie for all tests of this folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.libraries.running import HERE, Vigie, free_port

INSTALLED = {
    HERE / "requirements.lock": HERE / ".venv" / "installed.lock",
    HERE / "package-lock.json": HERE / "node_modules" / "installed-lock.json",
}
"""Each lock, and its copy that stands beside what was installed from it."""


@pytest.fixture(scope="session")
def libraries() -> None:
    for lock, copy in INSTALLED.items():
        assert copy.exists(), "the libraries are not installed: tests/clients/libraries/install"
        assert lock.read_bytes() == copy.read_bytes(), f"{lock.name} has changed: tests/clients/libraries/install"
    assert shutil.which("node"), "node is not installed"


@pytest.fixture(scope="session")
def vigie(libraries: None, tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Vigie]:
    """A server with a key for each thing that a test wants of keys; their names are those of `Vigie.keys`."""
    folder = tmp_path_factory.mktemp("vigie")
    shutil.copy(empty_database, folder / "vigie.db")
    running = Vigie(folder, free_port())
    running.keys["usual"] = running.command("key", "new")
    running.keys["judge"] = running.command("key", "new", "--scope", "judge")
    running.keys["slow"] = running.command("key", "new", "--rate", "1")
    with running.serving():
        yield running
