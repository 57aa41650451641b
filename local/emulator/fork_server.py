"""`fork_server.py DESCRIPTOR LAYER`: starts Python processes in which a layer's packages are imported already.

Importing boto3 and its like is most of a function's start, and the same for all functions of a stack. This server
imports them once, with an empty environment, and forks for each fork_client.py that connects to DESCRIPTOR, a Unix
socket. LAYER is the folder with the packages. The server ends when its standard input does.
"""

import contextlib
import fcntl
import functools
import gc
import marshal
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

_REQUEST_MAX = 200_000  # bytes; by default, Linux has room for 212,992 in a socket
#: The packages that functions import from the layer.
_PACKAGES = (
    "boto3.s3.transfer",
    "pynamodb.models",
    "pynamodb.transactions",
    "requests",
    "aws_lambda_powertools.logging",
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.utilities.batch",
)
_SERVICES = ("dynamodb", "lambda", "s3", "secretsmanager", "sns", "sqs", "stepfunctions")


def import_packages(layer: str) -> None:
    """Import the layer's packages, and read botocore's descriptions of the AWS services."""
    sys.path.insert(0, layer)
    for package in _PACKAGES:
        with contextlib.suppress(ImportError):
            import_module(package)
    loader: Any = import_module("botocore.loaders").JSONFileLoader
    read = functools.cache(functools.partial(loader.load_file, loader()))
    loader.load_file = lambda _self, path: read(path)
    session: Any = import_module("botocore.session").get_session()
    for service in _SERVICES:
        session.create_client(service, "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106
    sys.path.remove(layer)
    gc.collect()
    gc.freeze()  # so that the forks' collections leave the shared memory shared


def serve(listener: socket.socket) -> list[str]:
    """Fork for each client; return in the forks only, with the arguments to run there."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            sys.exit()
        client, _ = listener.accept()
        said, streams, *_ = socket.recv_fds(client, _REQUEST_MAX, 2)
        if said and not os.fork():
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            arguments, folder, environ = marshal.loads(said)  # noqa: S302  # of our own client
            _become(client, streams, folder, environ)
            return list(arguments)
        for descriptor in (client.detach(), *streams):
            os.close(descriptor)


def _become(client: socket.socket, streams: list[int], folder: str, environ: dict[str, str]) -> None:
    """Take the client's place: use its streams, folder and environment, and end when it ends."""
    with open(os.devnull) as nothing:  # noqa: PTH123  # pathlib has no descriptor to offer
        for stream, descriptor in enumerate((nothing.fileno(), *streams)):
            os.dup2(descriptor, stream)
    for descriptor in streams:
        os.close(descriptor)
    # Each process holds its side of the connection as long as it lives. SIGIO says that the other has ended, and by
    # default ends this one too.
    fcntl.fcntl(client, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(client, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        client.recv(1)
        os._exit(1)  # the client has ended already
    client.detach()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    sys.path[1:1] = filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))


def run(arguments: list[str]) -> None:
    """Do what `python ARGUMENTS` does, with a module or a script."""
    if arguments[0] == "-m":
        sys.path[0], sys.argv = os.getcwd(), arguments[1:]  # noqa: PTH109  # as Python itself writes it
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[0], sys.argv = os.path.dirname(arguments[0]), arguments  # noqa: PTH120
        runpy.run_path(arguments[0], run_name="__main__")


class ForkServer:
    """A fork server at the socket `name` in `folder`; it ends with this object, at the latest with this process."""

    def __init__(self, python: Path, layer: str, folder: Path, name: str) -> None:
        self.name = name
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            opened = os.open(folder, os.O_PATH)  # for a short path: a socket's address has 108 bytes at most
            listener.bind(f"/proc/self/fd/{opened}/{name}")
            os.close(opened)
            listener.listen(64)
            self._process = subprocess.Popen(  # noqa: S603  # this very file
                [python, __file__, str(listener.fileno()), layer],
                stdin=subprocess.PIPE,
                pass_fds=[listener.fileno()],
                env={},
            )


if __name__ == "__main__":
    import_packages(sys.argv[2])
    run(serve(socket.socket(fileno=int(sys.argv[1]))))
