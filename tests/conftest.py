"""What holds for all tests."""

import signal

from hypothesis import settings

# A shared machine may be slow at any moment: how long an example takes proves nothing.
settings.register_profile("motiondrop", deadline=None)
settings.load_profile("motiondrop")

# A shell that starts tests in the background lets them ignore Ctrl-C, and so would all that they start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
