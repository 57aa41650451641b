"""The folders with the functions' code: each zip is unpacked once, however many functions use it."""

import hashlib
import io
import json
import shutil
import threading
import zipfile
from pathlib import Path

FOLDER_REFERENCE = "folder-reference.json"
"""The only entry of a zip that stands for a folder: it says where the launcher has put that folder already.

Third-party packages are 100 MB: as real zips they would be packed, uploaded, kept in memory twice and
unpacked again.
"""


def reference_zip(folder: Path) -> bytes:
    """Return a zip that stands for a folder of this machine."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo(FOLDER_REFERENCE, (2020, 1, 1, 0, 0, 0))
        archive.writestr(entry, json.dumps({"folder": str(folder)}))
    return buffer.getvalue()


class CodeFolders:
    """Folders of unpacked zips under one root, named by the zip's digest."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()

    def folder_of(self, blob: bytes) -> Path:
        """Return the folder that holds this zip's files, unpacking it if it is new."""
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            if archive.namelist() == [FOLDER_REFERENCE]:
                return Path(json.loads(archive.read(FOLDER_REFERENCE))["folder"])
            folder = self._root / hashlib.sha256(blob).hexdigest()[:24]
            with self._lock:
                if not folder.is_dir():
                    self._unpack(archive, folder)
            return folder

    def _unpack(self, archive: zipfile.ZipFile, folder: Path) -> None:
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for entry in archive.infolist():
            extracted = Path(archive.extract(entry, unfinished))
            mode = entry.external_attr >> 16 & 0o777  # zipfile itself drops it
            if mode and not entry.is_dir():
                extracted.chmod(mode | 0o400)
        unfinished.mkdir(parents=True, exist_ok=True)  # an empty zip has no entry
        unfinished.rename(folder)
