"""Messages between the worker and us: a length, a JSON object, file descriptors beside it."""

from __future__ import annotations

import array
import json
import socket
import struct
from typing import Any


def receive(link: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """One message and its file descriptors; None at the end."""
    fds = array.array("i")
    head, ancillary, _, _ = link.recvmsg(8, socket.CMSG_SPACE(4 * fds.itemsize))
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    head += _exactly(link, 8 - len(head)) if head else b""
    if len(head) < 8:
        return None, list(fds)
    body = _exactly(link, struct.unpack("!Q", head)[0])
    return (json.loads(body) if body else None), list(fds)


def _exactly(link: socket.socket, size: int) -> bytes:
    chunks = []
    while size > 0:
        chunk = link.recv(min(size, 1 << 20))
        if not chunk:
            return b""
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def send(link: socket.socket, message: Any) -> None:
    body = json.dumps(message).encode()
    link.sendall(struct.pack("!Q", len(body)) + body)
