"""Shows the steps of a command on the terminal, or as plain lines if the output is not a terminal."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from harness.core import figures as text
from harness.core import tasks

_REDRAW_SECONDS = 0.1


class Steps:
    """A list of steps, each with its time. The current one has a bar if its length is known, else a spinner."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)

    @contextlib.contextmanager
    def step(self, title: str, seconds: float | None = None) -> Iterator[Callable[[str], None]]:
        """One step. Gives a function that shows what it is doing now. seconds: how long the step will take."""
        begun = time.monotonic()
        if not self.console.is_terminal:
            self.console.print(f"{title} ...")
            yield lambda detail: self.console.print(f"  {detail}")
            self.console.print(f"{title}: done in {text.length_of_time(time.monotonic() - begun)}")
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}"),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(title, total=seconds, detail="")
            stop = threading.Event()

            def tick() -> None:
                while not stop.wait(_REDRAW_SECONDS):
                    progress.update(task, completed=time.monotonic() - begun)

            if seconds is not None:
                tasks.thread(tick, "redrawing a progress bar")
            try:
                yield lambda detail: progress.update(task, detail=detail)
            finally:
                stop.set()
        self.console.print(f"[green]✓[/] {title} [dim]{text.length_of_time(time.monotonic() - begun)}")

    @contextlib.contextmanager
    def counted(self, title: str, total: int) -> Iterator[Callable[[], None]]:
        """One step with ``total`` parts. Gives a function to call when a part is done."""
        begun = time.monotonic()
        if not self.console.is_terminal:
            self.console.print(f"{title}: {total} ...")
            yield lambda: None
            self.console.print(f"{title}: done in {text.length_of_time(time.monotonic() - begun)}")
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(title, total=total)
            yield lambda: progress.advance(task)
        self.console.print(f"[green]✓[/] {title} [dim]{total} in {text.length_of_time(time.monotonic() - begun)}")
