"""What holds for all tests."""

from hypothesis import settings

# A shared machine may be slow at any moment: how long an example takes proves nothing.
settings.register_profile("motiondrop", deadline=None)
settings.load_profile("motiondrop")
