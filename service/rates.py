"""How often each key may ask: counted together by all workers of one machine."""

from multiprocessing.sharedctypes import RawArray
from time import time

SLOTS = 1024
"""Keys whose numbers differ by a multiple of it share one count."""
MINUTE = 60.0


class Rates:
    """Counts of this minute and the one before, in memory that the workers share since they were forked.

    The counts have no lock: a worker that is killed could never give it back. Two workers that count at the very same
    moment may count once; a limit against run-away programs can bear that.
    """

    def __init__(self) -> None:
        self.counts = RawArray("q", 3 * SLOTS)

    def wait(self, number: int, most: int, units: int = 1, now: float | None = None) -> float:
        """Count *units* for key *number*, which may have *most* a minute; return the seconds to wait, 0 when it may.

        What is refused is not counted. The minute slides: the former one counts by the share that still overlaps.
        """
        minute, inside = divmod(time() if now is None else now, MINUTE)
        place = 3 * (number % SLOTS)
        since, count, before = self.counts[place : place + 3]
        if since != int(minute):
            count, before = 0, count if since == int(minute) - 1 else 0
        used = count + before * (1 - inside / MINUTE)
        allowed = used + units <= most or used == 0  # a batch that is larger than the limit passes alone
        self.counts[place : place + 3] = [int(minute), count + units * allowed, before]
        return 0.0 if allowed else max(1.0, _until_it_fits(count, before, inside, max(0, most - units)))


def _until_it_fits(count: int, before: int, inside: float, free: int) -> float:
    """Return the seconds until what slides out of the minute leaves no more than *free* of it."""
    if count <= free and before:
        return MINUTE * (1 - (free - count) / before) - inside
    return MINUTE - inside + MINUTE * (1 - free / count if count > free else 0)
