"""Prints the test files of what has changed since a commit: what `make check` runs.

A module's tests are the file that mirrors it (harness/scaling/rules/alarms.py: tests/scaling/rules/test_alarms.py) or,
where there is none, all files of the nearest folder that mirrors its own. It follows no imports: `make test` does the
rest.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Folders whose tests lie elsewhere than their names say.
ELSEWHERE = {
    "": "tests/docs",  # the README and the other pages and files of the project's root
    ".github": "tests/docs",
    "docs": "tests/docs",
    "fixtures": "tests/stack",
    "harness/pytest_plugin.py": "tests/testing",
    "loadtests": "tests/load/locust",
}
APART = ("tests/compose", "tests/sdk", "tests/benchmarks")
"""Suites with a make target of their own."""


def changed_files(base: str) -> list[str]:
    """Paths of files that differ from a commit, new and untracked ones too."""
    commands = (
        ["git", "diff", "--name-only", "--merge-base", base],
        ["git", "ls-files", "--others", "--exclude-standard"],
    )
    return [
        line
        for command in commands
        for line in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    ]


def tests_of(path: str) -> Iterator[Path]:
    """The test files of one changed file, relative to the project's root."""
    file = Path(path)
    top, *folders = file.parent.parts or ("",)
    if top == "tests":
        yield from [file] if (ROOT / file).exists() and file.name.startswith("test_") else files_in(file.parent)
    elif path in ELSEWHERE or top in ELSEWHERE:
        yield from files_in(Path(ELSEWHERE.get(path) or ELSEWHERE[top]))
    elif top in ("harness", "model_server"):
        folder = Path("tests", *([] if top == "harness" else [top]), *folders)
        mirror = folder / f"test_{file.stem}.py"
        while not (ROOT / folder).is_dir():
            folder = folder.parent
        yield from [mirror] if (ROOT / mirror).exists() else files_in(folder)


def files_in(folder: Path) -> Iterable[Path]:
    """The test files of a folder; those of its own folders where it has none itself."""
    files = sorted((ROOT / folder).glob("test_*.py")) or sorted((ROOT / folder).rglob("test_*.py"))
    return (file.relative_to(ROOT) for file in files)


def select(paths: Iterable[str]) -> list[str]:
    """The test files of changed files, each once, without the suites that have a make target of their own."""
    files = dict.fromkeys(str(file) for path in paths for file in tests_of(path))
    return [file for file in files if not file.startswith(APART)]


if __name__ == "__main__":
    selected = select(changed_files(*sys.argv[1:2] or ["main"]))
    print(
        f"{len(selected)} test files mirror what has changed: {' '.join(selected) or 'nothing to run'}", file=sys.stderr
    )
    print(*selected, sep="\n")
