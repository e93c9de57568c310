"""The plot: plain faults found of each kind, as bars; equal results give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

ROW, NAMES, LONGEST, NUMBERS, ACROSS = 15, 150, 150, 40, 3
OURS, OTHERS = "#c05020", "#7090a8"
PRODUCT = "product"


def bars(columns: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Return an SVG with a panel for each kind of fault.

    Args:
        columns: who, and figures as `collect` gives them of one budget.
    """
    kinds = list(dict.fromkeys(kind for _, own in columns for kind in own["kinds"]))
    panels = [_panel(kind, columns) for kind in kinds]
    wide, high = NAMES + LONGEST + NUMBERS, ROW * (len(columns) + 3)
    width, height = wide * ACROSS, high * -(-len(panels) // ACROSS)
    placed = [
        f'<g transform="translate({i % ACROSS * wide},{i // ACROSS * high})">\n{panel}</g>\n'
        for i, panel in enumerate(panels)
    ]
    style = 'font-family="sans-serif" font-size="11"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {style}>'
    ground = f'<path fill="white" d="M0 0h{width}v{height}H0z"/>'
    return f"{head}\n{ground}\n{''.join(placed)}</svg>\n"


def _panel(kind: str, columns: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    title = escape(kind.replace("_", " "))
    lines = [f'<text x="{NAMES}" y="{ROW * 1.2:g}" font-weight="bold">{title}</text>']
    for row, (who, own) in enumerate(columns, start=2):
        share = own["kinds"].get(kind, {}).get("plain_found")
        if share is None:
            continue
        base, length = ROW * row, LONGEST * share
        fill, text = OURS if who == PRODUCT else OTHERS, base + ROW - 5
        lines += [
            f'<text x="{NAMES - 5}" y="{text}" text-anchor="end">{escape(who)}</text>',
            f'<rect x="{NAMES}" y="{base}" width="{length:.1f}" height="{ROW - 3}" fill="{fill}"/>',
            f'<text x="{NAMES + length + 4:.1f}" y="{text}">{share:.2f}</text>',
        ]
    return "\n".join(lines) + "\n"
