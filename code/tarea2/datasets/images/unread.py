"""Pairs of which a file cannot be read: refused, or left out on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tarea2.datasets.images.pairing import Pair, shown
from tarea2.datasets.split import DataError


def readable(
    pairs: Sequence[Pair], unread: Mapping[Pair, str], allowed: bool, least: int
) -> tuple[list[Pair], list[str]]:
    """The pairs that were read, and what is said of the others; ``unread``: why each was not.

    Raises DataError where leaving out is not ``allowed``, or fewer than ``least`` pairs are left.
    """
    left = [pair for pair in pairs if pair not in unread]
    if not unread:
        return left, []
    first, count = next(iter(unread.values())), len(unread)
    more = f" and {count - 1} others" if count > 1 else ""
    if not allowed:
        raise DataError(f"{first}{more}; leave such out with --allow-missing")
    if len(left) < least:
        raise DataError(f"{first}{more}; {len(left)} pairs are left, expected at least {least}")
    return left, [f"left out, as they cannot be read: {count}: {shown([*unread.values()])}"]
