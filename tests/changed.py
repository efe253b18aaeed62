"""Prints the test files of what has changed since a commit: what `make check` runs.

A module's tests are the file that mirrors it (harness/scaling/rules/alarms.py: tests/scaling/rules/test_alarms.py) or,
where there is none, all files of the folder that mirrors its own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Folders whose tests lie elsewhere than their names say.
ELSEWHERE = {"docs": "tests/docs", "loadtests": "tests/load/locust", "fixtures": "tests/stack"}
APART = ("tests/compose", "tests/sdk", "tests/benchmarks")
"""Suites with a make target of their own."""


def changed_files(base: str) -> list[str]:
    """Paths of files that differ from a commit, new and untracked ones too."""
    commands = (
        ["git", "diff", "--name-only", "--diff-filter=d", "--merge-base", base],
        ["git", "ls-files", "--others", "--exclude-standard"],
    )
    return [
        line
        for command in commands
        for line in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    ]


def tests_of(path: str) -> Iterator[Path]:
    """The test files of one changed file, relative to the project's root; none for what no test mirrors."""
    file = Path(path)
    top, *folders = file.parent.parts or ("",)
    if top == "tests":
        yield from [file] if file.name.startswith("test_") else files_in(file.parent)
    elif top in ELSEWHERE:
        yield from files_in(Path(ELSEWHERE[top]))
    elif top in ("harness", "model_server"):
        folder = Path("tests", *([] if top == "harness" else [top]), *folders)
        mirror = folder / f"test_{file.stem}.py"
        yield from [mirror] if (ROOT / mirror).exists() else files_in(folder)


def files_in(folder: Path) -> Iterable[Path]:
    return (file.relative_to(ROOT) for file in sorted((ROOT / folder).glob("test_*.py")))


def select(paths: Iterable[str]) -> list[str]:
    """The test files of changed files, each once, without the suites that have a make target of their own."""
    files = dict.fromkeys(str(file) for path in paths for file in tests_of(path))
    return [file for file in files if not file.startswith(APART)]


if __name__ == "__main__":
    print(*select(changed_files(*sys.argv[1:2] or ["main"])), sep="\n")
