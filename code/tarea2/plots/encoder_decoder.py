"""Figures of the encoder-decoder chapter: the diagram, reconstructions, codes, sequences."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Polygon, Rectangle
from torch import Tensor

from tarea2.datasets import number_words
from tarea2.plots import style
from tarea2.plots.narrow import also_narrow
from tarea2.typography import number, percent


@also_narrow
def diagram(
    levels: Sequence[tuple[str, int, int]], skips: bool = False, width: float = style.PAGE
) -> Figure:
    """Draw an encoder-decoder as boxes, from its ``levels`` (name, channels, side).

    The height of a box is its side, its width its channels, both on a root scale. The first half
    of the levels is the encoder, the middle one the code.
    """
    fig, ax = style.figure(width=width, height=1.7)
    lower = 0.45 if style.is_narrow(width) else 0.0  # of every second name, which is too long
    middle, x, places = len(levels) // 2, 0.0, []
    for place, (name, channels, side) in enumerate(levels):
        width, height = 0.16 * channels**0.5, 0.36 * side**0.5
        colour = style.BLUE if place < middle else style.ORANGE
        colour = style.GREEN if place == middle else colour
        ax.add_patch(Rectangle((x, -height / 2), width, height, fc=colour, ec="white", alpha=0.85))
        below = -height / 2 - 0.12 - lower * (place % 2)
        ax.text(x + width / 2, below, name, ha="center", va="top", fontsize=7)
        ax.text(
            x + width / 2, height / 2 + 0.08, f"{channels} × {side}²", ha="center", fontsize=6.5
        )
        places.append((x, x + width, height))
        x += width + 0.62
    for (_, right, _), (left, _, _) in itertools.pairwise(places):
        ax.add_patch(FancyArrowPatch((right + 0.04, 0), (left - 0.04, 0), arrowstyle="-|>",
                                     mutation_scale=9, color=style.GREY, lw=1))  # fmt: skip
    if skips:
        for place in range(middle):
            (left, right, height), (other, _, _) = places[place], places[-1 - place]
            top = height / 2 + 0.42
            start, end = (left + right) / 2, other + 0.1
            ax.plot([start, start, end, end], [top - 0.08, top, top, top - 0.08],
                    color=style.GREY, ls="--", lw=0.9)  # fmt: skip
    ax.set_xlim(-0.2, x - 0.4)
    highest = max(height for *_, height in places)
    ax.set_ylim(-highest / 2 - 0.5 - lower, highest / 2 + 0.75)
    ax.set_aspect("equal")
    ax.axis("off")
    plt.close(fig)
    return fig


@also_narrow
def funnel(n: str, d: str, m: str, width: float = style.PAGE) -> Figure:
    """Draw the idea: input, encoder, code, decoder, output."""
    fig, ax = style.figure(width=width, height=1.7)
    for corners, colour, text in (
        ([(1.2, -1), (1.2, 1), (3, 0.35), (3, -0.35)], style.BLUE, r"$f_{\mathrm{enc}}$"),
        ([(4.2, -0.35), (4.2, 0.35), (6, 1), (6, -1)], style.ORANGE, r"$f_{\mathrm{dec}}$"),
    ):
        ax.add_patch(Polygon(corners, fc=colour, alpha=0.85, ec="none"))
        centre = np.mean(corners, axis=0)
        ax.text(*centre, text, ha="center", va="center", color="white", fontsize=11)
    for x, height, symbol, size, colour in (
        (0.55, 1.0, r"$\mathbf{x}$", n, style.GREY),
        (3.6, 0.35, r"$\mathbf{z}$", d, style.GREEN),
        (6.65, 1.0, r"$\hat{\mathbf{y}}$", m, style.GREY),
    ):
        ax.add_patch(Rectangle((x - 0.12, -height), 0.24, 2 * height, fc=colour, ec="none"))
        ax.text(x, height + 0.12, symbol, ha="center", fontsize=10)
        ax.text(x, -height - 0.15, size, ha="center", va="top", fontsize=7.5)
    for left, right in ((0.72, 1.15), (3.05, 3.42), (3.78, 4.15), (6.05, 6.48)):
        ax.add_patch(FancyArrowPatch((left, 0), (right, 0), arrowstyle="-|>", mutation_scale=9,
                                     color="black", lw=1))  # fmt: skip
    ax.set_xlim(-0.1, 7.3)
    ax.set_ylim(-1.55, 1.5)
    ax.axis("off")
    plt.close(fig)
    return fig


@also_narrow
def against_pca(
    sizes: Sequence[int], autoencoder: np.ndarray, pca: Sequence[float], width: float = 4.2
) -> Figure:
    """Reconstruction error against the size of the code: ``(seeds, sizes)`` and PCA's."""
    fig, ax = style.figure(width=width, height=2.5)
    ax.plot(sizes, pca, marker="s", ls="--", color=style.VERMILION, label="PCA")
    ax.errorbar(sizes, autoencoder.mean(0), yerr=autoencoder.std(0, ddof=1), marker="o",
                color=style.BLUE, capsize=2, label="autoencoder")  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(sizes, [str(s) for s in sizes])
    ticks = (0.1, 0.2, 0.5, 1, 2, 4)
    ax.set_yticks(ticks, [number(t) for t in ticks])
    ax.minorticks_off()
    ax.set_xlabel("números del código, d")
    ax.set_ylabel("error cuadrático por dígito")
    ax.grid()
    ax.legend()
    plt.close(fig)
    return fig


@also_narrow
def reconstructions(rows: Sequence[tuple[str, Tensor]], width: float = style.PAGE) -> Figure:
    """Show rows of 8×8 digits ``(n, 1, 8, 8)``, each with its name."""
    columns = len(rows[0][1])
    fig, axes = style.figure(len(rows), columns, width, 0.62 * width / style.PAGE * len(rows))
    for line, (name, images) in zip(axes, rows, strict=True):
        for ax, image in zip(line, images, strict=True):
            ax.imshow(image[0].numpy(), cmap="gray_r", vmin=0, vmax=1)
            ax.set_xticks([])
            ax.set_yticks([])
            for spine in ax.spines.values():
                spine.set_visible(False)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7.5)
    plt.close(fig)
    return fig


@also_narrow
def codes(
    z: np.ndarray, labels: np.ndarray, walk: Tensor, extent: Sequence[float],
    width: float = style.PAGE,
) -> Figure:  # fmt: skip
    """Show two-dimensional codes ``(n, 2)`` by class, and what a grid of codes decodes to.

    ``walk``: ``(rows, columns, 8, 8)``; ``extent``: left, right, bottom, top of the grid.
    """
    fig, (left, right) = style.figure(1, 2, width, 3.2, stacks=True)
    for digit in range(10):
        points = z[labels == digit]
        left.scatter(*points.T, s=6, color=plt.get_cmap("tab10")(digit), lw=0, alpha=0.7)
        left.text(*np.median(points, axis=0), str(digit), fontsize=9, fontweight="bold",
                  ha="center", va="center",
                  bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.8},
                  )  # fmt: skip
    left.add_patch(Rectangle((extent[0], extent[2]), extent[1] - extent[0], extent[3] - extent[2],
                             fill=False, ec=style.GREY, ls="--", lw=0.8))  # fmt: skip
    for axis, values in zip(("x", "y"), z.T, strict=True):  # without the few codes far out
        low, high = np.quantile(values, (0.01, 0.99))
        getattr(left, f"set_{axis}lim")(low - 0.1 * (high - low), high + 0.1 * (high - low))
    left.set_xlabel("$z_1$")
    left.set_ylabel("$z_2$")
    rows, columns = walk.shape[:2]
    mosaic = walk.permute(0, 2, 1, 3).reshape(rows * 8, columns * 8).numpy()
    right.imshow(mosaic, cmap="gray_r", vmin=0, vmax=1, extent=extent, aspect="auto")
    right.set_xlabel("$z_1$")
    plt.close(fig)
    return fig


@also_narrow
def learning(pairs: Sequence[int], errors: np.ndarray, width: float = 4.2) -> Figure:
    """Share of wrong names against the pairs learnt from: ``(seeds, pairs)``, in per cent."""
    fig, ax = style.figure(width=width, height=2.4)
    for values in errors:
        ax.plot(pairs, np.maximum(100 * values, 0.01), ".", color=style.BLUE, alpha=0.5)
    ax.plot(pairs, np.maximum(100 * errors.mean(0), 0.01), color=style.BLUE, marker="o")
    ax.axhline(1, color=style.GREY, ls=":", lw=1)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(pairs, [number(p) for p in pairs])
    ticks = (0.01, 0.1, 1, 10, 100)
    ax.set_yticks(ticks, ["≤ " + number(0.01), *(number(t) for t in ticks[1:])])
    ax.minorticks_off()
    ax.set_xlabel("pares para aprender")
    ax.set_ylabel("nombres con error (%)")
    ax.grid()
    plt.close(fig)
    return fig


@also_narrow
def writing(
    probabilities: np.ndarray, chosen: np.ndarray, vocabulary: Sequence[str], words: int = 7,
    width: float = style.PAGE,
) -> Figure:  # fmt: skip
    """Show each step of a number writer: probabilities ``(steps, tokens)``, chosen tokens framed.

    Of all words the chosen ones are shown, and the likeliest others up to ``words``.
    """
    others = [int(token) for token in probabilities.max(0).argsort()[::-1]]
    tokens = list(dict.fromkeys([*map(int, chosen), *others]))[: max(words, len(set(chosen)))]
    fig, ax = style.figure(width=width, height=0.7 + 0.28 * len(chosen))
    names = [vocabulary[token] if token > number_words.END else "(fin)" for token in tokens]
    shown = probabilities[:, tokens]
    labels = np.vectorize(lambda value: percent(value, 1), otypes=[str])(shown)
    style.heatmap(
        ax, shown, cmap="Blues", vmin=0, vmax=1.3, annot=labels, annot_kws={"fontsize": 6.5},
        square=False, xticklabels=names, yticklabels=range(1, len(chosen) + 1),
    )  # fmt: skip
    for step, token in enumerate(map(int, chosen)):
        place = tokens.index(token), step
        ax.add_patch(Rectangle(place, 1, 1, fill=False, edgecolor=style.VERMILION, lw=1.6))
    ax.set_ylabel("paso")
    ax.tick_params(axis="x", rotation=30 if style.is_narrow(width) else 0)
    ax.tick_params(axis="y", rotation=0)
    plt.close(fig)
    return fig
