"""`vigie serve` as an operator meets it: real processes on the loopback, their signals, their log, what they leave."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from service import store
from service.accounts import hash_password
from service.model import current
from service.settings import ROOT
from service.store import members

VIGIE = Path(sys.executable).with_name("vigie")
JSON = {"Content-Type": "application/json"}
COMMENT = {"name": "Claire Vasseur", "comment": "Merci pour cet article, clair et bien documenté."}
PATIENCE = 30
PASSWORD = "correcte-agrafe-cheval"
"""Seconds until a test gives up; nothing takes as long."""


def eventually(what: Callable[[], Any]) -> Any:
    """Ask *what* again and again, until it answers something true."""
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < end, f"still nothing after {PATIENCE} s"
        time.sleep(0.02)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@dataclass
class Server:
    """A `vigie serve` in a folder of its own: database, log, temporary files."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    def ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
        """Return status and body, read as JSON where it is JSON."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            headers = JSON | ({"Authorization": f"Bearer {key}"} if key else {})
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            told = answer.read()
            return answer.status, json.loads(told) if "json" in answer.headers["Content-Type"] else told.decode()

    @contextmanager
    def held(self, body: Any) -> Iterator[Callable[[], tuple[int, Any]]]:
        """Begin a submission that occupies one worker until what is yielded is called, which returns the answer.

        The server's "100 Continue" tells that a worker has it in hand.
        """
        sent = json.dumps(body).encode()
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as line, line.makefile("rb") as heard:
            line.sendall(
                b"POST /v1/comments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(sent)
            )
            assert b"100" in heard.readline()

            def finish() -> tuple[int, Any]:
                line.sendall(sent)
                _, _, answer = heard.read().partition(b"HTTP/1.1 ")
                return int(answer[:3]), json.loads(answer.partition(b"\r\n\r\n")[2])

            yield finish

    def told(self) -> list[str]:
        """Return the lines that it has written so far, without one that is still being written."""
        written = (self.folder / "log").read_text("utf-8")
        return written[: written.rfind("\n") + 1].splitlines()

    def events(self) -> list[dict[str, Any]]:
        """Return the log, without what is told to the person who starts it."""
        return [json.loads(line) for line in self.told() if not line.startswith("Essayez")]

    def workers(self) -> set[int]:
        """Return the ids of the workers that live."""
        booted = (re.fullmatch(r"Booting worker with pid: (\d+)", event["event"]) for event in self.events())
        return {int(found[1]) for found in booted if found and is_alive(int(found[1]))}

    def is_complete(self) -> bool:
        return len(self.workers()) == 2 and self.ask("GET", "/readyz")[0] == 200

    def has_renewed(self, former: set[int]) -> bool:
        return not former & self.workers() and self.is_complete()

    def kill_worker(self) -> int:
        """Kill one worker as the kernel does when memory is short; return its id when another has taken over."""
        eventually(self.is_complete)
        victim = min(self.workers())
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: self.has_renewed({victim}))
        return victim

    def figure(self, name: str) -> float:
        """Return the sum of one figure over its labels."""
        lines = self.ask("GET", "/metrics")[1].splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    def figures(self) -> list[Path]:
        return sorted(self.folder.glob("tmp/vigie-metrics-*"))

    def send(self, what: signal.Signals) -> None:
        self.process.send_signal(what)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def begin(folder: Path, **settings: str) -> subprocess.Popen[bytes]:
    (folder / "tmp").mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")}
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [VIGIE, "serve"],
            env=environment | {"TMPDIR": str(folder / "tmp")} | settings,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextmanager
def serving(folder: Path, empty: Path, **settings: str) -> Iterator[Server]:
    shutil.copy(empty, folder / "vigie.db")
    port = free_port()
    chosen = {"VIGIE_PORT": str(port), "VIGIE_DATABASE": f"sqlite:///{folder}/vigie.db"}
    server = Server(begin(folder, **(chosen | settings)), port, folder)
    with server.process:
        try:
            eventually(lambda: sum("Booting worker" in line for line in server.told()) == 2 or server.process.poll())
            assert server.process.poll() is None, server.told()
            yield server
        finally:
            if server.process.poll() is None:
                os.killpg(server.process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Server]:
    """One server for the tests that leave it running."""
    folder = tmp_path_factory.mktemp("serve")
    (folder / "policy.toml").write_text("[attributes.toxicity]\nhold = 0.99\n", "utf-8")
    with serving(folder, empty_database, VIGIE_POLICY=str(folder / "policy.toml")) as running:
        yield running


@pytest.fixture
def own_server(tmp_path: Path, empty_database: Path) -> Iterator[Server]:
    with serving(tmp_path, empty_database) as running:
        yield running


def test_it_answers_and_says_where_to_try_it(server: Server) -> None:
    status, judgement = server.ask("POST", "/v1/comments", COMMENT)

    assert (201, "accept") == (status, judgement["decision"])
    assert f"Essayez : http://127.0.0.1:{server.port}/essai" == server.told()[0]
    assert "vigie key new" in server.told()[1]
    assert 200 == server.ask("GET", "/essai")[0]


def test_two_workers_answer_and_either_tells_the_figures_of_both(server: Server) -> None:
    before = server.figure("vigie_decisions_total")

    with server.held(COMMENT) as finish:
        other = server.ask("POST", "/v1/comments", COMMENT)  # the first worker waits for a body: this is the second
        held = finish()

    assert (201, 201) == (other[0], held[0])
    assert {before + 2} == {server.figure("vigie_decisions_total") for _ in range(8)}


def test_two_workers_know_a_new_key_within_seconds_and_count_its_rate_together(own_server: Server) -> None:
    variables = os.environ | {"VIGIE_DATABASE": f"sqlite:///{own_server.folder}/vigie.db"}
    made = subprocess.run(
        [VIGIE, "key", "new", "--rate", "10"], env=variables, capture_output=True, check=True, text=True
    )
    key = made.stdout.strip()
    eventually(lambda: [own_server.ask("GET", "/v1/policy")[0] for _ in range(10)] == [401] * 10)
    answers = [own_server.ask("POST", "/v1/comments:preview", COMMENT, key)[0] for _ in range(30)]

    assert {200, 429} == set(answers)
    assert 10 <= answers.count(200) <= 11  # a minute may have ended in between


def test_a_worker_killed_for_memory_is_replaced_and_the_log_says_so(server: Server) -> None:
    victim = server.kill_worker()

    said = [event for event in server.events() if f"(pid:{victim})" in event["event"]]
    assert [(f"Worker (pid:{victim}) was sent SIGKILL! Perhaps out of memory?", "error")] == [
        (event["event"], event["level"]) for event in said
    ]


def test_what_a_dead_worker_counted_stays_counted_and_its_successor_takes_over_its_files(server: Server) -> None:
    eventually(server.is_complete)
    before = server.figure("vigie_decisions_total")

    for _ in range(4):
        with server.held(COMMENT) as finish:
            server.ask("POST", "/v1/comments", COMMENT)
            finish()
        server.kill_worker()

    assert before + 8 == server.figure("vigie_decisions_total")
    assert 2 * 2 >= len(list(server.figures()[0].glob("counter_*.db"))), "two workers, and two more during a reload"


def test_a_graceful_restart_refuses_nobody_and_takes_up_what_is_named_now(server: Server) -> None:
    eventually(server.is_complete)
    former = server.workers()
    policy = server.ask("GET", "/v1/policy")[1]["version"]
    statuses: list[int] = []
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            statuses.append(server.ask("POST", "/v1/comments:preview", COMMENT)[0])

    callers = [threading.Thread(target=send) for _ in range(3)]
    for caller in callers:
        caller.start()
    (server.folder / "policy.toml").write_text("[attributes.toxicity]\nhold = 0.98\n", "utf-8")
    server.send(signal.SIGHUP)
    try:
        eventually(lambda: server.has_renewed(former))
    finally:
        stop.set()
        for caller in callers:
            caller.join()  # a refused connection would end the test: an exception in a thread is an error here

    assert {200} == set(statuses)
    assert policy != server.ask("GET", "/v1/policy")[1]["version"]
    assert 0.98 == server.ask("GET", "/v1/policy")[1]["attributes"]["toxicity"]["hold"]
    assert 1 == server.figure("vigie_release"), "the former release counts 0"


def test_a_restart_with_a_wrong_policy_keeps_the_former_one_and_says_so(server: Server) -> None:
    eventually(server.is_complete)
    former, policy = server.workers(), (server.folder / "policy.toml").read_text("utf-8")
    version = server.ask("GET", "/v1/policy")[1]["version"]

    (server.folder / "policy.toml").write_text("[attributes.beauty]\nhold = 0.5\n", "utf-8")
    server.send(signal.SIGHUP)
    eventually(lambda: server.has_renewed(former))
    (server.folder / "policy.toml").write_text(policy, "utf-8")

    said = [event for event in server.events() if "beauty" in event["event"]]
    assert ["error"] == [event["level"] for event in said]
    assert said[0]["event"].startswith("The former model and policy stay in service: ")
    assert version == server.ask("GET", "/v1/policy")[1]["version"]


def test_an_administrator_rolls_a_release_out_and_back_without_a_restart(tmp_path: Path, empty_database: Path) -> None:
    """Two releases; the console names the other one, the workers are renewed, and again the other way."""
    shutil.copytree(ROOT / "models", tmp_path / "models")
    serves, _ = current(tmp_path / "models")
    shutil.copytree(tmp_path / "models" / serves, tmp_path / "models" / "2000.01.01")
    with serving(tmp_path, empty_database, VIGIE_MODELS=str(tmp_path / "models")) as server:
        engine, browser = store.open_engine(f"sqlite:///{tmp_path}/vigie.db"), build_opener(HTTPCookieProcessor())
        members.add_moderator(engine, "Anne", "administrator", hash_password(PASSWORD), datetime.now(UTC))
        engine.dispose()

        def visit(path: str, **form: str) -> str:
            body = urlencode(form).encode() if form else None
            with browser.open(f"http://127.0.0.1:{server.port}/moderation{path}", body, timeout=PATIENCE) as answer:
                return str(answer.read().decode())

        visit("/connexion", name="Anne", password=PASSWORD)
        for wanted in ("2000.01.01", serves):
            eventually(server.is_complete)
            former = server.workers()
            token = re.search(r'name="form_token" value="([^"]+)"', visit("/modele"))
            assert token
            told = visit("/modele", form_token=token[1], version=wanted)
            assert f"{wanted} sera en service dans quelques secondes" in told
            eventually(lambda former=former: server.has_renewed(former))
            assert wanted == server.ask("GET", "/readyz")[1]["model"]


def test_a_stop_lets_a_request_in_flight_end_and_leaves_nothing_behind(own_server: Server) -> None:
    with own_server.held(COMMENT) as finish:
        own_server.send(signal.SIGTERM)
        eventually(lambda: any(event["event"] == "Handling signal: term" for event in own_server.events()))
        status, judgement = finish()

    assert (201, "accept") == (status, judgement["decision"])
    assert 0 == own_server.process.wait(PATIENCE)
    assert [] == own_server.figures()
    assert "Essayez" in own_server.told()[0]
    events = [event["event"] for event in own_server.events()]  # each line is JSON, or this fails
    assert "Sans clé" in events[0]
    assert "Starting gunicorn" in events[1]
    assert f"Listening at: http://127.0.0.1:{own_server.port}" in events[2]
    assert "Shutting down: Master" == events[-1]
    assert all({"level", "logger", "timestamp"} <= event.keys() for event in own_server.events())
    assert 1 == sum(event.get("endpoint") == "v1.submit" for event in own_server.events())
    assert not re.search("Claire|Vasseur|documenté", "\n".join(own_server.told())), "what was sent is in the log"


def test_what_was_acknowledged_is_there_after_kill_9(own_server: Server) -> None:
    acknowledged: list[str] = []

    def send() -> None:
        try:
            while True:
                acknowledged.append(own_server.ask("POST", "/v1/comments", COMMENT)[1]["id"])
        except (OSError, ValueError, TypeError, HTTPException):
            pass  # the server is gone, in the middle of an answer perhaps

    callers = [threading.Thread(target=send) for _ in range(3)]
    for caller in callers:
        caller.start()
    eventually(lambda: len(acknowledged) >= 30)
    os.killpg(own_server.process.pid, signal.SIGKILL)  # master and workers at once
    for caller in callers:
        caller.join()

    engine = store.open_engine(f"sqlite:///{own_server.folder}/vigie.db")
    found = [store.find(engine, "default", id=told) for told in acknowledged]
    engine.dispose()
    assert acknowledged == [submission.id for submission in found if submission]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"VIGIE_PORT": "{taken}"}, r"expected 127\.0\.0\.1:{taken} to be free to serve on, found: Address already .*"),
        ({"VIGIE_COLOUR": "blue"}, r"VIGIE_COLOUR is not a setting of Vigie, expected one of VIGIE_ADDRESSES, .*"),
        # opened so, it can be read but not written, even by root
        ({"VIGIE_DATABASE": "sqlite:///file:{folder}/vigie.db?mode=ro&uri=true"}, r"OperationalError: .* readonly .*"),
    ],
    ids=["port taken", "unknown setting", "read-only database"],
)
def test_a_start_that_cannot_be_is_refused_in_one_sentence(
    settings: dict[str, str], sentence: str, tmp_path: Path, empty_database: Path
) -> None:
    shutil.copy(empty_database, tmp_path / "vigie.db")
    chosen = {"VIGIE_PORT": str(free_port()), "VIGIE_DATABASE": "sqlite:///{folder}/vigie.db"} | settings
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = {"taken": str(taken.getsockname()[1]), "folder": str(tmp_path)}
        for name, value in words.items():
            chosen = {key: setting.replace(f"{{{name}}}", value) for key, setting in chosen.items()}
            sentence = sentence.replace(f"{{{name}}}", value)
        with begin(tmp_path, **chosen) as process:
            try:
                code = process.wait(PATIENCE)
            finally:
                process.kill()  # it serves, if it was not refused

    told = (tmp_path / "log").read_text("utf-8")
    assert 1 == code
    assert re.fullmatch(rf"Error: {sentence}\n", told), told
    assert [] == list((tmp_path / "tmp").iterdir())
