"""`pynomaly demo`: the real pipeline on a simulated fleet, watched live, judged at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table

from engine.application.demo.evaluation import Evaluation, evaluate
from engine.application.demo.fleet import Fleet
from engine.application.demo.runner import DemoRun, Progress
from engine.domain.kinds import ABSENCE
from engine.presentation.command import COMMAND

BUDGET_PER_DAY = 10.0
LEEWAY = 1.2
"""The budget is held within 20 %."""
LEAST_RECALL = 0.8

STARTING = "starting: the detectors are compiled, once on this machine"


def demo(
    sensors: Annotated[int, typer.Option(help="Simulated sensors.", min=60)] = 300,
    minutes: Annotated[int, typer.Option(help="Event time to simulate.", min=3200)] = 4320,
    seed: Annotated[int, typer.Option(help="Seed of all random choices.")] = 7,
    processes: Annotated[int, typer.Option(help="Processes of the pipeline.", min=1)] = 1,
    picture: Annotated[
        Path | None, typer.Option(help="Also save the last view and the summary as SVG.")
    ] = None,
) -> None:
    """Run the demonstration: an embedded broker, a simulated fleet, the real pipeline.

    Ends with exit code 0 only if every message is accounted for, at least
    80 % of the injected faults found, the sensor that stops sending too, a maintenance window
    muted, and the false alarms within 20 % of the alert budget.
    """
    console = Console()
    fleet = Fleet(sensors=sensors, minutes=minutes, seed=seed)
    with TemporaryDirectory(prefix="pynomaly-demo-") as directory:
        run = DemoRun(fleet, Path(directory), COMMAND, processes)
        console.print(
            f"{fleet.sensors} sensors, a reading a minute, {minutes / 1440:.1f} days; "
            f"{fleet.faults} faults are hidden in them. Metrics: {run.metrics_url}"
        )
        _watch(console, run)
        progress = run.progress
        evaluation = evaluate(fleet, progress.alarms, BUDGET_PER_DAY)
        shortfalls = _shortfalls(run, evaluation)
        console.print(_summary(run, evaluation))
        if picture is not None:
            _save(picture, run, evaluation)
    for shortfall in shortfalls:
        console.print(f"[red]not good:[/] {shortfall}")
    raise typer.Exit(1 if shortfalls else 0)


def _watch(console: Console, run: DemoRun) -> None:
    if not console.is_terminal:
        console.print(STARTING)
        for progress in _seldom(step for step in run.run() if step.read):
            console.print(
                f"read {progress.read:,} of {run.fleet.events:,}  "
                f"anomalies {len(progress.alarms)}  rejects {progress.rejects}"
            )
        return
    with Live(console=console, refresh_per_second=5) as live:
        for progress in run.run():
            live.update(_view(run.fleet, progress))


def _save(picture: Path, run: DemoRun, evaluation: Evaluation) -> None:
    paper = Console(record=True, width=100, file=StringIO())
    # Without what depends on the machine: it is the same wherever it is drawn.
    paper.print(_view(run.fleet, replace(run.progress, seconds=0.0)))
    paper.print(Panel(_outcome(run, evaluation), title="summary", expand=False))
    paper.save_svg(str(picture), title="pynomaly demo")


def _seldom(steps: Iterator[Progress], share: int = 15) -> Iterator[Progress]:
    return (progress for number, progress in enumerate(steps) if number % share == 0)


def _view(fleet: Fleet, progress: Progress) -> Group:
    counts = Table.grid(padding=(0, 3))
    rate = progress.read / progress.seconds if progress.seconds else 0.0
    counts.add_row(
        f"read [bold]{progress.read:,}[/]",
        f"scored [bold]{progress.scored:,}[/]",
        f"entities [bold]{progress.entities}[/]",
        f"rejects [bold]{progress.rejects}[/]",
        f"anomalies [bold red]{len(progress.alarms)}[/]",
        f"[dim]{rate:,.0f} events/s[/]" if rate else "",
    )
    bar = ProgressBar(total=fleet.events, completed=progress.read, width=78)
    if not progress.read:
        return Group(Panel(Group(f"[dim]{STARTING}[/]", bar), title="pynomaly demo"))
    return Group(Panel(Group(counts, bar), title="pynomaly demo"), _anomalies(progress))


def _anomalies(progress: Progress) -> Table:
    table = Table("time", "entity", "severity", "p-value", "why", title="newest anomalies")
    for anomaly in progress.latest:
        table.add_row(
            str(anomaly["time"])[:19],
            str(anomaly["entity"]),
            str(anomaly["severity"]),
            f"{anomaly['p_value']:.1e}",
            _why(anomaly),
        )
    return table


def _why(anomaly: dict[str, Any]) -> str:
    if anomaly["kind"] == ABSENCE:
        return str(anomaly["summary"])
    value = max(anomaly["values"], key=lambda part: float(part["contribution"]))
    return (
        f"{value['name']} {value['value']:.1f}, expected "
        f"{value['expected_low']:.1f} to {value['expected_high']:.1f}"
    )


def _summary(run: DemoRun, evaluation: Evaluation) -> Panel:
    table, progress = _outcome(run, evaluation), run.progress
    table.add_row("events per second", f"{progress.read / max(progress.seconds, 1e-9):,.0f}")
    table.add_row("metrics page", run.metrics_url)
    return Panel(table, title="summary", expand=False)


def _outcome(run: DemoRun, evaluation: Evaluation) -> Table:
    progress = run.progress
    table = Table.grid(padding=(0, 2))
    faults = len(evaluation.found) + len(evaluation.missed)
    table.add_row("faults found", f"[bold]{len(evaluation.found)} of {faults}[/]")
    for kind, (found, injected) in sorted(evaluation.by_kind().items()):
        table.add_row(f"  {kind}", f"{found} of {injected}")
    for fault in evaluation.missed:
        table.add_row("  missed", f"{fault.kind} of {run.fleet.name(fault.sensor)}")
    if evaluation.absent is not None:
        found_absent = "found" if evaluation.absent else "[red]missed[/]"
        table.add_row("sensor that stopped sending", found_absent)
    if run.fleet.maintenance is not None:
        table.add_row("maintenance window", f"{evaluation.muted} anomalies muted")
    opened, closed = progress.incidents["open"], progress.incidents["close"]
    table.add_row("incidents", f"{opened} opened, {closed} closed")
    table.add_row(
        "false alarms",
        f"[bold]{evaluation.false_alarms}[/] where the budget of {BUDGET_PER_DAY:g} a day "
        f"allows {evaluation.budget:.0f}",
    )
    table.add_row(
        "alerts", f"{progress.emitted} emitted, {progress.expected:.0f} expected on normal data"
    )
    table.add_row("anomalies during faults", f"{evaluation.during_faults}")
    table.add_row(
        "messages", f"{progress.read:,} read of {progress.sent:,} sent, {progress.scored:,} scored"
    )
    table.add_row("malformed", f"{progress.dead_letters} dead letters of {progress.garbage} sent")
    return table


def _shortfalls(run: DemoRun, evaluation: Evaluation) -> list[str]:
    progress = run.progress
    checks = {
        f"the pipeline ended with exit code {run.exit_code}": run.exit_code == 0,
        "not every message was read": progress.read == progress.sent,
        "not every malformed message became a dead letter": progress.dead_letters
        == progress.garbage,
        f"fewer than {LEAST_RECALL:.0%} of the faults were found": evaluation.recall
        >= LEAST_RECALL,
        "the sensor that stopped sending was not found": evaluation.absent is not False,
        "nothing was muted in the maintenance window": bool(evaluation.muted)
        or run.fleet.maintenance is None,
        # Those that last at the end are still open.
        "no incident was opened and closed": progress.incidents["open"]
        >= progress.incidents["close"]
        > 0,
        "more false alarms than the budget allows": evaluation.false_alarms
        <= LEEWAY * evaluation.budget,
    }
    return [text for text, good in checks.items() if not good]
