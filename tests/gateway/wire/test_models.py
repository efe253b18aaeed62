"""Operations of REST services by method, path and query."""

from __future__ import annotations

import pytest

from harness.gateway.wire.models import is_known_service, rest_router


@pytest.mark.parametrize(
    ("method", "path", "query", "operation", "labels"),
    [
        ("POST", "/2015-03-31/functions/f/invocations", "Qualifier=1", "Invoke", {"FunctionName": "f"}),
        ("GET", "/2015-03-31/functions/f", "", "GetFunction", {"FunctionName": "f"}),
        ("GET", "/2015-03-31/functions/", "MaxItems=5", "ListFunctions", {}),
        ("GET", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Ax%3A1%3Afunction%3Af", "", "GetFunction",
         {"FunctionName": "arn:aws:lambda:x:1:function:f"}),
        ("PUT", "/2017-10-31/functions/f/concurrency", "", "PutFunctionConcurrency", {"FunctionName": "f"}),
        ("GET", "/2018-10-31/layers", "find=LayerVersion&Arn=x", "GetLayerVersionByArn", {}),
        ("GET", "/2018-10-31/layers", "", "ListLayers", {}),
    ],
)  # fmt: skip
def test_lambda_operations_by_method_path_and_query(
    method: str, path: str, query: str, operation: str, labels: dict[str, str]
) -> None:
    route = rest_router("lambda").match(method, path, query)
    assert route is not None
    assert (route[0].name, route[1]) == (operation, labels)


def test_a_path_of_no_operation() -> None:
    assert rest_router("lambda").match("GET", "/2015-03-31/nothing", "") is None
    assert rest_router("lambda").match("PATCH", "/2015-03-31/functions", "") is None


def test_services_that_botocore_does_not_know() -> None:
    assert is_known_service("sagemaker")
    assert not is_known_service("no-such-thing")
