"""The version, which results carry and pyproject.toml reads."""

__version__ = "0.9.0"
