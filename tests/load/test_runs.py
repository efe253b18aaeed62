"""A run is a folder that stays readable even if the process that wrote it was killed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import HarnessError
from harness.load.runs import FORMAT, MANIFEST, SCHEMA, Manifest, list_runs, new_run_id, read_run
from tests.load.recorded import STARTED, manifest, request, write_run


def test_requests_are_read_unrounded_and_in_order(tmp_path: Path) -> None:
    seconds = 0.123456789012345
    write_run(tmp_path, [request(start=STARTED + 2), request(start=STARTED + 1, response_s=seconds, variant="v")])
    run = read_run(tmp_path)
    assert run.manifest == manifest()
    assert run.requests["start"].to_pylist() == [STARTED + 1, STARTED + 2]
    assert run.requests["response_s"][0].as_py() == seconds
    assert run.requests["variant"].to_pylist() == ["v", None]
    assert run.requests.schema.field("name").type == pa.string()


def test_the_streams_of_all_workers_are_one_run(tmp_path: Path) -> None:
    write_run(tmp_path, [request(start=STARTED + 1)])
    (tmp_path / "requests.arrow").rename(tmp_path / "requests-0.arrow")
    write_run(tmp_path, [request(start=STARTED, name="other", error="ModelError(500)")])
    (tmp_path / "requests.arrow").rename(tmp_path / "requests-1.arrow")
    assert read_run(tmp_path).requests["name"].to_pylist() == ["other", "dog-breed"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A run of three batches that was killed, and the content of its stream."""
    requests = [request(start=STARTED + i, name=f"n{i // 500}") for i in range(1500)]
    folder = write_run(tmp_path_factory.mktemp("run"), requests, ended=None, ending=None)
    return folder, (folder / "requests.arrow").read_bytes()


@given(share=st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_a_stream_cut_anywhere_keeps_its_complete_batches(whole: tuple[Path, bytes], share: float) -> None:
    folder, content = whole
    (folder / "requests.arrow").write_bytes(content[: int(len(content) * share)])
    starts = read_run(folder).requests["start"].to_pylist()
    assert len(starts) % 500 == 0
    assert starts == [STARTED + i for i in range(len(starts))]
    assert len(starts) >= 500 * int(share * 2.9)


def test_a_run_that_was_killed_before_its_first_request_is_an_empty_run(tmp_path: Path) -> None:
    manifest(ended=None, ending=None).write(tmp_path)
    assert read_run(tmp_path).requests.num_rows == 0


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.9999])
def test_a_run_that_ended_has_the_whole_of_its_stream(whole: tuple[Path, bytes], tmp_path: Path, kept: float) -> None:
    folder = write_run(tmp_path, [])
    (folder / "requests.arrow").write_bytes(whole[1][: int(len(whole[1]) * kept)])
    with pytest.raises(HarnessError, match=r"requests\.arrow is damaged \(it has no end, and the run ended\): "):
        read_run(folder)
    (folder / "requests.arrow").unlink()
    with pytest.raises(HarnessError, match=r"has lost its requests\.arrow: "):
        read_run(folder)


def test_a_worker_may_have_been_killed_in_a_run_that_ended(whole: tuple[Path, bytes], tmp_path: Path) -> None:
    folder = write_run(tmp_path, [], options={"workers": 2})
    (folder / "requests.arrow").write_bytes(whole[1][: len(whole[1]) // 2])
    assert read_run(folder).requests.num_rows == 500


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_stream_that_is_damaged_is_never_read_in_part(whole: tuple[Path, bytes], data: st.DataObject) -> None:
    """No request is lost in silence. (Arrow has no checksums: a number that became another is not noticed.)"""
    folder, content = whole
    at = data.draw(st.integers(0, len(content) - 1))
    changed = bytes([data.draw(st.integers(0, 255))])
    (folder / "requests.arrow").write_bytes(content[:at] + changed + content[at + 1 :])
    manifest().write(folder)
    try:
        read = read_run(folder).requests.num_rows
    except HarnessError as error:
        assert "requests.arrow is damaged (" in str(error)
    else:
        assert read == 1500
    finally:
        manifest(ended=None, ending=None).write(folder)


@pytest.mark.parametrize("content", [b"garbage", b"garbage" * 1000, bytes(100), b"\xff" * 100, b"PK\x03\x04" * 99])
def test_another_file_in_place_of_a_stream_is_refused(whole: tuple[Path, bytes], content: bytes) -> None:
    folder, _ = whole
    (folder / "requests.arrow").write_bytes(content)
    with pytest.raises(HarnessError, match=r"requests\.arrow is damaged \("):
        read_run(folder)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "is not a run"), ("{", "cannot be read"), ("[]", "of this version"), ('{"format": 99}', "of this version")],
)
def test_another_folder_is_refused_in_a_sentence(tmp_path: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(HarnessError, match=sentence):
        read_run(tmp_path)


def test_an_incomplete_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps({"format": FORMAT, "id": "x"}))
    with pytest.raises(HarnessError, match="is not a run's manifest"):
        read_run(tmp_path)


def test_members_of_a_later_version_are_ignored(tmp_path: Path) -> None:
    manifest().write(tmp_path)
    members = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps({**members, "later": 1}))
    assert Manifest.read(tmp_path) == manifest()


def test_a_run_is_named_by_its_time_and_scenarios() -> None:
    name = new_run_id(["A b/..", "C"], 0)
    assert name.startswith("19700101T000000Z-Ab..+C-")
    assert len(name) == len("19700101T000000Z-Ab..+C-") + 6
    assert new_run_id([], 0).startswith("19700101T000000Z-run-")
    assert new_run_id(["A"], 0) != new_run_id(["A"], 0)


def test_runs_are_listed_oldest_first(tmp_path: Path) -> None:
    for name in ("2", "1"):
        write_run(tmp_path / name, [])
    (tmp_path / "other").mkdir()
    assert [path.name for path in list_runs(tmp_path)] == ["1", "2"]


def test_runs_of_the_same_second_are_listed_oldest_first_too(tmp_path: Path) -> None:
    for name, started in (("19700101T000000Z-A-b", 0.2), ("19700101T000000Z-A-a", 0.7), ("19700101T000000Z-A-c", 0.5)):
        (tmp_path / name).mkdir()
        replace(manifest(), started=started).write(tmp_path / name)
    assert [path.name[-1] for path in list_runs(tmp_path)] == ["b", "c", "a"]


def test_writing_a_manifest_leaves_nothing_else(tmp_path: Path) -> None:
    manifest().write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST]


def test_a_column_that_an_old_run_lacks_is_null(tmp_path: Path) -> None:
    older = pa.schema([field for field in SCHEMA if field.name != "instance"], metadata=SCHEMA.metadata)
    manifest().write(tmp_path)
    with pa.OSFile(str(tmp_path / "requests.arrow"), "wb") as file, pa.ipc.new_stream(file, older) as stream:
        stream.write_batch(pa.RecordBatch.from_pylist([request()], schema=older))
    assert read_run(tmp_path).requests["instance"].to_pylist() == [None]


def test_the_schema_names_its_format() -> None:
    assert SCHEMA.metadata == {b"format": b"2"}
