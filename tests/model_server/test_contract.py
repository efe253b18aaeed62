"""The container contract: both servers give the same answers, those of the official toolkit's handler.

Facts: SM guide (your-algorithms-inference-code), sagemaker-pytorch-inference 2.0.25 and sagemaker-inference's
Transformer.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.model_server.serving import SERVERS, ModelServer, serving, until, write_model
from tests.other_user import answers_to_nobody, get, needs_root

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="PyTorch is not installed for this Python")

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"
LARGEST = 6_291_456

FUNCTIONS = """
import json, os, threading
import torch
from helper import describe, DOUBLE
import package.deep

print("printed at import")

def model_fn(model_dir):
    model = torch.nn.Linear(2, 1, bias=False)
    weights = torch.load(os.path.join(model_dir, "nested", "weights.pt"), map_location="cpu")
    model.load_state_dict({name.removeprefix("module."): value for name, value in weights.items()})
    with open(os.path.join(model_dir, ".lock"), "w") as file:  # the folder is writable
        file.write("x")
    model.folder = sorted(os.listdir(model_dir))
    model.dir = model_dir
    return model

def input_fn(data, content_type):
    if content_type == "application/x-fail-input":
        raise ValueError("input_fn says no")
    if content_type == "application/x-fail-predict":
        return "fail-predict"
    if content_type == "application/x-fail-output":
        return "fail-output"
    if content_type == "application/x-unserializable":
        return "unserializable"
    return describe(data, content_type)

def predict_fn(data, model):
    if data == "fail-predict":
        raise RuntimeError("predict_fn says no\\nin two lines")
    if data in ("fail-output", "unserializable"):
        return data
    return {**data, "double": DOUBLE, "deep": package.deep.VALUE, "training": model.training, "folder": model.folder,
            "weight": model.weight.tolist(), "threads": torch.get_num_threads(), "dir": model.dir, "cwd": os.getcwd()}

def output_fn(prediction, accept, context):
    if prediction == "fail-output":
        raise KeyError("output_fn says no")
    if prediction == "unserializable":
        return object()
    custom = context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes")
    if custom:
        context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", custom.upper())
    return json.dumps({**prediction, "accept": accept}), accept
"""
HELPER = """
DOUBLE = 2
def describe(data, content_type):
    return {"type": type(data).__name__, "length": len(data), "content_type": content_type}
"""


@pytest.fixture(scope="module", params=SERVERS)
def functions(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """All own functions, under another name than inference.py, with helpers beside it and DataParallel weights."""
    model_dir = write_model(tmp_path_factory.mktemp("functions") / "model", serve_it=FUNCTIONS, helper=HELPER)
    (model_dir / "nested").mkdir()
    (model_dir / "code" / "package").mkdir()
    (model_dir / "code" / "package" / "__init__.py").touch()
    (model_dir / "code" / "package" / "deep.py").write_text("VALUE = 'deep'")
    torch.save({"module.weight": torch.tensor([[1.0, 2.0]])}, model_dir / "nested" / "weights.pt")
    environment = {"SAGEMAKER_PROGRAM": "serve_it.py"}
    with serving(model_dir, request.param, "--workers", "1", "--threads", "1", environment=environment) as server:
        yield server.wait_ready()


@pytest.fixture(scope="module", params=SERVERS)
def defaults(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """No code/ at all: a TorchScript model, left in training mode with a dropout, and the toolkit's functions."""
    model_dir = tmp_path_factory.mktemp("defaults") / "model"
    model_dir.mkdir()
    linear = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.ones_(linear.weight)
    model = torch.nn.Sequential(torch.nn.Dropout(0.9), linear)
    torch.jit.save(torch.jit.script(model.train()), model_dir / "model.pt")
    with serving(model_dir, request.param, "--workers", "1", "--threads", "1") as server:
        yield server.wait_ready()


@pytest.fixture(scope="module", params=SERVERS)
def transform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """A transform_fn instead of the three functions; it raises on demand."""
    code = """
def model_fn(model_dir):
    return "model"
def transform_fn(model, data, content_type, accept):
    if content_type == "application/x-fail":
        raise LookupError("transform_fn says no")
    return f"{model} {type(data).__name__} {len(data)} {accept}".encode(), "text/plain"
"""
    model_dir = write_model(tmp_path_factory.mktemp("transform") / "model", inference=code)
    with serving(model_dir, request.param, "--workers", "1", "--threads", "1") as server:
        yield server.wait_ready()


class TestOwnFunctions:
    @pytest.mark.parametrize(
        ("content_type", "kind"),
        [(JSON, "str"), (CSV, "str"), ("image/jpeg", "bytearray"), (NPY, "bytearray"), ("text/plain", "bytearray")],
    )
    def test_json_and_csv_reach_input_fn_as_text_and_all_else_as_bytes(
        self, functions: ModelServer, content_type: str, kind: str
    ) -> None:
        answer = functions.post(b"[1, 2]", content_type)
        assert answer.status_code == 200
        assert answer.json()["type"] == kind
        assert answer.json()["length"] == 6
        assert answer.json()["content_type"] == content_type

    def test_a_request_without_content_type_reaches_input_fn_with_none(self, functions: ModelServer) -> None:
        assert functions.post(b"x").json()["content_type"] is None

    def test_any_bytes_arrive_whole(self, functions: ModelServer) -> None:
        assert functions.post(bytes(range(256)) * 4, "image/jpeg").json()["length"] == 1024

    def test_the_entry_point_finds_its_helper_modules_weights_and_writable_folder(self, functions: ModelServer) -> None:
        answer = functions.post("{}", JSON).json()
        assert answer["double"] == 2
        assert answer["deep"] == "deep"
        assert answer["weight"] == [[1.0, 2.0]]
        assert ".lock" in answer["folder"]
        assert Path(answer["dir"]).name == "model"
        assert answer["cwd"] == answer["dir"]

    def test_an_own_predict_fn_gets_the_model_as_model_fn_left_it(self, functions: ModelServer) -> None:
        assert functions.post("{}", JSON).json()["training"] is True

    def test_threads_are_as_told(self, functions: ModelServer) -> None:
        assert functions.post("{}", JSON).json()["threads"] == 1

    @pytest.mark.parametrize("accept", [JSON, "text/csv", "application/x-something"])
    def test_output_fn_gets_accept_and_names_the_content_type(self, functions: ModelServer, accept: str) -> None:
        answer = functions.post("{}", JSON, Accept=accept)
        assert answer.json()["accept"] == accept
        assert answer.headers["Content-Type"] == accept

    @pytest.mark.parametrize("accept", [None, "*/*"])
    def test_accept_is_json_by_default(self, functions: ModelServer, accept: str | None) -> None:
        functions.session.headers["Accept"] = accept  # type: ignore[assignment]
        assert functions.post("{}", JSON).json()["accept"] == JSON

    def test_custom_attributes_go_in_and_out(self, functions: ModelServer) -> None:
        answer = functions.post("{}", JSON, X_Amzn_SageMaker_Custom_Attributes="trace=1")
        assert answer.headers["X-Amzn-SageMaker-Custom-Attributes"] == "TRACE=1"

    def test_other_headers_stay_out(self, functions: ModelServer) -> None:
        answer = functions.post("{}", JSON)
        assert set(answer.headers) - {"date"} == {"content-type", "content-length"}

    @pytest.mark.parametrize(
        ("content_type", "message", "last"),
        [
            ("application/x-fail-input", "input_fn says no", "ValueError: input_fn says no"),
            ("application/x-fail-predict", "predict_fn says no\nin two lines", "in two lines"),
            ("application/x-fail-output", "'output_fn says no'", "KeyError: 'output_fn says no'"),
        ],
    )
    def test_an_exception_is_500_with_its_message_and_traceback(
        self, functions: ModelServer, content_type: str, message: str, last: str
    ) -> None:
        answer = functions.post(b"x", content_type)
        assert answer.status_code == 500
        assert answer.text.startswith(f"{message}\nTraceback (most recent call last):\n")
        assert answer.text.rstrip().endswith(last)
        assert "serve_it.py" in answer.text
        assert functions.post("{}", JSON).status_code == 200

    def test_an_output_that_cannot_be_sent_is_503(self, functions: ModelServer) -> None:
        answer = functions.post(b"x", "application/x-unserializable")
        assert answer.status_code == 503
        assert answer.json() == {
            "code": 503,
            "type": "InternalServerException",
            "message": "Unsupported model output data type.",
        }

    def test_an_empty_body_reaches_input_fn(self, functions: ModelServer) -> None:
        answer = functions.post(b"", "image/jpeg")
        assert answer.json()["length"] == 0

    @pytest.mark.parametrize("size", [5_000_000, LARGEST])
    def test_a_body_up_to_the_limit_arrives(self, functions: ModelServer, size: int) -> None:
        assert functions.post(b"x" * size, "image/jpeg").json()["length"] == size

    def test_a_larger_body_is_413(self, functions: ModelServer) -> None:
        assert functions.post(b"x" * (LARGEST + 1), "image/jpeg").status_code == 413

    def test_a_larger_body_of_unknown_length_is_413(self, functions: ModelServer) -> None:
        chunks = (b"x" * 1_000_000 for _ in range(7))
        assert functions.post(chunks, "image/jpeg").status_code == 413  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/invocations", 405),
            ("POST", "/ping", 405),
            ("GET", "/", 404),
            ("GET", "/models", 404),
            ("POST", "/models?url=x.mar", 404),
            ("POST", "/predictions/model", 404),
            ("GET", "/ping/", 404),
        ],
    )
    def test_only_ping_and_invocations_are_reachable(
        self, functions: ModelServer, method: str, path: str, status: int
    ) -> None:
        assert functions.session.request(method, functions.url + path, timeout=10).status_code == status

    def test_what_the_code_prints_is_in_the_log_one_line_each(self, functions: ModelServer) -> None:
        assert sum("printed at import" in line for line in functions.lines) == 1


class TestDefaultFunctions:
    def test_json_in_and_out(self, defaults: ModelServer) -> None:
        answer = defaults.post("[[1, 2], [3, 4]]", JSON, Accept=JSON)
        assert answer.headers["Content-Type"] == JSON
        assert json.loads(answer.content) == [[3.0], [7.0]]

    def test_csv_in_and_out(self, defaults: ModelServer) -> None:
        answer = defaults.post("1,2\n3,4\n", CSV, Accept=CSV)
        assert answer.headers["Content-Type"] == CSV
        assert answer.text == "3.0\n7.0\n"

    def test_npy_in_and_out(self, defaults: ModelServer) -> None:
        answer = defaults.post(_npy(np.array([[1, 2]], dtype=np.float32)), NPY, Accept=NPY)
        assert answer.headers["Content-Type"] == NPY
        assert np.load(io.BytesIO(answer.content)).tolist() == [[3.0]]

    @pytest.mark.parametrize(("accept", "body"), [(JSON, b"[[3.0]]"), (CSV, b"3.0\n")])
    def test_accept_may_differ_from_content_type(self, defaults: ModelServer, accept: str, body: bytes) -> None:
        answer = defaults.post(_npy(np.array([[1, 2]], dtype=np.float32)), NPY, Accept=accept)
        assert answer.content == body

    def test_the_default_predict_fn_calls_eval(self, defaults: ModelServer) -> None:
        assert {defaults.post("[[1, 2]]", JSON).text for _ in range(3)} == {"[[3.0]]"}

    def test_five_megabytes_in_and_out(self, defaults: ModelServer) -> None:
        rows = np.ones((600_000, 2), dtype=np.float32)
        answer = defaults.post(_npy(rows), NPY, Accept=NPY)
        assert np.load(io.BytesIO(answer.content)).sum() == 1_200_000

    def test_an_unsupported_content_type_is_500_and_says_so(self, defaults: ModelServer) -> None:
        answer = defaults.post(b"x", "image/jpeg")
        assert answer.status_code == 500
        assert answer.text.startswith("Content type image/jpeg is not supported by this framework.")

    def test_an_unsupported_accept_is_500_and_says_so(self, defaults: ModelServer) -> None:
        answer = defaults.post("[[1, 2]]", JSON, Accept="image/png")
        assert answer.status_code == 500
        assert answer.text.startswith("Content type image/png is not supported by this framework.")

    def test_an_empty_body_is_500_with_the_decoder_s_words(self, defaults: ModelServer) -> None:
        answer = defaults.post(b"", JSON)
        assert answer.status_code == 500
        assert "Expecting value: line 1 column 1" in answer.text

    def test_an_answer_beyond_the_front_end_s_limit_costs_the_worker_and_it_is_replaced(
        self, defaults: ModelServer
    ) -> None:
        rows = np.full((600_000, 2), 1 / 3, dtype=np.float32)  # 19 characters each as JSON: 11 MB
        answer = defaults.post(_npy(rows), NPY)
        assert answer.status_code == 500
        assert answer.json() == {"code": 500, "type": "InternalServerException", "message": "Worker died."}
        until(lambda: defaults.ping() == 200, 30, "a new worker")
        assert defaults.post("[[1, 2]]", JSON).text == "[[3.0]]"


@needs_root
def test_another_user_of_the_machine_is_refused(defaults: ModelServer) -> None:
    requests = [get("/ping"), get("/invocations", "POST", "[[1, 1]]")]
    for answer in answers_to_nobody([("127.0.0.1", defaults.port, request) for request in requests]):
        assert answer.startswith("HTTP/1.1 403 ")
        assert "nobody (user id 65534) may not use it." in answer


class TestTransformFunction:
    def test_it_stands_for_all_three(self, transform: ModelServer) -> None:
        answer = transform.post("abc", JSON, Accept="text/csv")
        assert answer.text == "model str 3 text/csv"
        assert answer.headers["Content-Type"] == "text/plain"

    def test_its_exception_is_500(self, transform: ModelServer) -> None:
        answer = transform.post(b"abc", "application/x-fail")
        assert answer.status_code == 500
        assert answer.text.startswith("transform_fn says no\nTraceback")


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()
