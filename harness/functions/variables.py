"""The environment variables of an execution environment: AWS's and the user's, none of the harness's."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.access.service_roles import RoleCredentials
from harness.functions.host import Code
from harness.functions.rules.configuration import Configuration


def environment_variables(
    configuration: Configuration,
    credentials: RoleCredentials,
    *,
    code: Code,
    tmp: Path | None,
    home: Path,
    runtime_api: str,
    endpoint_url: str,
    log_stream: str,
    provisioned: bool,
) -> dict[str, str]:
    """All variables of the child process, which inherits none.

    tmp: the folder for TMPDIR, if the environment has no private /tmp. home: a folder that does not exist, as on AWS,
    so that no file of the user (``~/.aws/config``) reaches the function. runtime_api: host:port. endpoint_url: the
    harness's gateway. The names are those that a python3.12 function sees on AWS, plus AWS_ENDPOINT_URL, HOME and, if
    needed, TMPDIR. The code and layers are not in /var/task and /opt, so the paths differ from AWS.
    """
    region = configuration.reference.region
    task = str(code.task)
    binaries = [str(layer / "bin") for layer in code.opt]
    libraries = [str(layer / "lib") for layer in code.opt]
    return {
        "PATH": ":".join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin/", "/bin", *binaries]),
        "LD_LIBRARY_PATH": ":".join([task, f"{task}/lib", *libraries]),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PWD": task,
        "SHLVL": "0",
        "HOME": str(home),
        **({} if tmp is None else {"TMPDIR": str(tmp)}),
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",  # loopback: a tracing SDK's datagrams stay on this machine
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        **(configuration.variables or {}),
        "LAMBDA_TASK_ROOT": task,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": configuration.handler,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{configuration.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": configuration.reference.name,
        "AWS_LAMBDA_FUNCTION_VERSION": configuration.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration.memory_size),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency" if provisioned else "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": configuration.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
    }
