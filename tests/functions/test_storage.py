"""/tmp: an environment's own, and of a size."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from harness.backend.client import Backend
from harness.functions import storage
from harness.functions.storage import StorageWatch, used
from tests.functions.conftest import Lambda, make_service, running

MEGABYTE = 1_048_576
FILL = """
def handler(event, context):
    written = 0
    try:
        for number in range(100):
            with open(f"/tmp/{number}", "wb") as file:
                file.write(b"x" * 50_000_000)
            written += 50_000_000
    except OSError as error:
        return [written, error.errno]
    return [written, 0]
"""
WRITER = """
import sys
for line in sys.stdin:
    try:
        open(line.strip(), "wb").write(b"x" * 5000)
        print(0, flush=True)
    except OSError as error:
        print(error.errno, flush=True)
"""


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that is not below /tmp."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


@pytest.fixture
async def private(backend: Backend, elsewhere: Path) -> AsyncIterator[Lambda]:
    async with running(make_service(backend, elsewhere / "w"), backend) as one:
        yield one


def allowed() -> bool:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        return storage.can_be_private(Path(folder))


here = pytest.mark.skipif(not allowed(), reason="no mount namespace can be made on this machine")


@here
async def test_tmp_is_each_environments_own_and_stays_while_it_is_warm(private: Lambda) -> None:
    source = """
    import os, tempfile, time
    def handler(event, context):
        time.sleep(0.2)
        before = sorted(os.listdir("/tmp"))
        open("/tmp/" + event, "w").close()
        return [before, tempfile.gettempdir(), os.environ.get("TMPDIR")]
    """
    name = await private.create(source)
    both = await asyncio.gather(private.invoke(name, "a"), private.invoke(name, "b"))
    assert [answer.payload for answer in both] == [[[], "/tmp", None]] * 2
    again = (await private.invoke(name, "c")).payload[0]
    assert again in (["a"], ["b"])
    assert "c" not in await asyncio.to_thread(os.listdir, "/tmp")


@here
async def test_a_full_tmp_is_an_error_of_the_handler_that_filled_it(private: Lambda) -> None:
    name = await private.create(FILL, Timeout=60, MemorySize=512)
    written, number = (await private.invoke(name)).payload
    assert number == 27  # where AWS has 28
    assert written + 50_000_000 >= 500_000_000
    assert written < 3 * 512 * MEGABYTE  # it is looked at, not counted: see storage.py
    assert (await private.invoke(await private.create(), "other")).payload == "other"


@here
async def test_code_is_read_only_even_for_root(private: Lambda) -> None:
    # Lambda guide, lambda-runtime-environment: only /tmp can be written to
    source = """
    import errno, os
    def handler(event, context):
        failed = []
        for change in (lambda: open("left", "w"), lambda: os.remove(os.environ["LAMBDA_TASK_ROOT"] + "/app.py")):
            try:
                change()
            except OSError as error:
                failed.append(errno.errorcode[error.errno])
        return failed
    """
    assert (await private.invoke(await private.create(source))).payload == ["EROFS", "EROFS"]


async def test_elsewhere_tmpdir_names_a_folder_of_its_own(lambda_: Lambda) -> None:
    host = lambda_.service.state.deployer.host
    assert host is not None
    assert not host.private_tmp  # pytest's own folders lie below /tmp
    source = "import tempfile\ndef handler(event, context): return tempfile.gettempdir()"
    assert (await lambda_.invoke(await lambda_.create(source))).payload.endswith("/tmp")


async def test_one_file_is_no_larger_than_the_storage(lambda_: Lambda) -> None:
    source = """
    import os, tempfile
    def handler(event, context):
        with open(os.path.join(tempfile.gettempdir(), "x"), "wb") as file:
            file.truncate(event)
    """
    name = await lambda_.create(source)
    assert (await lambda_.invoke(name, 512 * MEGABYTE)).error is None
    assert (await lambda_.invoke(name, 512 * MEGABYTE + 1)).payload["errorType"] == "OSError"
    await lambda_("UpdateFunctionConfiguration", FunctionName=name, EphemeralStorage={"Size": 1024})
    assert (await lambda_.invoke(name, 1024 * MEGABYTE)).error is None


def test_used_is_what_lies_on_disk(tmp_path: Path) -> None:
    before = used(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 100_000)
    (tmp_path / "link").symlink_to("/usr")
    assert 100_000 <= used(tmp_path) - before < 200_000
    assert used(tmp_path / "gone") == 0


@pytest.mark.unmeasured  # coverage could not write its file either
def test_files_cannot_grow_while_the_folder_is_full_and_can_again_afterwards(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert child.stdin is not None
    assert child.stdout is not None

    def write() -> int:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(f"{tmp_path}/file\n")
        child.stdin.flush()
        return int(child.stdout.readline())

    watch = StorageWatch(tmp_path, 100_000)
    (tmp_path / "large").write_bytes(b"x" * 200_000)
    assert write() == 0
    watch.look([child.pid, 0])
    assert write() == 27
    (tmp_path / "mine").write_bytes(b"x")  # the process that watches is not limited itself
    (tmp_path / "large").unlink()
    watch._next = 0
    watch.look([child.pid])
    assert write() == 0
    child.stdin.close()
    child.wait()


def test_what_the_code_needs_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    assert not storage.can_be_private(Path("/tmp") / "workspace")
    monkeypatch.setattr(sys, "prefix", "/tmp/venv")
    assert not storage.can_be_private(elsewhere)
