"""What a text means besides its words: the sentence encoder of a release, as a scikit-learn transformer."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime
import sentencepiece
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from service.domain import ATTRIBUTES
from service.text import reveal

GRAPH = "encoder.onnx"
TOKENIZER = "encoder.spm"
ABOUT = "encoder.json"
"""How the encoder was made, and what PyTorch said of a few texts: anybody can see that the file says the same."""
BEGIN, END = 1, 2
AT_ONCE = 4096
"""Places of one call of the runtime at most: the memory of a batch does not grow with it."""


class SentenceEncoder(TransformerMixin, BaseEstimator):
    """Read texts with the multilingual encoder that was fine-tuned for moderation.

    A text longer than *window* pieces is read in windows that overlap, so that one sentence of a long letter is not
    drowned by the others; its row is that of the worst window, with the highest log odds of any window for each
    attribute. A batch is read as its members are one by one, up to rounding.

    Parameters
    ----------
    folder : str or None, default=None
        Where `encoder.onnx` and `encoder.spm` lie. It does not travel with a pickle: whoever loads a release sets it.
    window : int, default=64
        Pieces that are read at once, begin and end included.
    threads : int, default=1
        Threads of one call. With 1 there is no pool of threads, so that a loaded encoder survives a fork.

    Source: Google's universal-sentence-encoder-multilingual v3 (Apache-2.0), fine-tuned by training/encoder.py.
    """

    def __init__(self, folder: str | None = None, window: int = 64, threads: int = 1) -> None:
        self.folder = folder
        self.window = window
        self.threads = threads

    def fit(self, X: Iterable[str], y: Any = None) -> Self:
        """Learn nothing: training/encoder.py has."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "folder": None, "_opened": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"window": 128, **state})  # 2026.11.25-2 had no choice

    def transform(self, X: Iterable[str]) -> NDArray[np.float32]:
        """Return an array of shape (n_texts, general + n_attributes): the general reading, then the log odds.

        Raises FileNotFoundError when the folder has no encoder.
        """
        session, tokenizer = self._open()
        width = session.get_outputs()[0].shape[1]
        owners, windows = [], []
        texts = 0
        for text in X:
            for window in windows_of(tokenizer.encode(reveal(_sound(text))), self.window):
                owners.append(texts)
                windows.append(window)
            texts += 1
        read = np.empty((len(windows), width), np.float32)
        for places in _batches(windows):
            longest = max(len(windows[place]) for place in places)
            pieces = np.full((len(places), longest), tokenizer.get_piece_size(), np.int64)
            for line, place in zip(pieces, places, strict=True):
                line[: len(windows[place])] = windows[place]
            read[places] = session.run(None, {"pieces": pieces})[0]
        if texts == len(windows):
            return read
        return worst(read, np.array(owners), texts)

    def _open(self) -> tuple[Any, Any]:
        key = (self.folder, self.threads)
        opened = self.__dict__.get("_opened")
        if opened is None or opened[0] != key:
            if self.folder is None or not (Path(self.folder) / GRAPH).is_file():
                raise FileNotFoundError(f"expected {GRAPH} in the encoder's folder, found {self.folder!r}")
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self.threads
            options.inter_op_num_threads = 1
            options.enable_cpu_mem_arena = False  # it never gives memory back after one long text
            options.log_severity_level = 3
            session = onnxruntime.InferenceSession(
                str(Path(self.folder) / GRAPH), options, providers=["CPUExecutionProvider"]
            )
            tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(Path(self.folder) / TOKENIZER))
            opened = self._opened = (key, session, tokenizer)
        return opened[1], opened[2]


def _sound(text: str) -> str:
    """Return *text* without lone surrogates, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def windows_of(pieces: Sequence[int], window: int) -> Iterator[list[int]]:
    """Yield the windows of a text, of at most *window* pieces, each with begin and end; neighbours share a quarter."""
    room = window - 2
    last = max(0, len(pieces) - room)
    for start in (*range(0, last, window - window // 4), last):
        yield [BEGIN, *pieces[start : start + room], END]


def _batches(windows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield places of *windows* of like length together, at most AT_ONCE places when padded."""
    batch: list[int] = []
    for place in sorted(range(len(windows)), key=lambda place: len(windows[place])):
        if batch and (len(batch) + 1) * len(windows[place]) > AT_ONCE:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def worst(read: NDArray[np.float32], owners: NDArray[np.intp], texts: int) -> NDArray[np.float32]:
    """Return a row for each text: that of its window with the highest log odds, with the highest of each attribute.

    read : (n_windows, n_numbers); owners : (n_windows,), the text of each.
    """
    odds = read[:, -len(ATTRIBUTES) :]
    rows = np.empty((texts, read.shape[1]), np.float32)
    for text in range(texts):
        own = np.flatnonzero(owners == text)
        rows[text] = read[own[odds[own].max(axis=1).argmax()]]
        rows[text, -len(ATTRIBUTES) :] = odds[own].max(axis=0)
    return rows
