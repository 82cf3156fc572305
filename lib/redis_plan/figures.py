"""Figures: one theme for all, and SVG that is the same bytes for the same data."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import matplotlib as mpl
import seaborn as sns
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.text import Text

#: Colour-blind safe (seaborn "colorblind"); a highlight stands on grey.
PALETTE = tuple(sns.color_palette("colorblind").as_hex())
HIGHLIGHT, CONTEXT = PALETTE[0], "#8c8c8c"
#: Behind a text that a line would cross.
PLATE = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
#: Blanks at an end of a text.
_ENDS = re.compile(r"^ +(?=\S)|(?<=\S) +$")
#: Dots an inch of every SVG (matplotlib's backend_svg.py, 3.10).
_SVG_DPI = 72


def use_theme() -> None:
    """Set the look of every figure: white grid, left titles, text kept as text in the SVG."""
    sns.set_theme(context="notebook", style="whitegrid", palette="colorblind")
    mpl.rcParams.update(
        {
            "figure.figsize": (7.0, 3.5),
            "figure.constrained_layout.use": True,
            "axes.titlelocation": "left",
            "axes.titlesize": 12,
            "axes.labelsize": 10,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid.axis": "y",
            "svg.fonttype": "none",
            "svg.hashsalt": "redis-plan",
        }
    )


def render_svg(figure: Figure) -> str:
    """Return ``figure`` as SVG text without a date; the figure is closed."""
    buffer, canvas = io.StringIO(), cast("Any", FigureCanvasSVG(figure))  # print_svg is untyped
    layout = figure.get_layout_engine()
    if figure.axes and layout is not None:  # savefig would draw everything once more to lay it out
        figure.set_dpi(_SVG_DPI)
        layout.execute(figure)
        figure.set_layout_engine("none")
    # XML drops blanks at an end, and a label that keeps off its line by one would touch it
    for label in figure.findobj(Text):
        label.set_text(_ENDS.sub(lambda found: "\u00a0" * len(found[0]), label.get_text()))
    canvas.print_svg(buffer, metadata={"Date": None, "Creator": None})
    close(figure)
    return buffer.getvalue()


def close(figure: Figure) -> None:
    """Forget ``figure``: a notebook shows what is still open at the end of a cell as a picture without a text."""
    if hasattr(mpl, "pyplot"):
        mpl.pyplot.close(figure)


def apart(places: Sequence[float], gap: float, top: float) -> list[float]:
    """Return where labels stand that belong at ``places``: in the same order, ``gap`` apart, none above ``top``.

    >>> apart([50, 52, 98], 10, 100)
    [50, 60, 98]
    >>> apart([99, 100], 10, 100)
    [90, 100]
    """
    order = sorted(range(len(places)), key=places.__getitem__)
    found = list(places)
    for below, above in pairwise(order):
        found[above] = max(found[above], found[below] + gap)
    limit = top
    for index in reversed(order):
        found[index] = min(found[index], limit)
        limit = found[index] - gap
    return found
