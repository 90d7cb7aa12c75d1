"""What the ledger asks of the operating system: a lock, a file on the device, the last line."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Final

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["ends_a_line", "last_line", "locked", "still_at", "sync", "sync_name", "write_all"]

_BLOCK: Final = 1 << 13
_FAR: Final = 1 << 40


def last_line(file: FileIO, end: int) -> tuple[int, bytes]:
    """The line that ends at `end`, and where it starts."""
    chunks: list[bytes] = []
    start, size = end, _BLOCK
    while start:
        size = min(size, start)
        start -= size
        file.seek(start)
        block = file.read(size)
        cut = block.rfind(b"\n", 0, -1 if start + size == end else None)
        if cut >= 0:
            return start + cut + 1, b"".join([block[cut + 1 :], *reversed(chunks)])
        chunks.append(block)
        size *= 2
    return 0, b"".join(reversed(chunks))


def ends_a_line(file: FileIO) -> bool:
    """Whether the file, which is not empty, ends with the end of a line."""
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def still_at(path: Path, file: FileIO) -> bool:
    """Whether the open file is still the one of that name: it may have been put away between opening and locking."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def write_all(file: FileIO, data: bytes) -> None:
    """Write all of it: one call may write a part, as on a disk that is filling up. Raises `OSError` where the rest cannot be written."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def sync(file: FileIO, *, full: bool = True) -> None:
    """Wait until the device has the file's data, and with `full` its metadata; on macOS `full` empties the device's own cache too."""
    if full and sys.platform == "darwin":
        fcntl.fcntl(file.fileno(), fcntl.F_FULLFSYNC)
    elif full:
        os.fsync(file.fileno())
    else:
        getattr(os, "fdatasync", os.fsync)(file.fileno())


def sync_name(path: Path) -> None:
    """Make a new file's name in its folder durable; Windows does so by itself, and cannot open a folder."""
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def locked(file: FileIO, *, shared: bool) -> Iterator[None]:
    """Hold the operating system's lock on the file; it goes when the process does, however that ends."""
    if sys.platform == "win32":
        # Locks are on bytes there, and keep readers out: one byte far beyond the end stands for the file.
        while True:
            file.seek(_FAR)
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                break
            except OSError:
                time.sleep(0.005)
        try:
            yield
        finally:
            file.seek(_FAR)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(file.fileno(), fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield  # closing the file lets go of the lock
