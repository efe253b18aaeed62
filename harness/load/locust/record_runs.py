"""Importing this module in a locustfile records every run of it in the run store (``load.runs``).

Options: --runs FOLDER (HARNESS_RUNS, default ./runs), --seed N (HARNESS_SEED), and --stack FILE (HARNESS_STACK), the
stack file whose settings the manifest names. Under locust's master the master makes the folder, and each worker writes
a stream of its own in it.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from harness.load.answers import DROPPED, Observation
from harness.load.failures import causes
from harness.load.latency_log import LatencyLog
from harness.load.locust import web_form  # noqa: F401 - closes the web page to other users and other sites
from harness.load.locust.arrival import take_lateness
from harness.load.locust.generator_monitor import GeneratorMonitor
from harness.load.locust.manifest import check_before_start, new_manifest
from harness.load.locust.open_loop import dropped_listeners, find_player
from harness.load.locust.preflight import cut_short
from harness.load.locust.request_stream import RequestStream
from harness.load.locust.response import unfinished_listeners
from harness.load.runs import Ending, Manifest, read_run
from harness.load.validity import judge
from model_server.private import FOLDER_MODE, UMASK, private_folder

logger = logging.getLogger(__name__)

MESSAGE = "harness-run"
"""The master's message to its workers: the folder of the run."""
LATENCIES = "harness-latencies"
"""The part of a worker's report to its master that has the latencies since the last report."""


class RunRecorder:
    """Records the runs of one locust process, one after the other."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.folder: Path | None = None
        self.manifest: Manifest | None = None
        self.stream: RequestStream | None = None
        self.monitor: GeneratorMonitor | None = None
        self.latencies = LatencyLog()
        self.finished: tuple[Path, Manifest] | None = None
        self.quitting = False
        self.last_line: str | None = None
        self._announced: tuple[Path, str] | None = None
        self._seed_option: int | None = None
        self._runner: Any = environment.runner

    @property
    def options(self) -> Any:
        return self.environment.parsed_options

    def announced(self, msg: Any, **_: Any) -> None:
        """On a worker: note the run folder that the master has made."""
        self._announced = (Path(msg.data["folder"]), msg.data["worker_runs"])

    def start(self) -> None:
        """Begin a run: make its folder and manifest and, unless this is a master, its stream.

        If they cannot be written, the run goes on unrecorded.
        """
        options = self.options
        index = self._runner.worker_index if isinstance(self._runner, WorkerRunner) else 0
        self.latencies = LatencyLog()
        self.finished = None
        cut_short.pop(self.environment, None)
        try:
            if isinstance(self._runner, WorkerRunner) and self._announced is not None:
                self.folder = self._worker_folder(*self._announced)
                self.manifest = None
                seed = options.seed
            else:
                self.manifest = new_manifest(self.environment)
                self._seed_option = options.seed
                seed = options.seed = self.manifest.seed
                self.folder = Path(options.runs).resolve() / self.manifest.id
                self.folder.parent.mkdir(parents=True, exist_ok=True)
                self.folder.mkdir(FOLDER_MODE)
                self.manifest.write(self.folder)
            random.seed(seed + index)
            if isinstance(self._runner, MasterRunner):
                self._runner.send_message(MESSAGE, {"folder": str(self.folder), "worker_runs": options.runs})
            else:
                suffix = f"-{index}" if isinstance(self._runner, WorkerRunner) else ""
                self.stream = RequestStream(self.folder / f"requests{suffix}.arrow", self._note_failure)
                self.monitor = GeneratorMonitor(self.folder / f"generator{suffix}.jsonl", self._under_way)
        except OSError as error:
            self.folder = self.manifest = self.stream = None
            logger.error(
                "The run is not recorded, but goes on: %s cannot be written (%s); set HARNESS_RUNS to another folder.",
                options.runs,
                error.strerror or error,
            )

    def end_on_interrupt(self) -> None:
        """Make Ctrl-C end the process as SIGTERM does; by default it is raised in whichever user is running."""

        def interrupted() -> None:
            self.quitting = True
            player = find_player(self.environment)
            if player is not None:
                player.hurried = True
            self._runner.quit()
            if self.environment.web_ui is not None:
                web: Any = self.environment.web_ui
                web.stop()

        gevent.signal_handler(signal.SIGINT, interrupted)

    def stop(self) -> None:
        """End the run: complete the stream, and write in the manifest how the run ended."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None
        if self.monitor is not None:
            self.monitor.close()
            self.monitor = None
        if self.manifest is None or self.folder is None:
            return
        # The next run on the web page draws a seed of its own again.
        self.options.seed = self._seed_option
        self.manifest.ended = time.time()
        self.manifest.ending = self._ending(self.manifest.ended - self.manifest.started)
        self.manifest.cut_short = cut_short.get(self.environment)
        player = find_player(self.environment)
        self.manifest.lost_workers = len(player.lost) if player is not None else 0
        try:
            self.manifest.write(self.folder)
        except OSError as error:
            logger.error("The end of the run could not be written in %s (%s).", self.folder, error.strerror or error)
        self.finished = (self.folder, self.manifest)
        self.write_latencies()
        shown = self.folder.relative_to(Path.cwd()) if self.folder.is_relative_to(Path.cwd()) else self.folder
        self.last_line = f"The run is recorded in {shown}; for its report: harness report {shown}"
        self.folder = self.manifest = None

    def print_result(self) -> None:
        """Print why requests failed, whether the run is invalid, and where it is recorded."""
        if self.last_line is None or self.finished is None:
            return
        run = read_run(self.finished[0])
        for cause in causes(run.requests, run.manifest.options):
            print(cause, flush=True)
        for reason in judge(run).reasons:
            print(f"The run is INVALID: {reason}", flush=True)
        print(self.last_line, flush=True)
        self.last_line = None

    def write_latencies(self) -> None:
        """Write the latency log of a finished run; a master writes it again with each worker's last report."""
        if self.finished is None:
            return
        folder, manifest = self.finished
        try:
            self.latencies.write(folder, manifest.started, (manifest.ended or time.time()) - manifest.started)
        except OSError as error:
            logger.error("The histograms could not be written in %s (%s).", folder, error.strerror or error)

    def add(
        self, *, start: float, name: str, late: float | None, service: float, error: str | None,
        observation: Observation,
    ) -> None:  # fmt: skip
        """Add one request.

        start: Unix seconds at sending. late: seconds from the intended start, None in a closed loop. service: seconds
        from the start to the last byte.
        """
        seconds = (late or 0.0) + service
        if error is None:
            self.latencies.record(observation.kind, name, seconds)
        if self.stream is None:
            return
        self.stream.add(
            (
                start,
                None if late is None else start - late,
                late,
                name,
                observation.kind,
                seconds,
                service,
                observation.status,
                error,
                observation.message,
                observation.request_bytes,
                observation.response_bytes,
                observation.cold_init,
                observation.function_seconds,
                observation.variant,
                len(self._runner.user_greenlets),
                observation.instance,
            )
        )

    def _under_way(self) -> int:
        player = find_player(self.environment)
        return player.outstanding if player is not None else 0

    def _worker_folder(self, folder: Path, runs: str) -> Path:
        if folder.is_dir():
            return folder
        # The master is on another machine: this machine's part of the run goes to this machine's run store.
        here = Path(runs).resolve() / folder.name
        here.parent.mkdir(parents=True, exist_ok=True)
        return private_folder(here)

    def _note_failure(self, reason: str) -> None:
        self.environment.process_exit_code = 1
        if self.manifest is not None:
            self.manifest.unrecorded = reason

    def _ending(self, lasted: float) -> Ending:
        if self.environment in cut_short:
            return "stopped"
        player = find_player(self.environment)
        if player is not None and player.completed:
            return "finished"
        if self.quitting:
            return "stopped"
        if self.environment.shape_class is not None:
            return "finished"
        run_time = self.options.run_time
        if not run_time:
            return "stopped"
        # Headless, only the run time ends a run without quitting. On the web page a person may end it, too, and
        # locust's timer may start a moment before the run.
        return "finished" if self.environment.web_ui is None or lasted >= run_time - 1 else "stopped"


def _add_options(parser: LocustArgumentParser) -> None:
    group = parser.add_argument_group("Harness run store")
    group.add_argument("--runs", default="runs", env_var="HARNESS_RUNS", help="Folder that runs are recorded in")
    group.add_argument("--stack", default=None, env_var="HARNESS_STACK", help="Stack file that the manifest shows")
    group.add_argument(
        "--seed", default=None, type=int, env_var="HARNESS_SEED", help="Seed of the users' random choices"
    )


def _attach(environment: Environment, **_: Any) -> None:
    os.umask(UMASK)  # a run has what was sent and answered, which is for this user only
    recorder = RunRecorder(environment)
    if not isinstance(environment.runner, WorkerRunner):
        check_before_start(recorder.options.runs, recorder.options.stack)
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.register_message(MESSAGE, lambda environment, msg: recorder.announced(msg))

    def on_request(request_type: str, name: str, response_time: float, response_length: int, **event: Any) -> None:
        exception, context = event.get("exception"), event.get("context") or {}
        service = context.get("service", (response_time or 0.0) / 1000)
        # Locust's own users know nothing of arrivals: their first request is one.
        late = context["late"] if "late" in context else take_lateness(time.perf_counter() - service)
        recorder.add(
            start=event.get("start_time") or time.time() - service,
            name=name,
            late=late,
            service=service,
            error=None if exception is None else str(exception) or type(exception).__name__,
            observation=context.get("observation") or Observation(request_type, response_bytes=response_length or 0),
        )

    def on_unfinished(name: str, start: float, late: float | None, seconds: float, observation: Observation) -> None:
        recorder.add(
            start=start, name=name, late=late, service=seconds, error=observation.error, observation=observation
        )  # fmt: skip

    def on_dropped(name: str, intended: float) -> None:
        observation = Observation("arrival")
        recorder.add(start=intended, name=name, late=0.0, service=0.0, error=DROPPED, observation=observation)

    def on_report(client_id: str, data: dict[str, Any]) -> None:
        data[LATENCIES] = recorder.latencies.take()

    def on_worker_report(client_id: str, data: dict[str, Any]) -> None:
        recorder.latencies.add(data.get(LATENCIES, {}))
        recorder.write_latencies()

    def on_test_start(**_: Any) -> None:
        # Not before: until a run starts, the interrupt must still end locust's wait for its workers.
        recorder.end_on_interrupt()
        recorder.start()

    def on_test_stop(**_: Any) -> None:
        recorder.stop()
        if environment.web_ui is not None:
            recorder.print_result()

    def on_quitting(**_: Any) -> None:
        recorder.quitting = True

    def on_quit(**_: Any) -> None:
        recorder.stop()
        recorder.print_result()

    hooks: Any = environment.events
    hooks.request.add_listener(on_request)
    hooks.test_start.add_listener(on_test_start)
    hooks.test_stop.add_listener(on_test_stop)
    hooks.quitting.add_listener(on_quitting)
    hooks.quit.add_listener(on_quit)
    if isinstance(environment.runner, WorkerRunner):
        hooks.report_to_master.add_listener(on_report)
    else:
        hooks.worker_report.add_listener(on_worker_report)
    unfinished_listeners.append(on_unfinished)
    dropped_listeners.append(on_dropped)
    # The loop's clock still shows its last turn, before all the imports: locust's run time would count from there.
    gevent.get_hub().loop.update_now()


_events: Any = events
_events.init_command_line_parser.add_listener(_add_options)
_events.init.add_listener(_attach)
