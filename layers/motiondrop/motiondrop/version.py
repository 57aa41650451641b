"""The version, which is written into results and read by pyproject.toml."""

__version__ = "0.9.0"
