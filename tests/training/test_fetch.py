"""Fetching the public corpora, from a server on this machine; every text here is invented."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from training import corpora, fetch
from training.sources import CORPORA

FTR = "id,tweet,label\n" + "".join(f"{number},texte {'x' * number},{number % 2}\n" for number in range(300))


@dataclass
class Origin:
    """A server of files, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    """Whether it honours a Range header."""
    cut_off: int = 0
    """How many answers it breaks off half-way."""
    errors: int = 0
    """How many requests it answers 503."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(origin: Origin) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            origin.asked.append((self.path, wanted))
            content = origin.files.get(self.path)
            if origin.errors:
                origin.errors -= 1
                self.send_error(503)
                return
            if content is None:
                self.send_error(404)
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and origin.ranges else 0
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            rest = content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            if origin.cut_off:
                origin.cut_off -= 1
                rest = rest[: len(rest) // 2]
            self.wfile.write(rest)

        def log_message(self, *_: object) -> None:
            """Say nothing on the console."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        origin.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Origin]:
    """A server that has a small FTR and the table to go with it."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    put(tmp_path / "measured" / "ftr" / "FTR_new_labels.csv", FTR)
    examples = corpora.read("ftr", tmp_path / "measured")
    whole = replace(
        CORPORA["ftr"],
        rows=len(examples),
        digest=corpora.digest(examples),
        sha256=hashlib.sha256(FTR.encode()).hexdigest(),
    )
    known = {**CORPORA, "ftr": whole}
    monkeypatch.setattr(corpora, "CORPORA", known)
    monkeypatch.setattr(fetch, "CORPORA", known)
    served = Origin(files={address("ftr"): FTR.encode()})
    with serving(served):
        yield served


def put(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(content)


def address(key: str, file: int = 0) -> str:
    corpus = CORPORA[key]
    return f"/{corpus.repository}/{corpus.commit}/{corpus.paths[file]}".replace(" ", "%20")


def fetched(origin: Origin, root: Path, *keys: str) -> list[str]:
    """Fetch *keys* from *origin*, and return what was told."""
    told: list[str] = []
    fetch.fetch(keys, root, told.append, origin=origin.url, timeout=5)
    return told


def test_a_corpus_is_fetched_once_and_checked(origin: Origin, tmp_path: Path) -> None:
    told = fetched(origin, tmp_path, "ftr")
    again = fetched(origin, tmp_path, "ftr")

    assert [f"ftr: FTR_new_labels.csv: {len(FTR):,} bytes", "ftr: 300 examples, as expected"] == told
    assert told[1:] == again
    assert [(address("ftr"), None)] == origin.asked
    assert ["FTR_new_labels.csv"] == [path.name for path in (tmp_path / "ftr").iterdir()]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_is_cut_off_goes_on(origin: Origin, tmp_path: Path, ranges: bool) -> None:
    origin.ranges, origin.cut_off = ranges, 1

    fetched(origin, tmp_path, "ftr")

    assert [None, f"bytes={len(FTR) // 2}-"] == [wanted for _, wanted in origin.asked]
    assert FTR == (tmp_path / "ftr" / "FTR_new_labels.csv").read_text()


def test_a_download_that_is_cut_off_for_good_goes_on_at_the_next_call(origin: Origin, tmp_path: Path) -> None:
    origin.cut_off = fetch.ATTEMPTS

    with pytest.raises(fetch.FetchError, match=r"cannot be read to its end \(\d+ bytes are missing\); fetch again"):
        fetched(origin, tmp_path, "ftr")
    assert [("ftr", "FTR_new_labels.csv")] == [pair for pair in corpora.missing(tmp_path) if pair[0] == "ftr"]
    there = (tmp_path / "ftr" / "FTR_new_labels.csv.part").stat().st_size
    origin.asked.clear()
    fetched(origin, tmp_path, "ftr")

    assert [(address("ftr"), f"bytes={there}-")] == origin.asked


def test_a_server_that_stumbles_is_asked_again(origin: Origin, tmp_path: Path) -> None:
    origin.errors = fetch.ATTEMPTS - 1

    assert "ftr: 300 examples, as expected" == fetched(origin, tmp_path, "ftr")[-1]


@pytest.mark.parametrize(("surplus", "requests"), [("", 1), ("more", 2)], ids=["whole", "too long"])
def test_a_part_that_needs_nothing_more_is_taken_only_when_it_has_the_right_length(
    origin: Origin, tmp_path: Path, surplus: str, requests: int
) -> None:
    put(tmp_path / "ftr" / "FTR_new_labels.csv.part", FTR + surplus)

    fetched(origin, tmp_path, "ftr")

    assert requests == len(origin.asked)
    assert FTR == (tmp_path / "ftr" / "FTR_new_labels.csv").read_text()


def test_a_file_with_another_digest_is_removed(origin: Origin, tmp_path: Path) -> None:
    origin.files[address("ftr")] = b"something else"

    with pytest.raises(fetch.FetchError, match=r"found a file with sha256 \w{64}, expected \w{64}; it was removed"):
        fetched(origin, tmp_path, "ftr")

    assert [] == list((tmp_path / "ftr").iterdir())


def test_a_failure_is_told_and_the_other_corpora_are_fetched(origin: Origin, tmp_path: Path) -> None:
    told: list[str] = []

    with pytest.raises(fetch.FetchError) as caught:
        fetch.fetch(["hatecheck", "ftr"], tmp_path, told.append, origin=origin.url, timeout=5)

    path = CORPORA["hatecheck"].paths[0]
    assert f"hatecheck: {path}: {origin.url}{address('hatecheck')} answered 404 Not Found" == str(caught.value)
    assert str(caught.value) in told
    assert "ftr: 300 examples, as expected" in told


def test_a_cut_corpus_is_fetched_with_its_benchmark_and_checked_by_its_examples(origin: Origin, tmp_path: Path) -> None:
    header = "msg_id,original_text,content,toxic,severe_toxic,obscene,threat,insult,identity_hate,split\n"
    rows = "".join(f"{row},{row} en,{row} fr,1,0,0,0,0,0,x\n" for row in ("one", "two", "three", "four", "five"))
    origin.files[address("jigsaw-fr")] = (header + rows).encode()
    origin.files[address("jigsaw-fr", 1)] = b"msg_id\none\n"

    with pytest.raises(fetch.FetchError) as caught:
        fetched(origin, tmp_path, "jigsaw-fr", "jigsaw-en-original")

    # Four invented rows arrived, each file once; they are not the examples that were measured.
    assert {address("jigsaw-fr"), address("jigsaw-fr", 1)} == {path for path, _ in origin.asked}
    assert 2 == len(origin.asked)
    first, second = str(caught.value).splitlines()
    assert first.startswith("jigsaw-fr: found 4 examples with digest ")
    assert second.startswith("jigsaw-en-original: found 4 examples with digest ")


def test_an_unknown_corpus_is_not_fetched(origin: Origin, tmp_path: Path) -> None:
    with pytest.raises(fetch.FetchError, match="found the corpora nope, expected some of toxifrench, "):
        fetched(origin, tmp_path, "nope")

    assert [] == origin.asked
