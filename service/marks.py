"""The words of a text that count, cut out for a page."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def marked(text: str, reasons: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, bool]]:
    """Cut *text* into pieces, in order: each with whether the spans of *reasons* show it."""
    place = 0
    for begin, end in sorted({(span["begin"], span["end"]) for reason in reasons for span in reason["spans"]}):
        if end > place:
            yield text[place:begin], False
            yield text[max(place, begin) : end], True
            place = end
    yield text[place:], False
