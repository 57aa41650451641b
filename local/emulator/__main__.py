"""`python -m local.emulator`: MiniStack with the patches; the launcher starts it and sets its environment."""

import logging

from ministack import app

from local.emulator.patches import apply_patches

if __name__ == "__main__":
    # Functions' output has files of its own; payloads of every call do not belong in the emulator's log.
    logging.getLogger("lambda").setLevel(logging.WARNING)
    apply_patches()
    app.main()
