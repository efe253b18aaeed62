"""The dependency audit passes only what it looked up. Everything else is a finding, or it says that it was skipped."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

JARS = Path(__file__).resolve().parents[2] / ".ci" / "audit-jars"
AUDIT = Path(__file__).resolve().parents[2] / ".ci" / "audit"
GOOD = {"name": "boto3", "version": "1", "vulns": []}
BAD = {"name": "old", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "torch", "skip_reason": "not found"}


def audited(tmp_path: Path, stdout: str, stderr: str = "", status: int = 0) -> tuple[int, str]:
    fake = tmp_path / "pip-audit"
    fake.write_text(
        f"#!{sys.executable}\nimport sys\nprint({stdout!r})\nprint({stderr!r}, file=sys.stderr)\nsys.exit({status})\n"
    )
    fake.chmod(0o755)
    done = subprocess.run([sys.executable, str(AUDIT), str(fake)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("dependencies", "status", "verdict"),
    [
        ([GOOD], 0, "audit: ok: no known vulnerability in 1 locked packages, 0 could not be looked up"),
        ([GOOD, UNKNOWN], 0, "audit: ok: no known vulnerability in 1 locked packages, 1 could not be looked up"),
        ([GOOD, BAD], 1, "audit: FAILED: 1 known vulnerabilities in 2 locked packages"),
        ([UNKNOWN], 0, "audit: SKIPPED: none of the locked packages is known to the advisory database"),
        ([], 0, "audit: SKIPPED: none of the locked packages is known to the advisory database"),
    ],
)
def test_the_verdict(tmp_path: Path, dependencies: list[Any], status: int, verdict: str) -> None:
    code, said = audited(tmp_path, json.dumps({"dependencies": dependencies}), status=status)
    assert (code, said.splitlines()[-1]) == (status, verdict)
    assert ("old 2: PYSEC-1; fixed in: 3" in said) == (BAD in dependencies)


@pytest.mark.parametrize("stdout", ["", "[]", "{}", "not JSON"])
def test_without_an_answer_it_is_skipped_and_says_why(tmp_path: Path, stdout: str) -> None:
    code, said = audited(tmp_path, stdout, "ERROR: connection refused", 1)
    assert (code, said) == (0, "audit: SKIPPED: the advisory database could not be asked: ERROR: connection refused\n")


def test_without_the_tool_it_is_skipped_and_says_why(tmp_path: Path) -> None:
    command = [sys.executable, str(AUDIT), str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"audit: SKIPPED: there is no {tmp_path / 'none'}\n")


def audited_jars(folder: Path, script: Path = JARS) -> tuple[int, str]:
    done = subprocess.run([sys.executable, str(script), str(folder)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def wheel_with(folder: Path, netty: str) -> None:
    """A wheel with a jar that has a Netty, a library that Maven names, and one whose version nobody tells."""
    jar = folder / "server.jar"
    with zipfile.ZipFile(jar, "w") as file:
        file.writestr("META-INF/io.netty.versions.properties", f"netty-codec-http2.version={netty}\n")
        file.writestr("META-INF/maven/org.x/lib/pom.properties", "groupId=org.x\nartifactId=lib\nversion=1.2\n")
        file.writestr("org/untold/some/Class.class", b"")
    with zipfile.ZipFile(folder / "server-1-py3-none-any.whl", "w") as file:
        file.write(jar, "ts/frontend/server.jar")
    jar.unlink()


def test_a_wheels_jars_are_looked_into(tmp_path: Path) -> None:
    wheel_with(tmp_path, "4.1.53.Final")
    status, said = audited_jars(tmp_path)
    assert status == 0
    assert "io.netty:netty-codec-http2 4.1.53.Final: 4 known" in said
    assert "CVE-2023-44487, fixed in 4.1.100: TorchServe's gRPC servers are not started" in said
    assert "org.x:lib 1.2: not in the list" in said
    assert "the jar tells no version of org.untold.some" in said
    assert said.splitlines()[-1].startswith(
        "audit of jars: ok: 4 known vulnerabilities that cannot be reached, by the list of"
    )


def test_a_mended_library_has_none(tmp_path: Path) -> None:
    wheel_with(tmp_path, "4.1.200.Final")
    assert "io.netty:netty-codec-http2 4.1.200.Final: 0 known" in audited_jars(tmp_path)[1]


def test_an_advisory_without_a_reason_fails_the_audit(tmp_path: Path) -> None:
    wheel_with(tmp_path, "4.1.53.Final")
    script, advisories = tmp_path / "audit-jars", json.loads(JARS.with_name("jar-advisories.json").read_text())
    script.write_text(JARS.read_text())
    del advisories["libraries"]["io.netty"]["advisories"][1]["why"]
    (tmp_path / "jar-advisories.json").write_text(json.dumps(advisories))
    status, said = audited_jars(tmp_path, script)
    assert (status, said.splitlines()[-1]) == (
        1,
        "audit of jars: FAILED: 1 advisories do not say why what they are about cannot be reached",
    )


def test_without_a_jar_the_audit_of_jars_is_skipped(tmp_path: Path) -> None:
    assert audited_jars(tmp_path) == (0, f"audit of jars: SKIPPED: there is no jar in the wheels of {tmp_path}\n")
