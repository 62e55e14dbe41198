"""A real WordPress, and a real Vigie for it to ask: processes on the loopback, each with a folder of its own."""

import base64
import html
import itertools
import json
import os
import pwd
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "integrations" / "wordpress" / "vigie"
UNPACKED = ROOT / "var" / "clients"
"""Where `tests/clients/install` leaves each WordPress, by the Debian that it comes from."""
PACKAGES = {"6.8": "trixie", "6.1": "bookworm"}
PASSWORD = "seulement-pour-un-essai-7"
PATIENCE = 60
"""Seconds until a test gives up; nothing takes as long."""

CONFIGURATION = """<?php
define( 'DB_NAME', 'wordpress' );
define( 'DB_USER', '{user}' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:{folder}/db/socket' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );
foreach ( array( 'AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE' ) as $name ) {{
    define( $name . '_KEY', hash( 'sha256', 'key of a test ' . $name ) );
    define( $name . '_SALT', hash( 'sha256', 'salt of a test ' . $name ) );
}}
$table_prefix = 'wp_';
define( 'WP_DEBUG', true );
define( 'WP_DEBUG_DISPLAY', false );
define( 'WP_DEBUG_LOG', '{folder}/debug.log' );
define( 'WP_HTTP_BLOCK_EXTERNAL', true );
define( 'WP_ACCESSIBLE_HOSTS', '127.0.0.1' );
define( 'AUTOMATIC_UPDATER_DISABLED', true );
define( 'DISABLE_WP_CRON', true ); // the tests say when
define( 'ABSPATH', __DIR__ . '/' );
require_once ABSPATH . 'wp-settings.php';
"""

numbers = itertools.count(1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def eventually(what: Callable[[], Any]) -> Any:
    """Ask *what* again and again, until it answers something true."""
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < end, f"still nothing after {PATIENCE} s"
        time.sleep(0.05)
    return found


def is_open(port: int) -> bool:
    with closing(socket.socket()) as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True)
class Answer:
    """A page, with the address at which a visitor has arrived."""

    status: int
    url: str
    text: str

    @property
    def words(self) -> str:
        """The page as it is read, without its tags."""
        unseen = re.sub(r"<(script|style)\b.*?</\1>", " ", self.text, flags=re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", unseen)).split())

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Visitor:
    """A browser without a window: it follows redirections and keeps cookies."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> Answer:
        return self._ask(Request(path if "://" in path else self.base + path))

    def post(self, path: str, **form: Any) -> Answer:
        return self._ask(Request(self.base + path, urlencode(form, doseq=True).encode()))

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send JSON."""
        content = {"Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return self._ask(Request(self.base + path, data, content | headers, method=method))

    def _ask(self, request: Request) -> Answer:
        try:
            with self.opener.open(request, timeout=PATIENCE) as answer:
                return Answer(answer.status, answer.url, answer.read().decode())
        except HTTPError as error:
            with error:
                return Answer(error.code, error.url or "", error.read().decode())


@dataclass
class Vigie:
    """`vigie serve` with a database and a key of its own; it can go away and come back at the same address."""

    folder: Path
    port: int
    settings: dict[str, str]
    key: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")}
        (self.folder / "tmp").mkdir(exist_ok=True)
        return inherited | {
            "TMPDIR": str(self.folder / "tmp"),
            "VIGIE_PORT": str(self.port),
            "VIGIE_DATABASE": f"sqlite:///{self.folder}/vigie.db",
            "VIGIE_ADDRESSES": "full",
            **self.settings,
        }

    def command(self, *words: str) -> str:
        program = Path(sys.executable).with_name("vigie")
        done = subprocess.run([program, *words], env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout

    def new_key(self, *options: str) -> str:
        return next(
            word for word in self.command("key", "new", *options).split() if re.fullmatch(r"[a-z0-9]{12}", word)
        )

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [Path(sys.executable).with_name("vigie"), "serve"],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(lambda: self._answers() or (self.process and self.process.poll() is not None))
        assert self.process.poll() is None, (self.folder / "log").read_text("utf-8")

    def stop(self) -> None:
        """End the master and its workers, at once: what it has acknowledged is kept all the same."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(PATIENCE)
            self.process = None

    @contextmanager
    def away(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    def _answers(self) -> bool:
        return is_open(self.port) and Visitor(self.url).get("/readyz").status == 200

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.folder / "vigie.db")) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def submissions(self, author: str) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM submissions WHERE name = ? ORDER BY received_at", author)

    def verdicts(self, author: str) -> list[tuple[str, str | None, bool]]:
        """Return the verdicts on what an author has written, the oldest first: decision, reason, whether it stands."""
        rows = self.rows(
            "SELECT verdicts.* FROM verdicts JOIN submissions ON submissions.id = submission_id WHERE name = ?"
            " ORDER BY verdicts.id",
            author,
        )
        return [(row["decision"], row["reason"], row["withdrawn_at"] is None) for row in rows]

    def calls(self, endpoint: str) -> int:
        """Return how often one of the API's views has been called, by its log."""
        return (self.folder / "log").read_text("utf-8").count(f'"endpoint": "{endpoint}"')


@dataclass
class WordPress:
    """An installed site in French."""

    folder: Path
    port: int
    version: str
    vigie: Vigie

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def site(self) -> Path:
        return self.folder / "site"

    def php(self, code: str, **values: Any) -> Any:
        """Run *code* inside the site as nobody, with *values* as its variables; return what it returns."""
        given = f"extract(json_decode(base64_decode('{_base64(values)}'), true));"
        done = subprocess.run(
            ["/usr/bin/php", Path(__file__).with_name("wordpress_run.php"), self.site, f"127.0.0.1:{self.port}"],
            input=given + code,
            capture_output=True,
            text=True,
            check=True,
            **_house(),
        )
        return json.loads(done.stdout.rpartition("\n")[2])

    def visitor(self, account: str | None = None) -> Visitor:
        """Return somebody who visits the site, signed in if he has an account."""
        visitor = Visitor(self.url)
        if account:
            visitor.get("/wp-login.php")
            page = visitor.post("/wp-login.php", log=account, pwd=PASSWORD, testcookie=1)
            assert "wp-login" not in page.url, page.words
        return visitor

    def comment(self, author: str, comment: str, **more: Any) -> Answer:
        """Send the form under the article."""
        form = {"comment_post_ID": 1, "comment_parent": 0, "url": "", "email": f"{_plain(author)}@example.org"}
        return self.visitor().post("/wp-comments-post.php", **(form | {"author": author, "comment": comment} | more))

    def comments(self, author: str) -> list[dict[str, Any]]:
        """Return what the site has of an author, the oldest first."""
        return list(
            self.php(
                "global $wpdb; return $wpdb->get_results($wpdb->prepare('SELECT * FROM wp_comments"
                " WHERE comment_author = %s ORDER BY comment_ID', $author));",
                author=author,
            )
        )

    def state(self, author: str) -> str:
        """Return the state of an author's only comment, as WordPress writes it: 1, 0, spam, trash."""
        (comment,) = self.comments(author)
        return str(comment["comment_approved"])

    def number(self, author: str) -> int:
        return int(self.comments(author)[-1]["comment_ID"])

    def choose(self, **chosen: Any) -> None:
        """Choose settings of the plugin; what is not named gets its default."""
        given = {"url": self.vigie.url, "key": self.vigie.key} | chosen
        self.php("update_option('vigie', $given); delete_option('vigie_fault'); return 1;", given=given)

    def configure(self, **options: Any) -> None:
        self.php("foreach ($options as $name => $value) update_option($name, $value); return 1;", options=options)

    def run_cron(self, event: str = "vigie_catch_up") -> None:
        """Let WP-Cron do now what it was to do in some minutes."""
        self.php(
            "$at = wp_next_scheduled($event); if ($at) { wp_unschedule_event($at, $event);"
            " wp_schedule_single_event(time() - 1, $event); } delete_transient('doing_cron'); return 1;",
            event=event,
        )
        self.visitor().get("/wp-cron.php")

    def put_plugin(self) -> None:
        """Copy the plugin into the site and activate it."""
        target = self.site / "wp-content" / "plugins" / "vigie"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(PLUGIN, target)
        _give(target)
        assert self.php("return activate_plugin('vigie/vigie.php');") is None

    def complaints(self, about: str = "plugins/vigie") -> list[str]:
        """Return what PHP has complained about in the plugin."""
        log = self.folder / "debug.log"
        return [line for line in log.read_text("utf-8").splitlines() if about in line] if log.exists() else []


@contextmanager
def options(site: WordPress, **chosen: Any) -> Iterator[None]:
    """Change options of WordPress for a while."""
    former = site.php("return array_map('get_option', array_combine($names, $names));", names=list(chosen))
    site.configure(**chosen)
    try:
        yield
    finally:
        site.configure(**former)


def click(visitor: Visitor, number: int, action: str) -> None:
    """Follow the link of the comment list that does something to one comment."""
    for status in ("", "?comment_status=spam", "?comment_status=trash"):
        page = visitor.get(f"/wp-admin/edit-comments.php{status}")
        links = re.findall(r"comment\.php\?[^\"']+", html.unescape(page.text))
        link = next((each for each in links if f"c={number}&" in each and f"action={action}&" in each), None)
        if link:
            assert 200 == visitor.get(f"/wp-admin/{link}").status
            return
    raise AssertionError(page.words)


@contextmanager
def vigie(**settings: str) -> Iterator[Vigie]:
    with tempfile.TemporaryDirectory(prefix="vigie-") as folder:
        served = Vigie(Path(folder), free_port(), settings)
        served.command("db", "upgrade")
        served.key = served.new_key("--note", "WordPress")
        served.start()
        try:
            yield served
        finally:
            served.stop()


@contextmanager
def wordpress(version: str, served: Vigie, *, plugin: bool = True) -> Iterator[WordPress]:
    """Install a WordPress in French, with our *plugin* unless told otherwise; ends everything that it starts."""
    source = UNPACKED / f"wordpress-{PACKAGES[version]}"
    for needed in (source / "complete", Path("/usr/bin/php"), Path("/usr/sbin/mariadbd")):
        assert needed.exists(), f"{needed} is not there: run tests/clients/install"
    with tempfile.TemporaryDirectory(prefix="vigie-wordpress-") as name:
        folder = Path(name)
        _lay_out(folder, source)
        with _database(folder), _php(folder) as port:
            site = WordPress(folder, port, version, served)
            answer = site.visitor().post(
                "/wp-admin/install.php?step=2",
                weblog_title="Le Journal",
                user_name="admin",
                admin_password=PASSWORD,
                admin_password2=PASSWORD,
                pw_weak="on",
                admin_email="admin@example.org",
                blog_public=0,
                Submit="Install",
                language="fr_FR",
            )
            assert answer.status == 200, answer.words
            site.configure(comment_previously_approved=0, comment_moderation=0, show_avatars=0)
            for login, role in (("anne", "editor"), ("luc", "author"), ("zoe", "subscriber")):
                given = {"user_login": login, "user_pass": PASSWORD, "user_email": f"{login}@example.org", "role": role}
                site.php("return wp_insert_user($given);", given=given)
            if plugin:
                site.put_plugin()
            yield site


def _lay_out(folder: Path, source: Path) -> None:
    folder.chmod(0o755)
    for name in ("db", "tmp"):
        (folder / name).mkdir()
    shutil.copytree(source / "usr" / "share" / "wordpress", folder / "site", symlinks=True)
    for link in [path for path in (folder / "site").rglob("*") if path.is_symlink()]:
        # To a file of another package, as seen from where the package would be if it were installed.
        target = Path("/usr/share/wordpress", link.relative_to(folder / "site")).parent / link.readlink()
        link.unlink()
        if target.is_file():
            shutil.copy(target, link)
    plugins = folder / "site" / "wp-content" / "mu-plugins"
    plugins.mkdir(exist_ok=True)
    shutil.copy(Path(__file__).with_name("wordpress_site.php"), plugins)
    (folder / "site" / "wp-config.php").unlink(missing_ok=True)
    user = pwd.getpwuid(_house().get("user", os.geteuid())).pw_name
    (folder / "site" / "wp-config.php").write_text(CONFIGURATION.format(user=user, folder=folder), "utf-8")
    _give(folder)


@contextmanager
def _database(folder: Path) -> Iterator[None]:
    options = ["--no-defaults", f"--datadir={folder}/db"]
    user = pwd.getpwuid(_house().get("user", os.geteuid())).pw_name
    accounts = ["--auth-root-authentication-method=socket", f"--auth-root-socket-user={user}", "--skip-test-db"]
    with (folder / "db.log").open("wb") as log:
        told: dict[str, Any] = {"stdout": log, "stderr": subprocess.STDOUT} | _house()
        subprocess.run(["mariadb-install-db", *options, *accounts], check=True, **told)
        own = [f"--socket={folder}/db/socket", "--skip-networking", "--innodb-flush-log-at-trx-commit=0"]
        process = subprocess.Popen(["/usr/sbin/mariadbd", *options, *own], **told)
    ask = ["mariadb", "--no-defaults", f"--user={user}", f"--socket={folder}/db/socket"]
    create = "CREATE DATABASE IF NOT EXISTS wordpress CHARACTER SET utf8mb4"
    try:
        eventually(lambda: subprocess.run([*ask, "-e", create], capture_output=True, **_house()).returncode == 0)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextmanager
def _php(folder: Path) -> Iterator[int]:
    port = free_port()
    options = ["-d", f"sys_temp_dir={folder}/tmp", "-d", f"error_log={folder}/debug.log"]
    with (folder / "php.log").open("wb") as log:
        process = subprocess.Popen(
            ["/usr/bin/php", *options, "-S", f"127.0.0.1:{port}", "-t", folder / "site"],
            env=os.environ | {"PHP_CLI_SERVER_WORKERS": "3"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **_house(),
        )
    try:
        eventually(lambda: is_open(port))
        yield port
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its workers keep the port when only the master goes
        process.wait(PATIENCE)


def _house() -> dict[str, Any]:
    """Return as whom MariaDB and PHP run: as who tests, but never as root."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("mysql")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _give(folder: Path) -> None:
    """Give *folder*, with all that is in it, to whom the site runs as."""
    if house := _house():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, house["user"], house["group"], follow_symlinks=False)


def _base64(values: Any) -> str:
    return base64.b64encode(json.dumps(values).encode()).decode()


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower()) or "anonyme"
