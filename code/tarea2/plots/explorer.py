"""A chart to explore a study with: every network by two measures, and how the chosen ones learned.

Made with Altair (Vega-Lite). A notebook shows the chart itself, with lists to choose from and
points to click; pages show its first state as a picture, and the site drives a smaller form of it.
Altair takes seconds to import, so only what draws does.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tarea2 import models, studies
from tarea2.plots import labels, style
from tarea2.plots.labels import KINDS
from tarea2.studies import segmentation
from tarea2.typography import NARROW_SPACE

if TYPE_CHECKING:
    import altair as alt

NARROW = 305  # pixels: with what stands at its left, the axes of a chart as wide as a phone
EARLY = 3  # epochs after which the early score is taken
# Columns of a table that the chart can show, by name; the first ones lie across, the others up.
ACROSS = {
    "parameters": "parámetros", "macs": "multiplicaciones", "field": "campo receptivo",
    "early": f"mIoU tras {EARLY} épocas",
}  # fmt: skip
LOGARITHMIC = ("parameters", "macs")  # those that span orders of magnitude
UP = {"miou": "mIoU en el conjunto de prueba", "where": "dónde", "what": "qué"}
# Kind of network in the study -> its sign; KINDS has further ones, of other studies.
SHAPES = {
    "baseline": "square", "factor": "circle", "reference": "diamond", "combination": "triangle-up",
    "published": "cross",
}  # fmt: skip
LOCALE = {
    "number": {"decimal": ",", "thousands": NARROW_SPACE, "grouping": [3], "currency": ["", ""]}
}
# Vega-Lite 5 is what Jupyter shows by itself; nothing here needs a newer one.
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.20.1.json"


@cache
def table() -> pd.DataFrame:
    """One row per network of the segmentation study: costs, field, mean scores, mean curve."""
    runs = labels.labelled(studies.load("segmentation"))
    rows = []
    for name, (spec, _) in segmentation.networks().items():
        of = runs[runs["name"] == name]
        course = np.mean([h["validation"]["miou"] for h in of["history"]], axis=0)
        field = longest_field(spec) if isinstance(spec, models.EncoderDecoderSpec) else None
        rows.append({
            "name": name, "label": of["label"].iloc[0], "kind": KINDS[of["kind"].iloc[0]][2],
            "parameters": int(of["parameters"].iloc[0]), "macs": int(of["macs"].iloc[0]),
            "field": field,
            "early": float(course[EARLY]), "miou": float(of["test_miou"].mean()),
            "where": float(of["test_where"].mean()), "what": float(of["test_what"].mean()),
            "course": [round(float(value), 4) for value in course],
            "description": _describe(spec),
        })  # fmt: skip
    return pd.DataFrame(rows)


def longest_field(spec: models.EncoderDecoderSpec) -> int:
    """Side of the largest square that an output pixel sees."""
    ranges = [models.input_range(spec, pixel) for pixel in range(2**spec.depth)]
    return max(last - first + 1 for first, last in ranges)


def _describe(spec: Any) -> str:
    if not isinstance(spec, models.EncoderDecoderSpec):
        return f"MONAI {spec.network}"
    channels = ", ".join(map(str, spec.channels))
    words = {"max": "máximo", "mean": "media", "strided": "paso 2", "nearest": "repetir",
             "bilinear": "bilineal", "transposed": "transpuesta",
             "unpool": "max unpooling",
             "none": "sin", "add": "sumadas", "concat": "concatenadas", "batch": "por lotes",
             "group": "por grupos", "plain": "", "residual": "residual; ",
             "separable": "separable; "}  # fmt: skip
    bottom = f", {spec.bottom} en el fondo" if spec.bottom else ""
    dilation = f", dilatación {spec.dilation}" if spec.dilation > 1 else ""
    return (
        f"{words[spec.block]}filtros {channels}; {spec.convolutions} conv. por nivel{bottom}; "
        f"núcleo {spec.kernel} × {spec.kernel}{dilation}; baja: {words[spec.down]}; "
        f"sube: {words[spec.up]}; conexiones de salto: {words[spec.skip]}; "
        f"norma: {words[spec.norm]}"
    )


def points(
    bright: Any, named: Any, across: alt.Parameter, up: alt.Parameter, width: int
) -> alt.LayerChart:
    """One point per network; those that meet the condition ``bright`` keep their colour.

    Those that meet ``named`` have their name beside them, and so has the one under the pointer.
    """
    import altair as alt

    kinds = [KINDS[kind][2] for kind in SHAPES]
    colours = [KINDS[kind][0] for kind in SHAPES]
    title = f"{json.dumps(UP)}[up] + ' contra ' + {json.dumps(ACROSS)}[across]"
    # A scale's type cannot follow a signal: the logarithm is drawn and the labels tell the number.
    logarithmic = f"indexof({json.dumps(LOGARITHMIC)}, across) >= 0"
    hover = alt.selection_point(
        name="hover", on="pointerover", clear="pointerout", fields=["name"], empty=False
    )
    base = (
        alt.Chart(width=width, height=round(width * 0.62), title=alt.Title(alt.expr(title)))
        .transform_calculate(
            value="datum[across]",
            x=f"{logarithmic} ? log(datum[across]) / LN10 : datum[across]",
            y="datum[up]",
        )
        .transform_filter("isValid(datum.value)")
        .encode(
            alt.X("x:Q", title=None)
            .scale(zero=False, nice=True)
            .axis(
                labelExpr=f"{logarithmic} ? format(pow(10, datum.value), '.2~s') : datum.label",
                tickCount=6,
            ),
            alt.Y("y:Q", title=None).scale(zero=False, nice=True),
        )
    )
    dots = base.mark_point(filled=True, size=90).encode(
        alt.Color("kind:N", title=None).scale(domain=kinds, range=colours),
        alt.Shape("kind:N", title=None).scale(domain=kinds, range=list(SHAPES.values())),
        opacity=alt.condition(bright, alt.value(1.0), alt.value(0.45)),
        tooltip=[
            alt.Tooltip("label:N", title="red"), alt.Tooltip("value:Q", format=","),
            alt.Tooltip("y:Q", format=".3f"),
        ],
    ).add_params(across, up, hover)  # fmt: skip
    names = base.mark_text(dy=-11, fontSize=11, aria=False).encode(text="label:N")
    layers = [dots, names.transform_filter(named), names.transform_filter(hover)]
    return alt.LayerChart(layer=layers)


def curves(chosen: Any, width: int) -> alt.Chart:
    """The validation score after each epoch, of the chosen networks."""
    import altair as alt

    return (
        alt.Chart(width=width, height=round(width * 0.4))
        .transform_filter(chosen)
        .transform_flatten(["course"])
        .transform_window(epoch="row_number()", groupby=["name"])
        .transform_calculate(epoch="datum.epoch - 1")
        .mark_line(point=True)
        .encode(
            alt.X("epoch:Q", title="época")
            .axis(tickMinStep=1)
            .scale(domain=[0, segmentation.RECIPE.epochs], nice=False),
            alt.Y("course:Q", title="mIoU en validación").scale(domain=[0, 1]),
            alt.Color("label:N", title=None, scale=alt.Scale(range=list(style.CYCLE))),
            tooltip=[alt.Tooltip("label:N", title="red"), "epoch:Q", "course:Q"],
        )
    )


def driven(width: int) -> dict[str, Any]:
    """The chart for the site, as Vega: signals ``across``, ``up`` and ``chosen`` drive it."""
    import altair as alt
    import vl_convert

    across, up = alt.param("across", value="parameters"), alt.param("up", value="miou")
    chosen = alt.param("chosen", value=[])
    known = "indexof(chosen, datum.name) >= 0"
    top = points(f"length(chosen) == 0 || {known}", known, across, up, width)
    # Vega cannot lay out a legend without entries: where nothing is chosen, the reference learns.
    learning = "indexof(length(chosen) ? chosen : ['reference'], datum.name) >= 0"
    chart = (top.add_params(chosen) & curves(learning, width)).resolve_scale(
        color="independent", shape="independent"
    )
    chart = _styled(chart, columns=1 if width < 400 else 3)
    chart.data = alt.NamedData("networks")
    found: dict[str, Any] = vl_convert.vegalite_to_vega(
        chart.to_dict(validate=False, context={"datasets": {}}), vl_version="6.1"
    )
    return found


def _styled(chart: alt.VConcatChart, columns: int) -> alt.VConcatChart:
    chart = chart.configure(locale=LOCALE, font="DejaVu Sans, sans-serif", background="transparent")
    chart = chart.configure_title(fontSize=12, fontWeight="normal", anchor="start")
    return chart.configure_legend(orient="bottom", columns=columns, labelLimit=240)


def _listed(name: str, options: dict[str, str], title: str) -> alt.Parameter:
    """A parameter that a notebook shows as a list to choose from."""
    import altair as alt

    names, labels = list(options), list(options.values())
    bound = alt.binding_select(options=names, labels=labels, name=title)
    return alt.param(name, value=names[0], bind=bound)


def _specified(chart: alt.VConcatChart) -> dict[str, Any]:
    return chart.to_dict() | {"$schema": SCHEMA}


def _as_svg(spec: dict[str, Any]) -> str:
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(spec, vl_version="5.20")
    return svg


class Explorer:
    """The chart as a notebook shows it; as a picture where nothing can be clicked."""

    def __init__(self, table: pd.DataFrame, chosen: list[str]):
        self._table, self._chosen = table, chosen
        self.chart = self._draw(380, legend_columns=3)

    def _draw(self, width: int, legend_columns: int) -> alt.VConcatChart:
        import altair as alt

        across = _listed("across", ACROSS, "eje horizontal: ")
        up = _listed("up", UP, "eje vertical: ")
        clicked = alt.selection_point(
            "clicked",
            fields=["name"],
            toggle="true",
            value=[{"name": name} for name in self._chosen],
        )
        top = points(clicked, clicked, across, up, width)
        top.layer[0] = top.layer[0].add_params(clicked)
        chart = (top & curves(clicked, width)).resolve_scale(
            color="independent", shape="independent"
        )
        chart.data = alt.Data(values=json.loads(self._table.to_json(orient="records")))
        return _styled(chart, legend_columns)

    def _repr_narrow_svg_(self) -> str:
        return _as_svg(_specified(self._draw(NARROW, legend_columns=2)))

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        import vl_convert

        spec = _specified(self.chart)
        return {
            "application/vnd.vegalite.v5+json": spec,
            "image/svg+xml": _as_svg(spec),
            "image/png": vl_convert.vegalite_to_png(spec, vl_version="5.20", scale=2),
            "text/plain": "<gráfico de las redes del estudio>",
        }
