"""Third-party packages for this machine's Python, installed anew when requirements, lock file or Python change."""

import hashlib
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from local.cloud.locks import waiting_for
from local.cloud.progress import CloudError
from local.stack import PROJECT, STATE_DIR

LOCK_FILE = PROJECT / "requirements.lock"
RUNTIME_CLIENT = "awslambdaric"
_DIGEST_FILE = "installed-from"
_UV = Path(sys.prefix) / "bin" / "uv"


class Packages:
    """Folders of installed packages, shared by all local clouds of this project."""

    def __init__(self, folder: Path = STATE_DIR) -> None:
        self._runtime = folder / "runtime"
        self._cache = folder / "cache"
        self._lock = folder / "packages.lock"

    def runtime_python(self) -> Path:
        """Return an interpreter that has AWS's runtime client and nothing else, as Lambda's has."""
        python = self._runtime / "bin" / "python"
        digest = _digest(RUNTIME_CLIENT, sys.prefix)
        with waiting_for(self._lock):
            installed_from = self._runtime / _DIGEST_FILE
            if not python.exists() or not installed_from.exists() or installed_from.read_text() != digest:
                shutil.rmtree(self._runtime, ignore_errors=True)
                _uv("venv", "--python", sys.executable, str(self._runtime))
                _install("--python", str(python), RUNTIME_CLIENT)
                installed_from.write_text(digest)
        return python

    def layer(self, source: Path) -> Path:
        """Return the folder of a layer that has a requirements.txt; install its packages if they are not there yet."""
        requirements = (source / "requirements.txt").read_text()
        folder = self._cache / f"layer-{source.name}-{_digest(requirements)[:16]}"
        with waiting_for(self._lock):
            if not folder.is_dir():
                self._cache.mkdir(parents=True, exist_ok=True)
                for outdated in (*self._cache.glob(f"layer-{source.name}-*"), *self._cache.glob("unfinished-*")):
                    shutil.rmtree(outdated, ignore_errors=True)
                unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=self._cache))
                requirements_file = source / "requirements.txt"
                _install("--python", sys.executable, "--target", f"{unfinished}/python", "-r", str(requirements_file))
                _compile(unfinished)
                unfinished.rename(folder)
        return folder


def _install(*what: str) -> None:
    """Install packages in the lock file's versions; those that have hashes there are verified."""
    _uv("pip", "install", *what, "--constraints", str(LOCK_FILE))


def _compile(folder: Path) -> None:
    """Compile once here what each cold start would compile again."""
    command = [sys.executable, "-m", "compileall", "-q", "-j", "0", str(folder)]
    subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - a module of Python's own


def _uv(*arguments: str) -> None:
    ran = subprocess.run(  # noqa: S603 - the project's own uv
        [str(_UV), *arguments], capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise CloudError("Installing packages for the functions failed.", ran.stderr[-2000:])


def _digest(*parts: str) -> str:
    """Return a digest of the parts, of the lock file and of the kind of Python that installs them."""
    python = (sys.version, sysconfig.get_platform(), platform.machine())
    text = "\0".join((*parts, *python, LOCK_FILE.read_text()))
    return hashlib.sha256(text.encode()).hexdigest()
