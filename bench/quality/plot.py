"""The plot: one figure of each corpus as bars; equal results give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

SHOWN = {
    "nab": {"p <= 1e-3, standard": 100.0, "onsets swept, standard": 100.0},
    "adbench": {"http, ROC AUC": 1.0, "smtp, ROC AUC": 1.0, "shuttle, ROC AUC": 1.0},
    "asd": {"average precision": 1.0},
    "tsbad": {"VUS-PR": 1.0},
}
"""The figures shown, and what a bar of full length is."""
ROW, NAMES, LONGEST, NUMBERS, ACROSS = 15, 170, 230, 50, 2
OURS, OTHERS = "#c05020", "#7090a8"


def bars(results: Mapping[str, Any]) -> str:
    """Return an SVG with a panel for each figure, the best detector on top."""
    panels = [
        _panel(f"{corpus}: {head}", full, _known(results[corpus], head))
        for corpus, heads in SHOWN.items()
        if results.get(corpus)
        for head, full in heads.items()
    ]
    wide = NAMES + LONGEST + NUMBERS
    high = ROW * (3 + max((panel.count("<rect") for panel in panels), default=0))
    width, height = wide * ACROSS, high * -(-len(panels) // ACROSS)
    placed = [
        f'<g transform="translate({i % ACROSS * wide},{i // ACROSS * high})">\n{panel}</g>\n'
        for i, panel in enumerate(panels)
    ]
    style = 'font-family="sans-serif" font-size="11"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {style}>'
    ground = f'<path fill="white" d="M0 0h{width}v{height}H0z"/>'
    return f"{head}\n{ground}\n{''.join(placed)}</svg>\n"


def _known(detectors: Mapping[str, Any], head: str) -> dict[str, float]:
    known = {name: result["compared"].get(head) for name, result in detectors.items()}
    return {name: value for name, value in known.items() if value is not None}


def _panel(title: str, full: float, values: Mapping[str, float]) -> str:
    """Return the inside of a panel; what is below 0 has no bar."""
    lines = [f'<text x="{NAMES}" y="{ROW * 1.2:g}" font-weight="bold">{escape(title)}</text>']
    for row, name in enumerate(sorted(values, key=lambda name: -values[name]), start=2):
        value, base = values[name], ROW * row
        length = LONGEST * min(max(value / full, 0.0), 1.0)
        fill, text = OURS if name == "auto" else OTHERS, base + ROW - 5
        number = f"{value:.1f}" if full > 1 else f"{value:.3f}"
        lines += [
            f'<text x="{NAMES - 5}" y="{text}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{NAMES}" y="{base}" width="{length:.1f}" height="{ROW - 3}" fill="{fill}"/>',
            f'<text x="{NAMES + length + 4:.1f}" y="{text}">{number}</text>',
        ]
    return "\n".join(lines) + "\n"
