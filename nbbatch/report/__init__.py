"""The report: one folder that anyone can open, from ``file://`` or any web server."""

from __future__ import annotations

from .index import Report, write_report

__all__ = ["Report", "write_report"]
