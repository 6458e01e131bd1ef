"""The report: one folder that anyone can open, from ``file://`` or any web server."""

from __future__ import annotations

from .index import Report, write_report
from .single import write_single_file, write_zip

__all__ = ["Report", "write_report", "write_single_file", "write_zip"]
