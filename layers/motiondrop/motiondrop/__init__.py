"""MotionDrop's library: what all functions share."""

__version__ = "0.1.0"
