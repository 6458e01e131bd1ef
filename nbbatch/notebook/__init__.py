"""What a notebook declares, read without running it: parameters, kernel, code, imports."""

from __future__ import annotations

from .kernels import (
    CURRENT_KERNEL,
    available_kernels,
    current_kernelspec,
    resolve_kernel,
)
from .parameters import Parameter, parameters_of
from .reading import Notebook, read_notebook

__all__ = [
    "CURRENT_KERNEL",
    "Notebook",
    "Parameter",
    "available_kernels",
    "current_kernelspec",
    "parameters_of",
    "read_notebook",
    "resolve_kernel",
]
