"""Figures of trained classifiers: curves with spread, comparisons, what a network looks at."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor

from tarea2.models import ReceptiveField
from tarea2.plots import style
from tarea2.plots.narrow import also_narrow
from tarea2.typography import number


@also_narrow
def signals(
    x: np.ndarray, y: np.ndarray, examples: int = 3, width: float = style.PAGE
) -> Figure:  # fmt: skip
    """Draw some signals of each of ten classes."""
    rows, columns = (5, 2) if style.is_narrow(width) else (2, 5)
    fig, axes = style.figure(rows, columns, width, 1.25 * rows, sharex=True, sharey=True)
    for label, ax in enumerate(axes.flat):
        for number_, signal in enumerate(x[y == label][:examples]):
            ax.plot(signal, lw=0.9, color=style.CYCLE[number_], ls=style.LINES[number_])
        ax.set_title(f"clase {label}", fontsize=7.5)
        ax.set_xticks([0, 20, 39])
    for ax in axes[-1]:
        ax.set_xlabel("posición")
    for ax in axes[:, 0]:
        ax.set_ylabel("valor")
    plt.close(fig)
    return fig


@also_narrow
def curves(
    table: pd.DataFrame, panels: Sequence[tuple[str, str]], kind: str = "error",
    width: float = style.PAGE,
) -> Figure:  # fmt: skip
    """Draw training and validation curves: mean over seeds, band of one standard deviation.

    ``panels`` lists (run name, title); ``kind`` is ``"error"`` (drawn in per cent) or ``"loss"``.
    """
    fig, axes = style.figure(1, len(panels), width, 2.5, stacks=True, sharey=True, squeeze=False)
    scale = 100 if kind == "error" else 1
    for ax, (name, title) in zip(axes[0], panels, strict=True):
        runs = table[table["name"] == name]
        for place, (split, label) in enumerate(
            (("train", "entrenamiento"), ("validation", "validación"))
        ):
            values = scale * np.array([history[split][kind] for history in runs["history"]])
            epochs = np.arange(values.shape[1])
            mean, spread = values.mean(0), values.std(0, ddof=1)
            colour = style.CYCLE[place]
            ax.plot(epochs, mean, color=colour, ls=style.LINES[place], label=label)
            ax.fill_between(epochs, mean - spread, mean + spread, color=colour, alpha=0.2, lw=0)
        ax.set_title(title)
        ax.set_xlabel("época")
        ax.grid(axis="y")
    axes[0, 0].set_ylabel("error (%)" if kind == "error" else "pérdida")
    axes[0, 0].set_ylim(bottom=0)
    axes[0, 0].legend()
    plt.close(fig)
    return fig


@also_narrow
def published(
    rows: Sequence[tuple[str, float, float | None, bool]], width: float = style.PAGE
) -> Figure:
    """Compare accuracies: (name, mean, standard deviation or None, ours); sorted bars."""
    rows = sorted(rows, key=lambda row: row[1])
    fig, ax = style.figure(width=width, height=0.5 + 0.27 * len(rows))
    for place, (_, mean, spread, ours) in enumerate(rows):
        ax.barh(
            place, 100 * mean, height=0.68, color=style.BLUE if ours else "#C9CED4",
            hatch=None if ours else "///", edgecolor="white" if ours else style.GREY, lw=0.4,
        )  # fmt: skip
        if spread is not None:
            ax.errorbar(100 * mean, place, xerr=100 * spread, color="black", capsize=2, lw=1)
        text = number(100 * mean, 1 if ours else 0)
        ax.text(100 * (mean + (spread or 0)) + 1, place, text, va="center", fontsize=7.5)
    ax.set_yticks(range(len(rows)), [row[0] for row in rows])
    ax.set_xlim(0, 106)
    ax.set_xlabel("exactitud en el conjunto de prueba (%)")
    ax.tick_params(axis="y", length=0)
    plt.close(fig)
    return fig


@also_narrow
def paired(
    differences: Sequence[tuple[str, np.ndarray]], xlabel: str, width: float = style.PAGE
) -> Figure:
    """Draw paired differences, one dot per seed and a line at their mean."""
    fig, ax = style.figure(width=width, height=0.75 + 0.42 * len(differences))
    ax.axvline(0, color=style.GREY, lw=0.8)
    for place, (_, values) in enumerate(differences):
        ax.plot(values, np.full(len(values), place), "o", color=style.BLUE, alpha=0.7)
        ax.plot([values.mean()] * 2, [place - 0.3, place + 0.3], color=style.VERMILION, lw=2)
    ax.set_yticks(range(len(differences)), [name for name, _ in differences])
    ax.set_ylim(len(differences) - 0.5, -0.5)
    ax.set_xlabel(xlabel)
    ax.tick_params(axis="y", length=0)
    plt.close(fig)
    return fig


@also_narrow
def filters(weights: np.ndarray, width: float = style.PAGE) -> Figure:
    """Draw 1-D filters ``(count, taps)`` as stems, sorted by where their weight lies."""
    order = np.argsort(weights @ np.linspace(-1, 1, weights.shape[1]))
    fig, axes = style.figure(3, -(-len(weights) // 3), width, 2.3, sharex=True, sharey=True)
    for ax, index in zip(axes.flat, order, strict=True):
        ax.axhline(0, color="#BBBBBB", lw=0.6)
        positions = np.arange(weights.shape[1])
        colours = [style.BLUE if value > 0 else style.VERMILION for value in weights[index]]
        ax.bar(positions, weights[index], color=colours, width=0.7)
        ax.set_xticks(positions, [str(p + 1) for p in positions])
        ax.tick_params(labelsize=6.5)
    for ax in axes[-1]:
        ax.set_xlabel("peso", fontsize=7)
    plt.close(fig)
    return fig


@also_narrow
def receptive_fields(
    signal: np.ndarray, layers: Sequence[ReceptiveField], sizes: Sequence[int],
    width: float = style.PAGE,
) -> Figure:  # fmt: skip
    """Draw a signal and, under it, what the middle cell of each layer sees of it."""
    fig, ax = style.figure(width=width, height=2.3)
    low, high = float(signal.min()), float(signal.max())
    ax.plot((signal - low) / (high - low) * 1.6 + 0.4, color=style.GREY, marker=".", lw=1)
    for level, (layer, size) in enumerate(zip(layers, sizes, strict=True)):
        centre = layer.start + (size // 2) * layer.jump
        left, y = centre - (layer.size - 1) / 2, -0.55 * level - 0.2
        colour = style.CYCLE[level % len(style.CYCLE)]
        ax.plot([left, left + layer.size - 1], [y, y], color=colour, lw=5, solid_capstyle="butt")
        ax.plot(
            layer.start + layer.jump * np.arange(size), np.full(size, y - 0.22), "|",
            color=colour, ms=6,
        )  # fmt: skip
        ax.text(len(signal) + 0.3, y - 0.1, f"{layer.layer}: {layer.size}", va="center",
                fontsize=7.5, color=colour)  # fmt: skip
    ax.set_yticks([])
    ax.set_xlabel("posición en la señal")
    ax.spines["left"].set_visible(False)
    ax.set_xlim(-0.5, len(signal) + 8)
    ax.set_xticks(range(0, len(signal), 5))
    plt.close(fig)
    return fig


@also_narrow
def digits(
    images: Tensor, titles: Sequence[str], columns: int = 6, width: float = style.PAGE
) -> Figure:
    """Show digits in a grid, each with a short text above."""
    rows = -(-len(titles) // columns)
    fig, axes = style.figure(rows, columns, width, 1.28 * rows * width / style.PAGE, squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, title in zip(axes.flat, images, titles, strict=False):
        ax.imshow(image.squeeze().numpy(), cmap="gray_r")
        ax.set_title(title, fontsize=7)
    plt.close(fig)
    return fig


@also_narrow
def feature_maps(maps: dict[str, Tensor], columns: int = 10, width: float = style.PAGE) -> Figure:
    """Show what a network makes of one image: a row (or two) of maps per step."""
    lines = [(name, part) for name, step in maps.items() for part in step[0].split(columns)]
    each = 0.46 if style.is_narrow(width) else 0.66
    fig, axes = style.figure(len(lines), columns, width, each * len(lines), squeeze=False)
    previous = None
    for line, (name, part) in zip(axes, lines, strict=True):
        for ax in line:
            ax.axis("off")
        for ax, image in zip(line, part, strict=False):
            ax.imshow(image.numpy(), cmap="gray_r" if len(part) == 1 else style.SEQUENTIAL)
        if name != previous:
            size = part.shape[-1]
            line[0].set_title(f"{name} ({size} × {size})", fontsize=7.5, loc="left")
        previous = name
    plt.close(fig)
    return fig


@also_narrow
def against_shift(
    lines: Sequence[tuple[str, np.ndarray]], pixels: Sequence[int], width: float = 4.6
) -> Figure:
    """Accuracy against displacement: mean over seeds ``(seeds, pixels)`` and deviation."""
    fig, ax = style.figure(width=width, height=2.5)
    for place, (name, values) in enumerate(lines):
        ax.errorbar(
            pixels, 100 * values.mean(0), yerr=100 * values.std(0, ddof=1), label=name,
            color=style.CYCLE[place], marker=style.MARKERS[place], ls=style.LINES[place], capsize=2,
        )  # fmt: skip
    ax.axhline(10, color=style.GREY, lw=0.8, ls=":")
    ax.text(pixels[0], 11.5, "azar", fontsize=7, color=style.GREY)
    ax.set_xlabel("desplazamiento (px)")
    ax.set_ylabel("exactitud en el conjunto de prueba (%)")
    ax.set_ylim(0, 102)
    ax.grid(axis="y")
    ax.legend()
    plt.close(fig)
    return fig
