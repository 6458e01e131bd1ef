"""Numbers of bytes as people read and write them."""

from __future__ import annotations


def memory_text(size: float | None) -> str:
    """Bytes in words, ``1.3 GB``; "" for None. Powers of 1024, as ``--memory 1GB`` is read."""
    if size is None:
        return ""
    for unit in ("bytes", "kB", "MB", "GB"):
        # 999.5 and more would be written with four digits.
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} TB"
