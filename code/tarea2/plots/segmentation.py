"""Figures of the segmentation study: scenes, all architectures, costs, factors, predictions."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from tarea2.pages import number
from tarea2.plots import style
from tarea2.studies import segmentation

# Background and ten digits; seaborn's palette for colour-blind readers. Masks also carry their
# digits as text.
CLASSES = ListedColormap(["#1C1C1C", *sns.color_palette("colorblind", 10).as_hex()])
ERRORS = ListedColormap(["#F2F2F2", style.VERMILION])
# Kind of network -> colour, marker and name.
KINDS = {
    "baseline": (style.VERMILION, "s", "línea base"),
    "factor": (style.GREY, "o", "un factor cambiado"),
    "reference": (style.BLACK, "D", "referencia"),
    "combination": (style.BLUE, "^", "combinaciones"),
    "peer": (style.ORANGE, "X", "redes de MONAI"),
}

# Names of the study's networks on the page, and the groups of factors.
LABELS = {
    "baseline": "línea base",
    "reference": "referencia",
    "depth-1": "1 reducción",
    "depth-3": "3 reducciones",
    "convolutions-1": "1 conv. por nivel",
    "convolutions-3": "3 conv. por nivel",
    "bottom-4": "4 conv. en el fondo",
    "width-8": "8 filtros",
    "width-16": "16 filtros",
    "growth-1.5": "filtros × 1,5",
    "kernel-1": "núcleo 1 × 1",
    "kernel-5": "núcleo 5 × 5",
    "dilation-2": "dilatación 2",
    "block-residual": "bloque residual",
    "block-separable": "bloque separable",
    "norm-none": "sin normalizar",
    "norm-group": "norma por grupos",
    "down-mean": "bajar: media",
    "down-strided": "bajar: paso 2",
    "up-bilinear": "subir: bilineal",
    "up-transposed": "subir: traspuesta",
    "up-unpool": "subir: max-unpooling",
    "skip-none": "sin atajos",
    "skip-add": "atajos sumados",
    "wide": "combinación A",
    "wide-slow": "combinación B",
    "wide-bottom": "combinación C",
    "wide-deep": "combinación D",
    "monai-basicunet": "MONAI BasicUNet",
    "monai-unet": "MONAI UNet",
}

GROUPS = {  # field of the spec -> group of factors
    "depth": "capas", "convolutions": "capas", "bottom": "capas", "width": "filtros",
    "growth": "filtros", "kernel": "núcleo", "dilation": "núcleo", "block": "bloque",
    "norm": "bloque", "down": "muestreo", "up": "muestreo", "skip": "atajos",
}  # fmt: skip


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """The runs of the study with the columns ``label`` and ``kind`` that the figures want."""
    kinds = {"baseline": "baseline", "reference": "reference"}
    kinds |= dict.fromkeys(segmentation.FACTORS, "factor")
    kinds |= dict.fromkeys(segmentation.COMBINATIONS, "combination")
    kinds |= dict.fromkeys(segmentation.PEERS, "peer")
    return table.assign(
        label=[LABELS.get(name, name) for name in table["name"]],
        kind=[kinds[name] for name in table["name"]],
    )


def _mask(ax: Axes, mask: np.ndarray) -> None:
    """Draw a mask in colours, with each digit's name on it."""
    ax.imshow(mask, cmap=CLASSES, vmin=0, vmax=10, interpolation="nearest")
    for label in np.unique(mask[mask > 0]):
        rows, columns = np.nonzero(mask == label)
        if len(rows) < 12:  # too small for a name
            continue
        middle = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
        ax.text(
            columns[middle], rows[middle], str(label - 1), ha="center", va="center", fontsize=6.5,
            color="white", bbox={"boxstyle": "round,pad=0.12", "fc": "#000000AA", "ec": "none"},
        )  # fmt: skip


def _bare(ax: Axes) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def scenes(x: Tensor, y: Tensor) -> Figure:
    """Show scenes ``(n, 1, H, W)`` in a row, and their masks ``(n, H, W)`` below."""
    fig, axes = style.figure(2, len(x), height=style.PAGE / len(x) * 2 + 0.15)
    for top, bottom, image, mask in zip(axes[0], axes[1], x, y, strict=True):
        top.imshow(image[0].numpy(), cmap="gray", vmin=0, vmax=1)
        _mask(bottom, mask.numpy())
        _bare(top)
        _bare(bottom)
    axes[0, 0].set_ylabel("escena")
    axes[1, 0].set_ylabel("máscara")
    plt.close(fig)
    return fig


def fields(image: Tensor, centre: tuple[int, int], sizes: Sequence[tuple[str, int]]) -> Figure:
    """Draw the receptive field of one pixel in several networks on the same scene."""
    fig, axes = style.figure(1, len(sizes), height=style.PAGE / len(sizes) + 0.2)
    row, column = centre
    for place, (ax, (name, size)) in enumerate(zip(axes, sizes, strict=True)):
        ax.imshow(image[0].numpy(), cmap="gray", vmin=0, vmax=1)
        colour = (style.ORANGE, style.SKY, style.YELLOW, style.PURPLE)[place % 4]
        corner = (column - size / 2, row - size / 2)
        ax.add_patch(Rectangle(corner, size, size, fc="none", ec=colour, lw=1.8))
        ax.plot(column, row, "+", color=colour, ms=7, mew=1.6)
        ax.set_title(f"{name}: {size} × {size}", fontsize=7.5)
        ax.set_xlim(-0.5, image.shape[2] - 0.5)
        ax.set_ylim(image.shape[1] - 0.5, -0.5)
        _bare(ax)
    plt.close(fig)
    return fig


def ranking(
    table: pd.DataFrame, width: float = style.PAGE, height: float = 3.1, metric: str = "test_miou"
) -> Figure:
    """Draw every network's score, sorted: a dot per seed, mean and standard deviation.

    ``table`` has a row per run with the columns ``label``, ``kind`` (of :data:`KINDS`) and the
    metric.
    """
    fig, ax = style.figure(width=width, height=height)
    order = table.groupby("label")[metric].mean().sort_values().index
    seen = set()
    for place, label in enumerate(order):
        rows = table[table["label"] == label]
        kind = rows["kind"].iloc[0]
        colour, marker, name = KINDS[kind]
        values = rows[metric].to_numpy()
        ax.plot(np.full(len(values), place), values, ".", color=colour, ms=3.5, alpha=0.45, mew=0)
        spread = values.std(ddof=1) if len(values) > 1 else 0
        ax.errorbar(
            place, values.mean(), yerr=spread, color=colour, marker=marker, ms=4.6, capsize=1.8,
            lw=1, ls="none", label=None if kind in seen else name,
        )  # fmt: skip
        seen.add(kind)
    ax.set_xticks(range(len(order)), order, rotation=90, fontsize=6.8)
    for tick, label in zip(ax.get_xticklabels(), order, strict=True):
        kind = table.loc[table["label"] == label, "kind"].iloc[0]
        tick.set_color("#333333" if kind == "factor" else KINDS[kind][0])
    ax.set_xlim(-0.7, len(order) - 0.3)
    ax.set_ylim(0, 0.9)
    ax.set_yticks(np.arange(0, 0.95, 0.1))
    ax.set_ylabel("mIoU en test")
    ax.grid(axis="y")
    ax.legend(loc="lower right", ncols=2)
    plt.close(fig)
    return fig


def pareto(
    table: pd.DataFrame, names: dict[str, tuple[float, float]], width: float = style.PAGE
) -> Figure:
    """Mean score against parameters and against multiplications, each with its Pareto front.

    ``names``: the labels that are written, and how far from their points (x and y, in points).
    """
    fig, axes = style.figure(1, 2, width=width, height=2.9, sharey=True)
    means = table.groupby(["label", "kind"])[["test_miou", "parameters", "macs"]].mean()
    means = means.reset_index()
    thousand, million = 1e3, 1e6
    panels = (
        ("parameters", "parámetros (miles)", thousand, (10e3, 30e3, 100e3, 300e3)),
        ("macs", "multiplicaciones por imagen (millones)", million, (5e6, 10e6, 20e6, 50e6)),
    )
    for ax, (cost, title, scale, ticks) in zip(axes, panels, strict=True):
        for kind, rows in means.groupby("kind"):
            colour, marker, name = KINDS[str(kind)]
            ax.plot(rows[cost], rows["test_miou"], marker, color=colour, label=name, ms=4.6)
        front = means.sort_values(cost)
        front = front[front["test_miou"] >= front["test_miou"].cummax()]
        ax.step(front[cost], front["test_miou"], where="post", color=style.GREEN, lw=1, zorder=0,
                label="frente de Pareto")  # fmt: skip
        for label, place in names.items():
            row = means[means["label"] == label].iloc[0]
            ax.annotate(label, (row[cost], row["test_miou"]), xytext=place, ha="center",
                        va="center", textcoords="offset points", fontsize=6.5,
                        arrowprops={"arrowstyle": "-", "lw": 0.4, "color": style.GREY},
                        )  # fmt: skip
        ax.set_ylim(0, 0.95)
        ax.set_xscale("log")
        ax.set_xticks(ticks, [number(tick / scale) for tick in ticks])
        ax.minorticks_off()
        ax.set_xlabel(title)
        ax.grid()
    axes[0].set_ylabel("mIoU en test")
    axes[1].legend(loc="lower right", fontsize=6.5)
    plt.close(fig)
    return fig


def changes(table: pd.DataFrame) -> pd.DataFrame:
    """What each factor changes in the reference's validation score, paired by seed.

    ``table``: :func:`labelled` runs of the segmentation study. Columns of the result are
    ``group``, ``label``, ``name`` and ``difference``, a row per factor and seed.
    """
    scores = table.pivot(index="seed", columns="name", values="validation_miou")
    return pd.concat([
        pd.DataFrame({
            "group": GROUPS[next(iter(field))], "label": LABELS[name], "name": name,
            "difference": (scores[name] - scores["reference"]).dropna(),
        })
        for name, field in segmentation.FACTORS.items()
    ])  # fmt: skip


def factors(differences: pd.DataFrame, xlabel: str, width: float = style.PAGE) -> Figure:
    """Difference of each network to the reference: a dot per seed, a bar at the mean.

    ``differences`` has the columns ``group``, ``label`` and ``difference`` (a row per seed).
    """
    order = [
        (group, label)
        for group, rows in differences.groupby("group", sort=False)
        for label in rows.groupby("label")["difference"].mean().sort_values().index
    ]
    wide = width > 4
    fig, ax = style.figure(width=width, height=0.5 + (0.19 if wide else 0.12) * len(order))
    ax.axvline(0, color=style.GREY, lw=0.8)
    for place, (_, label) in enumerate(order):
        values = differences.loc[differences["label"] == label, "difference"].to_numpy()
        colour = style.BLUE if values.mean() > 0 else style.VERMILION
        ax.barh(place, values.mean(), color=colour, height=0.62, alpha=0.35)
        ax.plot(values, np.full(len(values), place), "o", color=colour, ms=3)
        if place and order[place - 1][0] != order[place][0]:
            ax.axhline(place - 0.5, color="#DDDDDD", lw=0.6)
    ax.set_yticks(range(len(order)), [label for _, label in order], fontsize=7 if wide else 6.5)
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.set_xscale("symlog", linthresh=0.05, linscale=1.2)
    ticks = (-0.5, -0.2, -0.1, -0.05, -0.02, 0, 0.02, 0.05)[:: 1 if wide else 2]
    ax.set_xticks(ticks, [number(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set_xlabel(xlabel)
    ax.grid(axis="x")
    ax.tick_params(axis="y", length=0)
    plt.close(fig)
    return fig


def curves(lines: Sequence[tuple[str, np.ndarray]], ylabel: str, width: float = 4.6) -> Figure:
    """Draw a measure after each epoch: mean over seeds ``(seeds, epochs + 1)`` and deviation."""
    fig, ax = style.figure(width=width, height=2.6)
    for place, (name, values) in enumerate(lines):
        epochs, mean = np.arange(values.shape[1]), values.mean(0)
        spread = values.std(0, ddof=1) if len(values) > 1 else np.zeros_like(mean)
        colour = style.CYCLE[place % len(style.CYCLE)]
        ax.plot(epochs, mean, color=colour, ls=style.LINES[place % 4], label=name,
                marker=style.MARKERS[place], ms=3, markevery=3)  # fmt: skip
        ax.fill_between(epochs, mean - spread, mean + spread, color=colour, alpha=0.2, lw=0)
    ax.set_xlabel("época")
    ax.set_ylabel(ylabel)
    ax.set_ylim(0, 1)
    ax.grid(axis="y")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    plt.close(fig)
    return fig


def per_class(lines: Sequence[tuple[str, np.ndarray]]) -> Figure:
    """Draw the IoU of each digit: mean over seeds ``(seeds, 10)`` and deviation, per network."""
    fig, ax = style.figure(height=2.4)
    for place, (name, values) in enumerate(lines):
        x = np.arange(10) + (place - (len(lines) - 1) / 2) * 0.22
        ax.errorbar(
            x, values.mean(0), yerr=values.std(0, ddof=1), ls="none", capsize=2, lw=1,
            color=style.CYCLE[place], marker=style.MARKERS[place], label=name,
        )  # fmt: skip
    ax.set_xticks(range(10))
    ax.set_xlabel("dígito")
    ax.set_ylabel("IoU en test")
    ax.set_ylim(0, 1)
    ax.grid(axis="y")
    ax.legend(ncols=len(lines), loc="lower left")
    plt.close(fig)
    return fig


def confusion(cm: np.ndarray, width: float = 4.6) -> Figure:
    """Draw a confusion matrix of pixels in per cent of each true class; colours show errors."""
    share = 100 * cm / cm.sum(1, keepdims=True)
    names = ["fondo", *map(str, range(10))]
    fig, ax = style.figure(width=width, height=width * 0.88)
    errors = share.copy()
    np.fill_diagonal(errors, 0)
    labels = np.vectorize(lambda v: number(v, 1) if v >= 0.05 else "", otypes=[str])(share)
    style.heatmap(ax, errors, cmap="Oranges", annot=labels, annot_kws={"fontsize": 6.5},
                  linecolor="#EEEEEE", xticklabels=names, yticklabels=names)  # fmt: skip
    ax.set_xlabel("clase predicha")
    ax.set_ylabel("clase verdadera")
    plt.close(fig)
    return fig


def predictions(
    x: Tensor,
    y: Tensor,
    found: Sequence[tuple[str, Tensor]],
    titles: Sequence[str],
    width: float = style.PAGE,
) -> Figure:
    """Show scenes, their masks, and what networks predict, with the wrong pixels beside it.

    ``found`` lists (name, prediction ``(n, H, W)``); ``titles`` holds one text per scene.
    """
    columns = 2 + 2 * len(found)
    side = width / (columns + 0.25)
    fig, axes = style.figure(len(x), columns, width, height=side * len(x) + 0.25, squeeze=False)
    for line, image, mask, title, place in zip(axes, x, y, titles, range(len(x)), strict=True):
        line[0].imshow(image[0].numpy(), cmap="gray", vmin=0, vmax=1)
        line[0].set_ylabel(title, fontsize=7)
        _mask(line[1], mask.numpy())
        for k, (_, prediction) in enumerate(found):
            _mask(line[2 + 2 * k], prediction[place].numpy())
            wrong = (prediction[place] != mask).numpy()
            line[3 + 2 * k].imshow(wrong, cmap=ERRORS, vmin=0, vmax=1, interpolation="nearest")
        for ax in line:
            _bare(ax)
    names = ["escena", "verdad"]
    for name, _ in found:
        names += [name, "errores"]
    for ax, name in zip(axes[0], names, strict=True):
        ax.set_title(name, fontsize=7.5)
    plt.close(fig)
    return fig
