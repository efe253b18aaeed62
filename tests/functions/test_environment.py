"""Execution environments: who shares one, what ends one, and what outlives nothing."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import uvloop

from harness.backend.client import Backend
from harness.core import memory
from harness.core.clock import WallClock
from harness.functions import environment
from harness.functions.cgroup import MemoryCgroups
from tests.functions.conftest import ROLE, Lambda, alive, eventually, make_service, running, zipped
from tests.support import Aws, unique

PID = "import os\ndef handler(event, context): return os.getpid()"
SLOW_PID = "import os, time\ndef handler(event, context):\n    time.sleep(event or 0)\n    return os.getpid()"


async def gone(*pids: int) -> None:
    await eventually(lambda: not any(alive(pid) for pid in pids))


async def written(path: Path) -> str:
    await eventually(lambda: path.exists() and path.read_text() != "")
    return await asyncio.to_thread(path.read_text)


def is_folder(path: str) -> bool:
    return Path(path).is_dir()


async def test_requests_at_the_same_time_get_environments_of_their_own(lambda_: Lambda) -> None:
    name = await lambda_.create(SLOW_PID)
    answers = await asyncio.gather(*(lambda_.invoke(name, 0.4) for _ in range(4)))
    assert len({answer.payload for answer in answers}) == 4
    assert all("Init Duration" in answer.log for answer in answers)


async def test_a_warm_environment_is_used_again(lambda_: Lambda) -> None:
    name = await lambda_.create(PID)
    answers = [await lambda_.invoke(name) for _ in range(5)]
    assert len({answer.payload for answer in answers}) == 1
    assert ["Init Duration" in answer.log for answer in answers] == [True, False, False, False, False]


async def test_the_most_recently_used_environment_is_taken_first(lambda_: Lambda) -> None:
    name = await lambda_.create(SLOW_PID)
    short, long = await asyncio.gather(lambda_.invoke(name, 0.3), lambda_.invoke(name, 0.7))
    assert (await lambda_.invoke(name)).payload == long.payload != short.payload


async def test_modules_keep_their_state_between_requests(lambda_: Lambda) -> None:
    name = await lambda_.create(
        "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count"
    )
    assert [(await lambda_.invoke(name)).payload for _ in range(3)] == [1, 2, 3]


async def test_a_timeout_kills_the_whole_process_group(lambda_: Lambda, tmp_path: Path) -> None:
    name = await lambda_.create(
        f"""
        import os, pathlib, signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        def handler(event, context):
            fork = os.fork()
            if fork == 0:
                time.sleep(60)
            child = subprocess.Popen(["sleep", "60"])
            pathlib.Path({str(tmp_path)!r}, "pids").write_text(f"{{os.getpid()}} {{fork}} {{child.pid}}")
            while True:
                pass
        """,
        Timeout=1,
    )
    started = time.monotonic()
    answer = await lambda_.invoke(name)
    assert 1 <= time.monotonic() - started < 20  # what it forked would run for a minute
    assert answer.error == "Unhandled"
    assert answer.payload == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {answer.request_id} Error: Task timed out after 1.00 seconds",
    }
    assert f"{answer.request_id} Task timed out after 1.00 seconds\n\nEND RequestId" in answer.log
    assert "\tDuration: 1000.00 ms\t" in answer.log
    assert answer.log.endswith("\tStatus: timeout\t\n")
    await gone(*map(int, (tmp_path / "pids").read_text().split()))


@pytest.mark.parametrize("when", ["idle", "in a request"])
async def test_an_environment_that_hangs_costs_one_timeout_and_is_replaced(
    lambda_: Lambda, tmp_path: Path, when: str
) -> None:
    """SIGSTOP: only SIGKILL ends such a process."""
    name = await lambda_.create(
        f"""
        import os, pathlib, time
        def handler(event, context):
            pathlib.Path({str(tmp_path)!r}, "pid").write_text(str(os.getpid()))
            time.sleep(event or 0)
            return os.getpid()
        """,
        Timeout=1,
    )
    hung = (await lambda_.invoke(name)).payload
    if when == "idle":
        os.kill(hung, signal.SIGSTOP)
        answer = await lambda_.invoke(name)
    else:
        request = asyncio.create_task(lambda_.invoke(name, 0.5))
        await asyncio.sleep(0.1)
        os.kill(hung, signal.SIGSTOP)
        answer = await request
    assert answer.payload["errorType"] == "Sandbox.Timedout"
    assert (await lambda_.invoke(name)).payload != hung
    await gone(hung)


async def test_what_a_handler_forked_dies_with_an_exiting_runtime(lambda_: Lambda, tmp_path: Path) -> None:
    name = await lambda_.create(
        f"""
        import os, pathlib, subprocess
        def handler(event, context):
            child = subprocess.Popen(["sleep", "60"])
            pathlib.Path({str(tmp_path)!r}, "pid").write_text(str(child.pid))
            os._exit(1)
        """
    )
    assert (await lambda_.invoke(name)).error == "Unhandled"
    await gone(int((tmp_path / "pid").read_text()))


async def test_a_kill_in_mid_request_costs_that_request_only(lambda_: Lambda, tmp_path: Path) -> None:
    name = await lambda_.create(
        f"""
        import os, pathlib, time
        def handler(event, context):
            pathlib.Path({str(tmp_path)!r}, event).write_text(str(os.getpid()))
            time.sleep(0.8)
            return event
        """
    )
    victim = asyncio.create_task(lambda_.invoke(name, "victim"))
    other = asyncio.create_task(lambda_.invoke(name, "other"))
    os.kill(int(await written(tmp_path / "victim")), signal.SIGKILL)
    answer = await victim
    assert answer.payload["errorType"] == "Runtime.ExitError"
    assert answer.payload["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert (await other).payload == "other"
    assert (await lambda_.invoke(name, "next")).payload == "next"


async def test_an_idle_environment_that_died_is_replaced(lambda_: Lambda) -> None:
    name = await lambda_.create(PID)
    pid = (await lambda_.invoke(name)).payload
    os.kill(pid, signal.SIGKILL)
    await gone(pid)
    await asyncio.sleep(0.05)
    answer = await lambda_.invoke(name)
    assert answer.error is None
    assert answer.payload != pid


async def test_more_memory_than_the_function_has_kills_it(lambda_: Lambda) -> None:
    name = await lambda_.create(
        """
        import time
        def handler(event, context):
            data = bytearray(event)
            time.sleep(0.2)
            return len(data)
        """,
        MemorySize=128,
    )
    assert (await lambda_.invoke(name, 50_000_000)).payload == 50_000_000
    answer = await lambda_.invoke(name, 300_000_000)
    assert answer.payload == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {answer.request_id} Error: Runtime exited with error: signal: killed",
    }
    assert "\tMemory Size: 128 MB\tMax Memory Used: 128 MB\t" in answer.log
    assert answer.log.endswith("\tStatus: error\tError Type: Runtime.OutOfMemory\t\n")


async def test_memory_used_in_the_report_is_that_of_the_process(lambda_: Lambda) -> None:
    name = await lambda_.create("data = bytearray(40_000_000)\ndef handler(event, context): pass", MemorySize=256)
    used = int((await lambda_.invoke(name)).log.split("Max Memory Used: ")[1].split(" MB")[0])
    assert 45 <= used <= 80


async def test_initialization_has_ten_seconds_and_is_then_repeated_in_the_invocation(
    lambda_: Lambda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Lambda guide, lifecycle; ten seconds are half of one here.
    assert environment.INIT_LIMIT == 10
    monkeypatch.setattr(environment, "INIT_LIMIT", 0.5)
    slow = "import time\ntime.sleep(0.8)\ndef handler(event, context): return 'in time'"
    answer = await lambda_.invoke(await lambda_.create(slow, Timeout=5))
    assert answer.payload == "in time"
    assert "\tPhase: init\tStatus: timeout\n" in answer.log
    assert float(answer.log.split("\tDuration: ")[1].split()[0]) > 800
    answer = await lambda_.invoke(await lambda_.create(slow.replace("0.8", "30"), Timeout=1))
    assert answer.payload["errorType"] == "Sandbox.Timedout"
    assert "\tPhase: invoke\tStatus: timeout\n" in answer.log


async def test_the_environment_is_awss_and_nothing_of_the_harnesss(
    lambda_: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_LAMBDA_MAX_CONCURRENCY", "HTTPS_PROXY", "AWS_PROFILE", "PYTHONPATH", "SOME_SECRET"):
        monkeypatch.setenv(name, "leak")
    function = await lambda_.create(
        "import os\nfirst = dict(os.environ)\ndef handler(event, context): return first",
        Runtime="python3.12",
        MemorySize=256,
        Environment={"Variables": {"DOG": "🐶", "TZ": "Europe/Berlin"}},
    )
    found = (await lambda_.invoke(function)).payload
    code = found["LAMBDA_TASK_ROOT"]
    own = Path(found["TMPDIR"]).parent
    stream = found.pop("AWS_LAMBDA_LOG_STREAM_NAME")
    assert stream.endswith(f"[$LATEST]{own.name}")
    assert found.pop("AWS_ACCESS_KEY_ID").startswith("ASIA")
    assert found.pop("AWS_SECRET_ACCESS_KEY")
    assert found.pop("AWS_SESSION_TOKEN")
    assert found.pop("AWS_LAMBDA_RUNTIME_API").startswith("127.0.0.1:")
    found.pop("LC_CTYPE", None)  # set by Python itself where the locale is missing, on AWS too
    assert found == {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": str(lambda_.backend.at),
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function}",
        "AWS_REGION": "us-east-1",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "DOG": "🐶",
        "HOME": str(own / "home"),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": code,
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": f"{code}:{code}/lib",
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin/:/bin",
        "PWD": code,
        "SHLVL": "0",
        "TMPDIR": str(own / "tmp"),
        "TZ": "Europe/Berlin",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_HANDLER": "app.handler",
    }


def test_the_function_acts_as_its_role_in_a_session_named_after_it(aws: Aws) -> None:
    code = """
        import boto3
        sts = boto3.client("sts")
        def handler(event, context): return sts.get_caller_identity()["Arn"]
        """
    role, name, client = aws.role(), unique("acts"), aws.client("lambda")
    client.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role=role,
        Timeout=20,
        Code={"ZipFile": zipped(code)},
    )
    answer = json.loads(client.invoke(FunctionName=name)["Payload"].read())
    assert answer == f"arn:aws:sts::123456789012:assumed-role/{role.rpartition('/')[2]}/{name}"


async def test_code_is_the_working_directory_and_first_on_the_path_and_tmp_is_its_own(lambda_: Lambda) -> None:
    name = await lambda_.create(
        """
        import os, sys, tempfile
        def handler(event, context):
            leads = os.getpgrp() == os.getpid()
            return [os.getcwd(), sys.path[0], tempfile.gettempdir(), os.environ["LAMBDA_TASK_ROOT"], leads]
        """
    )
    cwd, path, tmp, root, leads = (await lambda_.invoke(name)).payload
    assert cwd == path == root
    assert is_folder(tmp)
    assert Path(tmp).parent.name not in root
    assert leads


async def test_an_environment_has_1024_file_descriptors(lambda_: Lambda) -> None:
    # Lambda guide, quotas
    name = await lambda_.create(
        """
        import resource
        def handler(event, context):
            files = []
            try:
                while True:
                    files.append(open("/dev/null"))
            except OSError as error:
                return [error.errno, resource.getrlimit(resource.RLIMIT_NOFILE), len(files) > 900]
        """,
        MemorySize=256,
    )
    assert (await lambda_.invoke(name)).payload == [24, [1024, 1024], True]


async def test_credentials_that_run_out_end_a_warm_environment(lambda_: Lambda) -> None:
    name = await lambda_.create(PID)
    first = (await lambda_.invoke(name)).payload
    (pool,) = lambda_.service.state.deployer.pools
    (idle,) = pool.environments
    lasting = idle.credentials
    idle.credentials = type(lasting)("k", "s", "t", lasting.expires.replace(year=2000))
    assert (await lambda_.invoke(name)).payload != first


async def test_close_ends_what_is_busy_and_what_is_idle_and_removes_every_file(lambda_: Lambda, tmp_path: Path) -> None:
    idle = (await lambda_.invoke(await lambda_.create(PID))).payload
    busy = await lambda_.create(
        f"import os, pathlib, time\ndef handler(event, context):\n"
        f"    pathlib.Path({str(tmp_path)!r}, 'busy').write_text(str(os.getpid()))\n    time.sleep(60)",
        Timeout=100,
    )
    request = asyncio.create_task(lambda_.invoke(busy))
    pid = int(await written(tmp_path / "busy"))
    started = asyncio.create_task(lambda_.invoke(busy))  # is still being initialized when close() comes
    await asyncio.sleep(0.01)
    await lambda_.service.close()
    assert (await request).payload["errorType"] == "Runtime.ExitError"
    await asyncio.gather(started, return_exceptions=True)
    await gone(idle, pid)
    assert not (tmp_path / "lambda").exists()


HOST = """
import asyncio, json, sys
from pathlib import Path
from harness.backend.client import Backend
from harness.core.calls import Call, Principal
from harness.core.clock import WallClock
from harness.functions.api import Functions
from harness.backend.metrics import Metrics
from tests.functions.conftest import known_roles

async def main(url, role, code, workspace):
    service = Functions(Backend(url), WallClock(), Metrics(Backend(url), WallClock()), known_roles(), gateway_url=url,
                        workspace=Path(workspace))
    await service.start()
    root = Principal("arn:aws:iam::123456789012:root", "123456789012", "root")
    call = lambda operation: Call("lambda", operation, root, "123456789012", "us-east-1", "id-" + operation)
    await service.create_function(call("CreateFunction"), {
        "FunctionName": "host", "Runtime": "python3.11", "Handler": "app.handler", "Role": role, "Timeout": 100,
        "Code": {"ZipFile": Path(code).read_bytes()},
    })
    await service.invoke(call("Invoke"), {"FunctionName": "host"})

asyncio.run(main(*sys.argv[1:]))
"""


def start_host(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", HOST, *arguments], cwd=Path(__file__).parents[2])


async def test_no_child_outlives_a_harness_that_was_killed(lambda_: Lambda, tmp_path: Path) -> None:
    code = zipped(
        f"""
        import os, pathlib, signal
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGIO):
            signal.signal(number, signal.SIG_IGN)
        def handler(event, context):
            fork = os.fork()
            if fork:
                pathlib.Path({str(tmp_path)!r}, "pids").write_text(f"{{os.getpid()}} {{fork}}")
            while True:
                pass
        """
    )
    (tmp_path / "code.zip").write_bytes(code)
    arguments = [str(lambda_.backend.at), ROLE, str(tmp_path / "code.zip"), str(tmp_path / "workspace")]
    host = start_host(*arguments)
    try:
        pids = [int(pid) for pid in (await written(tmp_path / "pids")).split()]
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
    finally:
        host.kill()
        host.wait()
    await gone(*pids)


def test_a_bootstrap_whose_harness_is_already_gone_ends_at_once() -> None:
    read, write = os.pipe()
    os.close(write)
    bootstrap = Path(environment.__file__).with_name("bootstrap.py")
    settings = {"lifeline": read, "handler": "app.handler", "path": [], "cgroup": None, "tmp": None, "storage": 0}
    ended = subprocess.run(
        [sys.executable, bootstrap, json.dumps(settings)], pass_fds=[read], capture_output=True, check=False, timeout=30
    )
    os.close(read)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, b"", b"")


async def test_a_sped_up_clock_leaves_requests_their_own_time(backend: Backend, tmp_path: Path) -> None:
    async with running(make_service(backend, tmp_path / "fast", WallClock(speed=100)), backend) as fast:
        name = await fast.create("import time\ndef handler(event, context): time.sleep(0.3)", Timeout=10)
        answer = await fast.invoke(name)
        assert answer.error is None
        assert 300 <= float(answer.log.split("\tDuration: ")[1].split()[0]) < 3_000


def test_the_same_on_uvloop_in_any_thread(backend: Backend, tmp_path: Path) -> None:
    async def session() -> tuple[str, str]:
        async with running(make_service(backend, tmp_path / "uv"), backend) as uv:
            name = await uv.create(
                "import os\ndef handler(event, context):\n    print('woof')\n    os._exit(event)", Timeout=9
            )
            return (await uv.invoke(name, 7)).payload["errorMessage"], (await uv.invoke(name, 8)).log

    with ThreadPoolExecutor(1) as thread:
        message, log = thread.submit(uvloop.run, session()).result()
    assert message.endswith("exit status 7")
    assert "woof\n" in log


async def test_what_a_killed_harness_left_is_removed_at_the_next_start(backend: Backend, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    (workspace / "code" / "old").mkdir(parents=True)
    service = make_service(backend, workspace)
    await service.start()
    assert [*workspace.iterdir()] == []
    await service.close()


@pytest.mark.skipif(MemoryCgroups.find() is None, reason="the harness may make no memory cgroup on this machine")
async def test_what_leaves_the_process_group_is_killed_with_its_environment(lambda_: Lambda, tmp_path: Path) -> None:
    name = await lambda_.create(
        f"""
        import pathlib, signal, subprocess, sys, time
        def handler(event, context):
            stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
            child = subprocess.Popen([sys.executable, "-c", stubborn], start_new_session=True)
            pathlib.Path({str(tmp_path)!r}, "pid").write_text(str(child.pid))
            time.sleep(event)
        """,
        Timeout=1,
    )
    assert (await lambda_.invoke(name, 60)).payload["errorType"] == "Sandbox.Timedout"
    await gone(int((tmp_path / "pid").read_text()))


async def test_without_a_cgroup_memory_is_limited_by_looking_at_it(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryCgroups, "find", lambda: None)
    source = "import time\ndef handler(event, context):\n    data = bytearray(event)\n    time.sleep(0.2)"
    async with running(make_service(backend, tmp_path / "plain"), backend) as plain:
        name = await plain.create(source)
        assert (await plain.invoke(name, 50_000_000)).error is None
        answer = await plain.invoke(name, 300_000_000)
        assert answer.payload["errorType"] == "Runtime.ExitError"
        assert answer.log.endswith("\tStatus: error\tError Type: Runtime.OutOfMemory\t\n")
        with monkeypatch.context() as patched:  # a short peak between two looks counts as well
            patched.setattr(environment, "POLL_SECONDS", 60)
            assert (await plain.invoke(name, 300_000_000)).payload["errorType"] == "Runtime.ExitError"


async def test_one_that_has_forked_much_is_looked_at_for_a_tenth_of_the_time(
    lambda_: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    def slow(family: Sequence[int]) -> int:
        looks.append(time.monotonic())
        time.sleep(0.05)  # as with some hundred processes
        return len(family)

    monkeypatch.setattr(memory, "resident", slow)
    name = await lambda_.create("import time\ndef handler(event, context): time.sleep(1.5)", Timeout=60)
    assert (await lambda_.invoke(name)).error is None
    assert len(looks) >= 2
    turns = 2  # initialization and invocation begin anew
    assert len([gap for gap in itertools.pairwise(looks) if gap[1] - gap[0] < 0.5]) < turns


async def test_what_one_function_does_to_itself_is_nobody_elses_business(lambda_: Lambda) -> None:
    bad = {
        "flood": "def handler(event, context):\n    for _ in range(20_000): print('x' * 100)",
        "forks": "import os, time\ndef handler(event, context):\n    for _ in range(20):\n        if os.fork() == 0:\n"
        "            time.sleep(60)\n    os._exit(1)",
        "deaf": "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ndef handler(event, context):\n"
        "    while True: pass",
    }
    others = set(psutil.Process().children(recursive=True))  # of other fixtures of the session
    names = [await lambda_.create(source, Timeout=1) for source in bad.values()]
    good = await lambda_.create("def handler(event, context): return event")
    troubles = [asyncio.create_task(lambda_.invoke(name)) for name in names]
    for number in range(20):
        assert (await lambda_.invoke(good, number)).payload == number
    flood, forks, deaf = await asyncio.gather(*troubles)
    assert flood.error is None or flood.payload["errorType"] == "Sandbox.Timedout"
    assert forks.payload["errorType"] == "Runtime.ExitError"
    assert deaf.payload["errorType"] == "Sandbox.Timedout"
    left = set(psutil.Process().children(recursive=True)) - others
    assert len(left) <= 3  # the good one, the flood's and nothing that was forked
