"""Charts of docs/performance.md, as PNG files beside it. matplotlib is imported only when one is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.flags import flags
from benchmarks.timing import exponent

Points = tuple[Sequence[float], Sequence[float]]
COLOURS = ("#1f6fb4", "#d1495b", "#2e8b57", "#8e5bb5", "#c77d0a", "#4a4a4a", "#0f9aa8", "#a0522d")
MARKS = "osD^vPX*"
MOST_TICKS, SPAN = 10, 100  # of points below which each is named; of a y axis above which only powers of ten are


def chart(
    name: str,
    title: str,
    x: str,
    y: str,
    series: Mapping[str, Points],
    *,
    log: bool = True,
    fit: bool = True,
    linear: bool = True,
    bar: tuple[float, str] | None = None,
) -> dict[str, float]:
    """Draw docs/performance/NAME.png, print its line for the page and return each series' exponent.

    x, y: the axes with their units. series: label -> (xs, ys). log: both axes logarithmic. fit: with the slope of each
    series in the legend. linear: a dotted line of slope 1 through the first series' last point. bar: (y, words), drawn
    across.
    """
    slopes = {label: exponent(*points) for label, points in series.items()} if log and fit else {}
    figure, axes = _axes(title, x, y, log)
    for number, (label, (xs, ys)) in enumerate(series.items()):
        told = f"{label} (exponent {slopes[label]:.2f})" if label in slopes else label
        axes.plot(xs, ys, marker=MARKS[number % 8], color=COLOURS[number % 8], label=told, linewidth=1.6, markersize=5)
    if log and linear:
        xs, ys = next(iter(series.values()))
        axes.plot(xs, [ys[-1] * one / xs[-1] for one in xs], ":", color="#999999", linewidth=1, label="linear")
    if bar:
        axes.axhline(bar[0], color="#b00020", linestyle="--", linewidth=1, label=bar[1])
    if log:
        _plain_numbers(axes, sorted({one for xs, _ in series.values() for one in xs}))
    axes.legend(fontsize=8, frameon=False)
    save(figure, name, title)
    return slopes


def _axes(title: str, x: str, y: str, log: bool) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.2, 4.4), dpi=110, layout="constrained")
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if log:
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.grid(True, which="major", color="#dddddd", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _plain_numbers(axes: Any, measured: Sequence[float]) -> None:
    """Numbers instead of powers of ten, below the measured points where these are few."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    shown = FuncFormatter(lambda value, _: f"{value:,.10g}")
    if len(measured) <= MOST_TICKS:
        axes.set_xticks(measured)
        axes.xaxis.minorticks_off()
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0,) if high > SPAN * low else (1.0, 2.0, 5.0)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(shown)


def save(figure: Any, name: str, title: str) -> None:
    """Write the figure and print its line for the page."""
    from matplotlib import pyplot

    folder = flags().images
    name += "-cuda" if flags().device == "cuda" else ""  # the CPU's chart stays
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{name}.png", metadata={"Software": None})
    pyplot.close(figure)
    print(f"\n![{title}](performance/{name}.png)\n", flush=True)
