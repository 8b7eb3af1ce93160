"""What the course of a training says of it."""

from __future__ import annotations

from typing import Any

import numpy as np


def worth_more_steps(history: dict[str, Any]) -> str:
    """Whether the learning curve says that training was too short, in one sentence; else ``""``.

    It does where the validation score rose by more than 0.02 during the last fifth of the epochs,
    or where the training loss fell by less than half in all.
    """
    scores = [v for v in history["validation"]["miou"] if v is not None and not np.isnan(v)]
    loss = history.get("running", {}).get("loss", [])
    fifth = len(scores) // 5
    if fifth and np.mean(scores[-fifth:]) - np.mean(scores[-2 * fifth : -fifth]) > 0.02:
        return "the validation score still rose in the last fifth of the epochs"
    if len(loss) > 1 and loss[-1] > loss[0] / 2:
        ends = f"from {loss[0]:.2g} to {loss[-1]:.2g}"
        if f"{loss[0]:.2g}" == f"{loss[-1]:.2g}":
            return f"the training loss stayed at {loss[0]:.2g}"
        if loss[-1] > loss[0]:
            return f"the training loss rose {ends}"
        return f"the training loss fell {ends} only"
    return ""
