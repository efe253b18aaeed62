"""The command line, the container's environment variables, and what the workers get of both."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from model_server.environment import worker_environment
from model_server.run_dir import run_dir
from model_server.settings import ModelServerError, ServerSettings, parse
from model_server.torchserve import configuration
from tests.other_user import NOBODY


def settings(
    model_dir: Path, *options: str, environment: dict[str, str] | None = None, cores: int = 8
) -> ServerSettings:
    return parse(["--model-dir", str(model_dir), "--port", "8080", *options], environment or {}, cores)


class TestWorkersAndThreads:
    @pytest.mark.parametrize(
        ("options", "environment", "workers", "threads"),
        [
            ((), {}, 8, 1),  # TorchServe: one worker per core
            (("--workers", "2"), {}, 2, 4),
            (("--workers", "3"), {}, 3, 2),
            (("--workers", "16"), {}, 16, 1),
            (("--workers", "2", "--threads", "1"), {}, 2, 1),
            ((), {"SAGEMAKER_MODEL_SERVER_WORKERS": "4"}, 4, 2),
            (("--workers", "1"), {"SAGEMAKER_MODEL_SERVER_WORKERS": "4"}, 1, 8),
            (("--workers", "2"), {"OMP_NUM_THREADS": "3"}, 2, 3),
            (("--workers", "2", "--threads", "1"), {"OMP_NUM_THREADS": "3"}, 2, 1),
        ],
    )
    def test_the_command_line_wins_over_the_environment_over_the_cores(
        self, options: tuple[str, ...], environment: dict[str, str], workers: int, threads: int, tmp_path: Path
    ) -> None:
        parsed = settings(tmp_path, *options, environment=environment)
        assert (parsed.workers, parsed.threads) == (workers, threads)

    def test_a_variable_that_is_no_number_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(
            ModelServerError, match=r"SAGEMAKER_MODEL_SERVER_TIMEOUT is 'soon': set it to a whole number"
        ):
            settings(tmp_path, environment={"SAGEMAKER_MODEL_SERVER_TIMEOUT": "soon"})

    @pytest.mark.parametrize("options", [("--workers", "0"), ("--server", "flask"), ("--nonsense",)])
    def test_a_usage_error_is_status_2(self, options: tuple[str, ...], tmp_path: Path) -> None:
        with pytest.raises(SystemExit) as error:
            settings(tmp_path, *options)
        assert error.value.code == 2

    def test_a_folder_of_recordings_must_be_there(self, tmp_path: Path) -> None:
        with pytest.raises(ModelServerError, match="--responses /no/such/folder is not a folder"):
            settings(tmp_path, "--responses", "/no/such/folder")


class TestWorkerEnvironment:
    def test_the_model_s_code_comes_first_on_the_path(self, tmp_path: Path) -> None:
        worker = worker_environment(settings(tmp_path), {"PYTHONPATH": "/x", "A": "b"}, Path("l"), Path("c"), tmp_path)
        assert worker["PYTHONPATH"] == f"{tmp_path}/code:/x"
        assert worker["A"] == "b"
        assert worker["OMP_NUM_THREADS"] == "1"

    def test_temporary_files_go_with_the_run(self, tmp_path: Path) -> None:
        worker = worker_environment(settings(tmp_path), {"TMPDIR": "/t"}, tmp_path / "run" / "l", Path("c"), tmp_path)
        assert worker["TMPDIR"] == str(tmp_path / "run")

    def test_the_network_is_left_alone_without_recordings(self, tmp_path: Path) -> None:
        inherited = {"TORCH_HOME": "/torch", "HTTP_PROXY": "http://proxy"}
        worker = worker_environment(settings(tmp_path), inherited, Path("l"), Path("c"), tmp_path)
        assert inherited.items() <= worker.items()

    def test_with_recordings_torch_home_is_the_run_s_own(self, tmp_path: Path) -> None:
        inherited = {"TORCH_HOME": "/torch"}
        parsed = settings(tmp_path, "--responses", str(tmp_path), environment=inherited)
        assert parsed.torch_home == Path("/torch")
        worker = worker_environment(parsed, inherited, Path("l"), Path("c"), tmp_path)
        assert worker["TORCH_HOME"] == str(tmp_path / "torch")


def test_torchserve_is_told_private_addresses_and_the_container_s_limits(tmp_path: Path) -> None:
    properties = configuration(settings(tmp_path, "--workers", "2"), Path("/s")).splitlines()
    assert {
        "inference_address=unix:/s/inference.sock",
        "management_address=unix:/s/management.sock",
        "disable_token_authorization=false",
        "decode_input_request=false",
        "default_workers_per_model=2",
        "default_response_timeout=60",
        "job_queue_size=100",
    } <= set(properties)


class TestRunDir:
    def test_its_sockets_have_a_short_name_wherever_it_is(self, tmp_path: Path) -> None:
        deep = tmp_path / ("x" * 100) / ("y" * 100)
        with run_dir(deep) as folder:
            assert len(str(folder.sockets)) < 40
            (folder.sockets / "file").touch()
            assert (folder.path / "file").exists()
            assert folder.path.stat().st_mode & 0o077 == 0
        assert not deep.exists()

    def test_what_was_in_the_work_dir_stays(self, tmp_path: Path) -> None:
        (tmp_path / "theirs").touch()
        with run_dir(tmp_path):
            pass
        assert [path.name for path in tmp_path.iterdir()] == ["theirs"]

    @pytest.mark.parametrize("whose", ["nobody", "link"])
    def test_what_is_another_user_s_or_a_link_is_left_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whose: str
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        theirs = tmp_path / "theirs"
        theirs.mkdir()
        (theirs / "file").touch()
        planted = tmp_path / "sagemaker-model-server-planted"
        if whose == "link":
            planted.symlink_to(theirs)
        else:
            if os.geteuid() != 0:
                pytest.skip("only root may give a folder to another user")
            theirs.rename(planted)
            os.chown(planted, NOBODY, NOBODY)
        an_hour_ago = time.time() - 3600
        os.utime(planted, (an_hour_ago, an_hour_ago), follow_symlinks=False)
        with run_dir(None):
            assert (planted / "file").exists()
        assert (planted / "file").exists()

    def test_what_killed_runs_left_is_cleared_and_living_runs_are_not(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        left = tmp_path / "sagemaker-model-server-left"
        left.mkdir()
        with run_dir(None) as living:
            for folder in (left, living.path):
                an_hour_ago = time.time() - 3600
                os.utime(folder, (an_hour_ago, an_hour_ago))
            with run_dir(None) as newest:
                assert set(tmp_path.iterdir()) == {living.path, newest.path}
        assert list(tmp_path.iterdir()) == []
