"""Downloads the public corpora from their origins, resumes what was cut off, and checks what arrived."""

import hashlib
import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection
from http import HTTPStatus
from pathlib import Path
from typing import Final

from training.corpora import local_path, missing, read, verify
from training.examples import CorpusError
from training.sources import CORPORA, Corpus

ORIGIN: Final = "https://raw.githubusercontent.com"
TIMEOUT: Final = 60.0
"""Seconds without a byte after which a download counts as cut off."""
ATTEMPTS: Final = 3
CHUNK: Final = 1 << 16


class FetchError(Exception):
    """A file could not be had, or is not the one that was expected."""


def fetch(
    keys: Collection[str],
    root: Path,
    progress: Callable[[str], None],
    *,
    origin: str = ORIGIN,
    timeout: float = TIMEOUT,
) -> None:
    """Download every missing file of the corpora *keys* below *root*, then check the examples of each.

    A file that fails does not keep the others from being fetched. What arrived of it stays beside its place as `.part`,
    from where the next call goes on. *progress* is told one line per file and corpus; *timeout* is in seconds.

    Raises:
        FetchError: at the end, with one line per file or corpus that failed.
    """
    if unknown := sorted(set(keys) - set(CORPORA)):
        raise FetchError(f"found the corpora {', '.join(unknown)}, expected some of {', '.join(CORPORA)}")
    faults: dict[str, list[str]] = {key: [] for key in keys}
    for key, path in missing(root):
        # Two corpora may be read from one file.
        if key not in faults or (target := local_path(root, CORPORA[key], path)).exists():
            continue
        try:
            size = _download(_url(origin, CORPORA[key], path), target, _expected(CORPORA[key], path), timeout)
        except FetchError as error:
            faults[key].append(f"{key}: {path}: {error}")
            progress(faults[key][-1])
        else:
            progress(f"{key}: {path}: {size:,} bytes")
    for key, failed in faults.items():
        if failed:
            continue
        try:
            verify(key, read(key, root))
            progress(f"{key}: {CORPORA[key].rows:,} examples, as expected")
        except CorpusError as error:
            failed.append(f"{error}; remove {root / CORPORA[key].folder} to fetch it again")
            progress(failed[-1])
    if lines := [line for failed in faults.values() for line in failed]:
        raise FetchError("\n".join(lines))


def _url(origin: str, corpus: Corpus, path: str) -> str:
    return f"{origin}/{corpus.repository}/{corpus.commit}/{urllib.parse.quote(path)}"


def _expected(corpus: Corpus, path: str) -> str:
    """Return the sha256 that the file must have, or "" where only its examples can be checked."""
    return corpus.sha256 if path == corpus.paths[0] else ""


def _download(url: str, target: Path, sha256: str, timeout: float) -> int:
    """Download *url* to *target* and return its size in bytes; *target* never holds half a file or a wrong one."""
    part = target.with_name(f"{target.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _continue(url, part, timeout)
            break
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise FetchError(f"{url} answered {error.code} {error.reason}") from error
            if attempt == ATTEMPTS:
                raise FetchError(f"{url} cannot be read to its end ({error}); fetch again to go on") from error
    found = hashlib.sha256(part.read_bytes()).hexdigest()
    if sha256 and found != sha256:
        part.unlink()
        raise FetchError(f"found a file with sha256 {found}, expected {sha256}; it was removed")
    part.replace(target)
    return target.stat().st_size


def _continue(url: str, part: Path, timeout: float) -> None:
    """Append to *part* what it lacks of *url*, or write it anew when the server sends the whole.

    Raises:
        OSError: when the connection fails or ends early; *part* keeps what came.
    """
    there = part.stat().st_size if part.exists() else 0
    # Without "identity" a server may compress, and a range of compressed bytes cannot be appended.
    headers = {"Accept-Encoding": "identity", "User-Agent": "vigie-training"}
    if there:
        headers["Range"] = f"bytes={there}-"
    try:
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - begins with ORIGIN
        response = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310
    except urllib.error.HTTPError as error:
        if there and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            if error.headers.get("Content-Range") == f"bytes */{there}":
                return
            part.unlink()
            raise OSError(f"{part.name} is longer than the file, and was removed") from error
        raise
    resumed = response.status == HTTPStatus.PARTIAL_CONTENT
    with response, part.open("ab" if resumed else "wb") as file:
        while chunk := response.read(CHUNK):
            file.write(chunk)
        # A connection that closes early ends the loop like one that is done.
        if response.length:
            raise OSError(f"{response.length} bytes are missing")
