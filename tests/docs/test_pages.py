"""The documentation: its commands have the options that it names, stack files load, Python runs, links work."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import tomlkit
from click.testing import CliRunner
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

from harness.cli.main import main
from harness.stack.file import load_stack

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "docs" / "sample-project"
SITE = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "docs" / "examples" / "index.md"]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md", *SITE]
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
# Commands of other projects, which a page may name and no test checks.
OTHER_COMMANDS = {
    "eval",
    "aws",
    "awslocal",
    "pip",
    "pytest",
    "docker",
    "git",
    "curl",
    "cd",
    ".",
    "kill",
    "terraform",
    "python",
}


def examples(page: Path, language: str) -> list[Example]:
    parser = CodeBlockParser(language, lambda example: None)
    return list(Sybil([parser]).parse(page).examples())


def commands(page: Path) -> list[str]:
    lines = [line for example in examples(page, "sh") for line in example.parsed.replace("\\\n", " ").splitlines()]
    text = page.read_text().replace("\\\n", " ")
    inline = re.findall(r"`((?:harness|locust|make) [^`]+)`", text)
    indented = re.findall(r"^    ((?:harness|locust|make) .+)$", text, re.MULTILINE)
    return [line for line in (*lines, *inline, *indented) if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_something(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", SITE, ids=lambda page: page.name)
def test_a_page_of_the_site_links_only_to_pages_of_the_site(page: Path) -> None:
    """Sphinx makes an error of any other Markdown file, as `make docs` does."""
    linked = [(page.parent / target).resolve() for target in LINK.findall(page.read_text()) if target.endswith(".md")]
    assert all(target.is_relative_to(ROOT / "docs") for target in linked)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists_with_its_options(page: Path, locusts_help: str) -> None:
    for line in commands(page):
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words = words[1:]
        if words and words[0] == "harness":
            parse(words[1:])
        elif words and words[0] == "locust":
            for option in (word.split("=")[0] for word in words if word.startswith("--")):
                assert option in locusts_help, f"{page.name}: {line}"
        elif words and words[0] == "make":
            assert re.search(rf"^{re.escape(words[1])}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line
        else:
            assert not words or words[0] in OTHER_COMMANDS, f"{page.name}: {line}"


def parse(arguments: list[str]) -> None:
    """Raises click's UsageError for an unknown command or option. It runs nothing."""
    command, context = main, click.Context(main, info_name="harness")
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        subcommand = command.get_command(context, arguments[0])
        assert subcommand is not None, f"harness has no command {arguments[0]}"
        command, arguments = subcommand, arguments[1:]  # type: ignore[assignment]
    with contextlib.suppress(click.BadOptionUsage):  # an option that is named without its value
        command.make_parser(click.Context(command)).parse_args([word for word in arguments if word not in {"...", "…"}])


@pytest.fixture(scope="module")
def locusts_help() -> str:
    """locust's help with the options of the locustfiles. ``locust --help`` prints before it reads a locustfile."""
    source = (
        "from locust.argument_parser import get_parser; from locust.util.load_locustfile import load_locustfile; "
        "from pathlib import Path; [load_locustfile(str(file)) for file in Path('loadtests').glob('*.py')]; "
        "print(get_parser().format_help())"
    )
    command = [sys.executable, "-c", source]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout


def merge(document: Any, fragment: Any) -> None:
    for key, value in fragment.items():
        if isinstance(value, dict) and isinstance(document.get(key), dict):
            merge(document[key], value)
        else:
            document[key] = value


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_piece_of_a_stack_file_is_valid(page: Path, tmp_path: Path) -> None:
    """A piece is merged into the sample project's stack."""
    project = tmp_path / "project"
    shutil.copytree(SAMPLE, project)
    (project / "responses").mkdir()
    for number, example in enumerate(examples(page, "toml")):
        piece = tomlkit.parse(example.parsed)
        if "project" in piece:
            continue
        whole = tomlkit.parse((SAMPLE / "stack.toml").read_text()).unwrap()
        merge(whole, piece.unwrap())
        file = project / f"{number}.toml"
        file.write_text(tomlkit.dumps(whole))
        load_stack(file)


def test_the_models_entry_point_is_from_the_sample_project() -> None:
    (example,) = examples(ROOT / "docs" / "my-model.md", "python")
    assert example.parsed.strip() in (SAMPLE / "model" / "inference.py").read_text()


def test_the_tests_are_from_the_sample_project() -> None:
    sample_tests = (SAMPLE / "tests" / "test_taxi_fares.py").read_text()
    for example in examples(ROOT / "docs" / "testing.md", "python"):
        for piece in re.split(r"\n{2,}", example.parsed.strip()):
            body = re.sub(r"^@pytest\.mark\.stack.*\n", "", piece)
            assert body in sample_tests, body


def test_the_instance_kind_works() -> None:
    from harness.core.clock import WallClock
    from harness.hosting.instances.base import InstanceSpec
    from harness.hosting.instances.settings import LocalSettings

    (example,) = examples(ROOT / "docs" / "instance-kinds.md", "python")
    namespace: dict[str, Any] = {}
    exec(compile(example.parsed, "instance-kinds.md", "exec"), namespace)
    lines: list[str] = []

    async def live() -> bytes:
        kind = namespace["EchoKind"](WallClock())
        spec = InstanceSpec("echo", "AllTraffic", 1, "ml.m5.large", SAMPLE, SAMPLE, {}, LocalSettings())
        instance = await asyncio.to_thread(kind.build, spec, lines.append)  # as the fleet does
        await instance.start()
        await instance.wait_ready(1)
        answer = await instance.invoke(b"hello", {"Content-Type": "text/plain"}, 1)
        await instance.stop()
        await asyncio.wait_for(instance.wait_ended(), 1)
        await kind.close()
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain")
        return bytes(answer.body)

    assert asyncio.run(live()) == b"hello"
    assert lines == ["instance 1 of echo echoes"]


def test_every_command_is_in_the_help() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output
    for name in main.commands:
        assert name in shown
