"""Writing files so that no reader ever sees half of one."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path


def write_atomic(path: Path, data: bytes | str, *, durable: bool = True) -> None:
    """Replace ``path`` by ``data`` in one step, with the user's umask.

    The temporary file is in the same folder and unique to this process, host and call.
    ``durable`` makes the content survive a power cut (fsync before the rename). Raises
    OSError, and leaves ``path`` as it was.
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    # O_EXCL with a random part: two workers on one point write to different names.
    fresh = path.with_name(
        f".{path.name[:80]}.{socket.gethostname()[:40]}-{secrets.token_hex(4)}.tmp"
    )
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        fresh.replace(path)
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise


def append_line(path: Path, line: str) -> None:
    """Append one line in one write, fsynced, so that a crash can only tear the last one.

    If the last line was torn by a crash, the new one starts on a line of its own.
    """
    content = line.encode("utf-8") + b"\n"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            content = b"\n" + content
        os.write(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
