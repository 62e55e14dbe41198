"""Which part an example belongs to: decided by its group's hash, for ever."""

import hashlib
from collections.abc import Mapping

PARTS = ("train", "test")


def part_of(group: str, shares: Mapping[str, float]) -> str:
    """Return train or test; *shares* are those of `[split]`, which add up to 1.

    Examples of one group (the same text, a text and its translation) always fall into the same part, and adding
    examples moves others only when a new text is the link between two groups.
    """
    place = int.from_bytes(hashlib.sha256(f"part:{group}".encode()).digest()[:8]) / 2**64
    for part in PARTS:
        place -= shares[part]
        if place < 0:
            return part
    return PARTS[-1]


def fold_of(group: str, folds: int) -> int:
    """Return the fold of cross-validation, 0 to *folds* - 1; independent of the part."""
    return int.from_bytes(hashlib.sha256(f"fold:{group}".encode()).digest()[:8]) % folds
