"""Older spellings of the commands for own images, which go on working.

``train segmentation --images …``, ``predict [images] --model …`` and ``report …`` are
``images train``, ``images predict`` and ``images report``.
"""

from __future__ import annotations

from collections.abc import Sequence

MODELS = ("mnist1d", "segmentation", "camvid", "numbers")  # what `predict` has of the project
# Options of `train` without a value.
FLAGS = (
    "--force", "--dry-run", "--allow-missing", "--allow-duplicates", "--objects", "--classes",
    "--help",
)  # fmt: skip
OWN_IMAGES = (
    "--images", "--masks", "--name", "--epochs", "--steps", "--lr", "--dry-run", "--allow-missing",
    "--allow-duplicates", "--values", "--ignore", "--threshold", "--colours", "--background",
    "--objects", "--classes", "--size", "--crop", "--group", "--class-weights", "--augment",
)  # fmt: skip


def renamed(arguments: Sequence[str]) -> list[str] | None:
    """What an older spelling is called; None for any other command line.

    Raises ValueError for one that never meant anything.
    """
    if not arguments:
        return None
    command, *rest = arguments
    if command == "report":
        return ["images", "report", *rest]
    if command == "predict":
        if rest[:1] == ["images"]:
            return ["images", "predict", *rest[1:]]
        if rest[:1] and rest[0] not in MODELS and {"--model", "-m"} & _options(rest):
            return ["images", "predict", *rest]
    if command == "train" and set(OWN_IMAGES) & _options(rest):
        return ["images", "train", *_without_study(rest)]
    return None


def _options(arguments: Sequence[str]) -> set[str]:
    return {argument.partition("=")[0] for argument in arguments if argument.startswith("-")}


def _without_study(arguments: Sequence[str]) -> list[str]:
    """Options of own images without the study, which was always the same."""
    given = _options(arguments)
    command = "`tarea2 images train --images DIR --masks DIR`"
    if not {"--images", "--masks"} & given:
        said = ", ".join(option for option in OWN_IMAGES if option in given)
        raise ValueError(f"{said}: these belong to own images, to {command}")
    if not {"--images", "--masks"} <= given:
        raise ValueError(f"--images and --masks belong together, as in {command}")
    kept, studies, value = [], [], False
    for argument in arguments:
        if value or argument.startswith("-"):
            kept.append(argument)
            value = not value and "=" not in argument and argument not in FLAGS
        else:
            studies.append(argument)
    if studies != ["segmentation"]:
        raise ValueError(f"--images and --masks belong to the study segmentation: {command}")
    return kept
