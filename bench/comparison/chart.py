"""The chart of scripts/bench: an SVG that needs nothing else and reads on light and dark pages."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from statistics import median

from bench.comparison.cases import COMPARED, TITLES, Case, find

_WIDTH, _LEFT, _RIGHT = 760, 190, 125
_ROW, _HEAD, _GAP = 22, 34, 18
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .page { fill: #ffffff } .title { font-weight: 600 } .note, .tick { fill: #59636e; font-size: 11px }
  .grid { stroke: #d1d9e0 } .stem { stroke: #818b98; stroke-width: 2 } .dot { fill: #818b98 }
  .value { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
  .ours { fill: #0969da } .stem.ours { stroke: #0969da } text.ours { fill: #0969da; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .page { fill: #0d1117 } .note, .tick { fill: #9198a1 } .grid { stroke: #3d444d }
    .stem { stroke: #9198a1 } .dot { fill: #9198a1 }
    .value { stroke: #0d1117 }
    .ours, text.ours { fill: #4493f8 } .stem.ours { stroke: #4493f8 }
  }
"""


@dataclass(frozen=True)
class Panel:
    """One figure of all that are compared. Each has one or two values: a dot each, and a line between."""

    title: str
    note: str
    values: dict[str, tuple[float, ...]]


def svg(cases: list[Case]) -> str:
    """The chart of a cached read."""

    def of_each(figures: Callable[[Case], tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
        return {name: figures(find(cases, "read", name)) for name in COMPARED}

    def latencies(case: Case) -> tuple[float, ...]:
        return median(load.p50_us for load in case.paced), median(load.p99_us for load in case.paced)

    return draw(
        [
            Panel(
                "CPU time per request, µs",
                "of the proxy; less is better",
                of_each(lambda case: (case.median("cpu_us"),)),
            ),
            Panel("Requests per second", "more is better", of_each(lambda case: (case.median("rate"),))),
            Panel("Latency at a moderate rate, µs", "p50 and p99; less is better", of_each(latencies)),
        ]
    )


def draw(panels: list[Panel]) -> str:
    """Panels one below the other, each with a logarithmic axis: the slowest is far from the rest."""
    parts, top = [], 8
    for panel in panels:
        parts += _panel(panel, top)
        top += _HEAD + _ROW * len(panel.values) + _GAP + 12
    body = "\n".join(f"  {part}" for part in parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}" '
        f'role="img">\n  <title>A cached read, proxies compared</title>\n  <style>{_STYLE}  </style>\n'
        f'  <rect class="page" width="{_WIDTH}" height="{top}" rx="6"/>\n{body}\n</svg>\n'
    )


def _panel(panel: Panel, top: int) -> list[str]:
    found = [value for values in panel.values.values() for value in values]
    ticks = _ticks(min(found), max(found))
    low, high = math.log(ticks[0]), math.log(ticks[-1])

    def x(value: float) -> float:
        return _LEFT + (math.log(value) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    first, bottom = top + _HEAD, top + _HEAD + _ROW * len(panel.values)
    parts = [
        f'<text class="title" x="14" y="{top + 18}">{escape(panel.title)}</text>',
        f'<text class="note" x="{_WIDTH - 14}" y="{top + 18}" text-anchor="end">'
        f"{escape(panel.note)}; logarithmic axis</text>",
    ]
    for tick in ticks:
        parts.append(f'<path class="grid" d="M{x(tick):.1f} {first - 4}V{bottom}"/>')
        parts.append(f'<text class="tick" x="{x(tick):.1f}" y="{bottom + 14}" text-anchor="middle">{tick:,g}</text>')
    for number, (name, values) in enumerate(panel.values.items()):
        middle = first + _ROW * number + _ROW / 2
        ours = " ours" if name == "authz" else ""
        label = f'class="name{ours}" x="{_LEFT - 12}" y="{middle + 4:g}" text-anchor="end"'
        parts.append(f"<text {label}>{escape(TITLES[name])}</text>")
        start, end = x(values[0]), x(values[-1])
        if len(values) > 1:
            parts.append(f'<path class="stem{ours}" d="M{start:.1f} {middle:g}H{end:.1f}"/>')
        parts += [f'<circle class="dot{ours}" cx="{x(value):.1f}" cy="{middle:g}" r="5"/>' for value in values]
        shown = " – ".join(f"{value:,.0f}" for value in values)
        parts.append(f'<text class="value{ours}" x="{end + 10:.1f}" y="{middle + 4:g}">{shown}</text>')
    return parts


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten, from below the least value to above the greatest."""
    ticks = [base * 10.0**power for power in range(8) for base in (1, 2, 5)]
    start = max(index for index, tick in enumerate(ticks) if tick <= max(low, 1))
    end = min(index for index, tick in enumerate(ticks) if tick >= high and index > start)
    return ticks[start : end + 1]
