"""A package that lies in a layer, without a python/ folder in its source."""

NAME = "from a layer"
