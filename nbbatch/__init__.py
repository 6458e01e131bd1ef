"""Run one Jupyter notebook over a grid of parameters, and keep every result."""

__version__ = "0.1.0"
