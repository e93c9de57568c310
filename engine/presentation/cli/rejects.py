"""`pynomaly rejects`: dead letters by reason, tried with another file, and sent again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer

from engine.application.rejects.kept import KeptLetters, kept_letters
from engine.application.rejects.letters import Group, Letter, by_reason
from engine.application.rejects.redrive import redrive_letters
from engine.application.rejects.trial import Trial, try_letters
from engine.domain.errors import FatalError
from engine.presentation.cli.pipeline import open_pipeline
from engine.presentation.cli.table import printable

LONGEST = 200


def rejects(
    file: Annotated[
        Path,
        typer.Argument(help="The pipeline file, or a file of dead letters that its sink wrote."),
    ],
    trial: Annotated[
        Path | None, typer.Option("--try", help="A changed pipeline file to try on them.")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(help="Where to write the messages that become events, as lines of JSON."),
    ] = None,
    redrive: Annotated[
        bool,
        typer.Option("--redrive", help="Send those that become events back to the source's topic."),
    ] = False,
    samples: Annotated[int, typer.Option(help="Samples of each reason.", min=0)] = 3,
) -> None:
    """Show dead letters by reason, each once, with samples.

    With --try, show how many of them become events with a changed file, and why the others do
    not. With --redrive, those that do go back to the topic that they came from: the message that
    was rejected, or the element of it, so that nothing that was an event comes again; each once,
    however often it is asked for. With --write they become a file, for a file source.
    """
    if write is not None and redrive:
        raise FatalError("--write and --redrive: choose one, or events would come twice")
    letters = _letters(file)
    if trial is None and write is None and not redrive:
        groups = by_reason(letters.read(), samples)
        count = sum(group.count for group in groups.values())
        print(f"{letters.where}: {count} dead letter{'' if count == 1 else 's'}")
        _show(groups)
        return
    tried = trial or file
    if tried == letters.path:
        raise FatalError("--write and --redrive need --try: a pipeline file that reads messages")
    if redrive:
        _redrive(letters, tried, samples)
    else:
        _try(letters, tried, write, samples)


def _letters(file: Path) -> KeptLetters:
    if file.suffix in (".yaml", ".yml"):
        return kept_letters(open_pipeline(file))
    return KeptLetters(file)


def _try(letters: KeptLetters, trial: Path, write: Path | None, samples: int) -> None:
    result = Trial()
    accepted = try_letters(letters.read(), open_pipeline(trial).pipeline(), samples, result)
    if write is None:
        for _ in accepted:
            pass
    else:
        _write(accepted, trial, write)
    _print_trial(letters, trial, result)
    if write is not None:
        print(f"{write}: {result.accepted} messages, for source: {{file: {{path: {write}}}}}")
    _show(result.refused)


def _write(accepted: Iterator[Letter], trial: Path, write: Path) -> None:
    mapping = open_pipeline(trial).pipeline().mapping
    if mapping.format is not None:
        raise FatalError(f"--write: {trial} reads another format than JSON")
    if mapping.time.step is not None:
        why = "a line has no place for how far an element was behind event.time"
        raise FatalError(f"--write: {trial} sets event.time.step, and {why}: use --redrive")
    if write.exists():
        raise FatalError(f"--write: {write} is there already: name a new file")
    with write.open("xb") as lines:
        for letter in accepted:
            for message in letter.messages():
                lines.write(orjson.dumps(orjson.loads(message.value or b"null")) + b"\n")


def _redrive(letters: KeptLetters, trial: Path, samples: int) -> None:
    found = redrive_letters(letters.settings, open_pipeline(trial), samples)
    _print_trial(letters, trial, found.trial)
    print(f"topic {found.topic}: {found.sent} dead letters sent back")
    _show(found.trial.refused)


def _print_trial(letters: KeptLetters, trial: Path, result: Trial) -> None:
    refused = sum(group.count for group in result.refused.values())
    print(
        f"{letters.where}: {result.accepted} become events with {trial}, "
        f"{result.passed_over} are passed over, {refused} are rejected"
    )
    if result.truncated:
        print(f"{result.truncated} are not there as a whole, and cannot be tried")


def _show(groups: dict[str, Group]) -> None:
    for reason, group in groups.items():
        print(f"\n{reason}  {group.count}")
        for detail, count in group.details.most_common(len(group.samples)):
            print(f"  {count} x {_cut(detail)}")
        for letter in group.samples:
            print(f"    {letter.place}  {_cut(repr(letter.value or b'')[2:-1])}")


def _cut(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= LONGEST else shown[:LONGEST] + "..."
