"""What a process apart may not do, each as a function for one."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path


def write(path: Path) -> None:
    path.with_name("written").write_text("x")


def run(path: Path) -> None:
    subprocess.run(["touch", str(path.with_name("written"))], check=False)


def system(path: Path) -> int:
    return os.system(f"touch {path.with_name('written')}")


def connect(path: Path) -> None:
    socket.create_connection(("127.0.0.1", 9), timeout=1)


def other(path: Path) -> str:
    return path.with_name("other").read_text()


def remove(path: Path) -> None:
    path.unlink()


def hang(path: Path) -> None:
    while True:
        pass


def grow(path: Path) -> int:
    return len(bytearray(2**40))


def die(path: Path) -> None:
    os.abort()


def fine(path: Path) -> list[object]:
    return [path.read_text(), 0.1, None]
