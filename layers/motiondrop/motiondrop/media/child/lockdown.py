"""How the child gives up memory, time, files, sockets and processes before it opens anything."""

import contextlib
import ctypes
import math
import os
import signal

from motiondrop.media.limits import CHILD_MEMORY, WRITE_MAX

#: Linux, <linux/prctl.h>: die with the parent; let no other process read or trace this one; gain no rights by exec.
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
#: The user and group without rights on every Linux and, as -2, on a Mac.
_NOBODY = 65534


def lock_down(*, seconds: float, threads: bool) -> None:
    """Give up everything but the open descriptors; a limit that the system does not have is skipped."""
    import resource  # noqa: PLC0415  # not on every system

    def limit(name: str, soft: int, hard: int) -> None:
        # ValueError: it is already lower, or cannot be set here. The parent's deadline holds in any case.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (soft, hard))

    processors = (os.cpu_count() or 1) if threads else 1
    cpu = math.ceil(seconds) * processors
    limit("RLIMIT_CORE", 0, 0)
    limit("RLIMIT_FSIZE", WRITE_MAX, WRITE_MAX)
    limit("RLIMIT_AS", CHILD_MEMORY, CHILD_MEMORY)
    limit("RLIMIT_CPU", cpu, cpu + 1)
    if not threads:
        limit("RLIMIT_NPROC", 0, 0)
    if os.geteuid() == 0:
        _become_nobody()
    # After the change of user, which would undo two of these.
    with contextlib.suppress(OSError, AttributeError):
        control = ctypes.CDLL(None).prctl
        for option, value in (
            (_PR_SET_PDEATHSIG, int(signal.SIGKILL)),
            (_PR_SET_DUMPABLE, 0),
            (_PR_SET_NO_NEW_PRIVS, 1),
        ):
            control(option, value, 0, 0, 0)
    # Last: no descriptor can be opened any more, so no socket, no file, no look into the parent's /proc entry.
    limit("RLIMIT_NOFILE", 0, 0)


def _become_nobody() -> None:
    """Stop being root, for good. This comes after the imports, since the user `nobody` cannot read root's home."""
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)
