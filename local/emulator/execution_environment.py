"""Execution environments: a function under awslambdaric, AWS's own runtime client, in its own process.

MiniStack's own workers load the handler into a script of theirs, which renames every exception, puts layers
before the function's code and passes the host's environment on. But MiniStack has the Lambda Runtime API for
`provided.*` runtimes, and AWS's runtime client speaks that API, so Python functions are run like custom
runtimes.
"""

import hashlib
import shutil
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import IO, Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.emulator import fork_server
from local.emulator.code_folders import CodeFolders
from local.emulator.internals import internal, replace
from local.emulator.settings import emulator_settings

_CODE_PATHS = "_CodePaths"
_PRIVATE_TMP = "_PrivateTmp"
_BOOTSTRAP_CODE = b"awslambdaric"
"""Stands in for the code of a `provided` function: its bootstrap is ours, the same for all."""

# A shell script, since a #! line cannot name an interpreter whose path has spaces.
_BOOTSTRAP = """#!/bin/sh
[ "$_FORK_SERVER" ] && exec '{python}' -I -S {fork_client} "$_FORK_SERVER" {client} "$_HANDLER"
cd "$LAMBDA_TASK_ROOT" && exec '{python}' {client} "$_HANDLER"
"""
_FORK_CLIENT = Path(__file__).with_name("fork_client.py")
_FORKING = threading.Lock()
_WRITING = threading.Lock()

_FAULTY_CLIENT = Path(__file__).with_name("faulty_client.py")
"""Runs AWS's runtime client with the faults that a test has asked for at the function's edge."""


class InitError(Exception):
    """An environment could not be started; `error` is the error document that AWS reports."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("errorMessage", ""))
        self.error = error


class _LogTee:
    """The environment's output, copied into the function's log file as it is read."""

    def __init__(self, stream: IO[bytes], log: Path) -> None:
        self._stream = stream
        self._log = log.open("ab", buffering=0)

    def readline(self) -> bytes:
        line = self._stream.readline()
        if line:
            self._log.write(line.replace(b"\r", b"\n"))  # awslambdaric ends a traceback's lines with CR
        return line

    def close(self) -> None:
        self._log.close()
        self._stream.close()


class PythonEnvironment(lambda_runtime.ProvidedWorker):  # type: ignore[misc]  # MiniStack has no types
    """One warm process of a python3.x function, whatever Python version the host has."""

    def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
        super().__init__(func_name, config, _BOOTSTRAP_CODE)
        self.config: dict[str, Any] = config
        self._function_zip = code_zip

    def _spawn(self, init_timeout: float | None = None) -> None:
        self._discard_private_tmp()
        self.config = {
            **self.config,
            _CODE_PATHS: _code_paths(self._function_zip, self.config),
            _PRIVATE_TMP: tempfile.mkdtemp(prefix="tmp-", dir=emulator_settings().work_dir),
        }
        super()._spawn(init_timeout)

    def _await_init(self, init_timeout: float | None = None) -> None:
        try:
            super()._await_init(init_timeout)
        except lambda_runtime.ProvidedInitTimeout:
            raise
        except RuntimeError as error:
            reported = self._init_error
            if not isinstance(reported, dict):
                reported = {"errorType": "Runtime.ExitError", "errorMessage": str(error)}
            raise InitError(reported) from error

    def _pump_output(self, stream: IO[bytes], log_queue: Any) -> None:
        super()._pump_output(_LogTee(stream, log_file(self.func_name)), log_queue)

    def _drain_stderr_bounded(self, first_line_wait: float = 0.01, **waits: float) -> str:
        # The stock wait of 50 ms would be paid by every invocation that prints nothing.
        drained: str = super()._drain_stderr_bounded(first_line_wait=min(first_line_wait, 0.01), **waits)
        return drained

    def _discard_tmpdir(self) -> None:
        super()._discard_tmpdir()
        self._discard_private_tmp()

    def _discard_private_tmp(self) -> None:
        if folder := self.config.get(_PRIVATE_TMP):
            shutil.rmtree(folder, ignore_errors=True)


def log_file(function_name: str) -> Path:
    """The file to which all environments of a function write their output."""
    return emulator_settings().log_dir / f"{function_name}.log"


def is_python(config: dict[str, Any]) -> bool:
    """Whether a function's runtime is one of Lambda's python3.x."""
    return str(config.get("Runtime", "")).startswith("python")


@cache
def _code_folders() -> CodeFolders:
    return CodeFolders(emulator_settings().work_dir / "code")


def _bootstrap_folder() -> Path:
    with _WRITING:  # a file that is being written cannot be executed, and the first two invocations may come at once
        return _written_bootstrap()


@cache
def _written_bootstrap() -> Path:
    settings = emulator_settings()
    folder = settings.work_dir / "bootstrap"
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "bootstrap"
    client = "-m awslambdaric"
    if settings.fault_dir.is_dir():
        client = f"{_quoted(_FAULTY_CLIENT)} {_quoted(settings.fault_dir)}"
    python = str(settings.runtime_python).replace("'", "'\\''")
    script.write_text(_BOOTSTRAP.format(python=python, fork_client=_quoted(_FORK_CLIENT), client=client))
    script.chmod(0o755)
    return folder


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"


def _code_paths(function_zip: bytes, config: dict[str, Any]) -> list[str]:
    """Return the function's folder, then its layers' Python paths: later layers come first, since they override
    earlier ones.
    """
    resolve = internal(lambda_svc, "_resolve_layer_zip")
    layers = [blob for blob in map(resolve, config.get("Layers") or []) if blob]
    folders = _code_folders()
    return [
        str(folders.folder_of(function_zip)),
        *(path for blob in reversed(layers) for path in _layer_paths(folders.folder_of(blob))),
    ]


def _layer_paths(layer: Path) -> Iterator[str]:
    """The folders of a layer that Lambda puts on sys.path: /opt/python and its site-packages."""
    for site_packages in sorted((layer / "python").glob("lib/python3.*/site-packages")):
        yield str(site_packages)
    yield str(layer / "python")


def _environment(config: dict[str, Any], runtime_api_port: int) -> dict[str, str]:
    """Return the environment of a function's process: Lambda's variables, the function's, its role's credentials.

    AWS, "Defined runtime environment variables". Two additions are ours: AWS_ENDPOINT_URL; and HOME and TMPDIR,
    which keep the developer's ~/.aws and /tmp out of reach.
    """
    settings = emulator_settings()
    account_and_region = internal(lambda_runtime, "_account_region_from_function_config")
    region = account_and_region(config)[1]
    task_root, *layers = config[_CODE_PATHS]
    defined = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "HOME": config[_PRIVATE_TMP],
        "TMPDIR": config[_PRIVATE_TMP],
        "PYTHONPATH": ":".join(layers),
        "LAMBDA_TASK_ROOT": task_root,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": config["Handler"].replace("/", "."),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config['Runtime']}",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime_api_port}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_ENDPOINT_URL": settings.endpoint_url,
        **_logging_environment(config),
    }
    own = (config.get("Environment") or {}).get("Variables") or {}
    return {
        **{key: str(value) for key, value in own.items()},
        **defined,  # AWS refuses a template that sets one of these
        **lambda_runtime.execution_credentials(config),
        **_forked(layers),
    }


def _forked(layers: list[str]) -> dict[str, str]:
    """Return the variable that lets the bootstrap fork the function from a process that has imported boto3's layer.

    Without a fork, a start takes three times as long. Return nothing if no layer has boto3, or on a system other than
    Linux: only Linux forks safely after imports.
    """
    for layer in layers if sys.platform == "linux" else ():
        if (Path(layer) / "boto3").is_dir():
            with _FORKING:
                return {"_FORK_SERVER": _fork_server(layer).name}
    return {}


@cache
def _fork_server(layer: str) -> fork_server.ForkServer:
    name = f"{hashlib.sha256(layer.encode()).hexdigest()[:8]}.sock"
    return fork_server.ForkServer(emulator_settings().runtime_python, layer, _bootstrap_folder(), name)


def _logging_environment(config: dict[str, Any]) -> dict[str, str]:
    """Return the environment variables that describe a function's log."""
    name, version = config["FunctionName"], config.get("Version", "$LATEST")
    logging = config.get("LoggingConfig") or {}
    defined = {
        "AWS_LAMBDA_LOG_GROUP_NAME": logging.get("LogGroup") or f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{datetime.now(UTC):%Y/%m/%d}/[{version}]{uuid.uuid4().hex}",
    }
    if logging.get("LogFormat") == "JSON":
        defined["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        defined["AWS_LAMBDA_LOG_LEVEL"] = logging.get("ApplicationLogLevel", "INFO")
    return defined


def awslambdaric_environments() -> None:
    """Run Python functions under awslambdaric, so that errors have the names that Step Functions matches.

    AWS, "Building a custom runtime" and "Error handling in Step Functions": a Lambda error's name is its
    errorType, such as the exception's class, Runtime.ImportModuleError or Runtime.ExitError.
    """
    stock_class = internal(lambda_runtime, "_worker_class_for")
    stock_code_dir = internal(lambda_svc, "_provided_runtime_code_dir")
    stock_environment = internal(lambda_svc, "_provided_worker_env")

    def worker_class_for(config: dict[str, Any]) -> Any:
        return PythonEnvironment if is_python(config) else stock_class(config)

    def code_dir(code_zip: bytes) -> str:
        return str(_bootstrap_folder()) if code_zip is _BOOTSTRAP_CODE else stock_code_dir(code_zip)

    def environment(config: dict[str, Any], folder: str, port: int) -> dict[str, str]:
        ours = _CODE_PATHS in config
        variables: dict[str, str] = _environment(config, port) if ours else stock_environment(config, folder, port)
        return variables

    replace(lambda_runtime, "_worker_class_for", worker_class_for)
    replace(lambda_svc, "_provided_runtime_code_dir", code_dir)
    replace(lambda_svc, "_provided_worker_env", environment)
