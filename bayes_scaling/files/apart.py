"""A call in a process of its own, without rights and within limits: for content that may do harm.

The process may not write files, start others or reach a network, and ends when it takes too long or too much
memory. What it gives back is plain JSON. A crash there is an error of the package here.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from bayes_scaling.errors import BayesScalingError

MEMORY = 8 * 2**30  # bytes of address space
SECONDS = 120.0
DENIED = 99  # exit code
_MARK = "\x1eanswer:"
_CHILD = (
    "import json, sys; given = json.loads(sys.argv[1]); sys.path[:] = given['path']; "
    "from bayes_scaling.files.apart import answer; answer(given)"
)
_FORBIDDEN = (
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "subprocess.Popen"),
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.chown"),
    *(
        "os.truncate",
        "os.kill",
        "os.putenv",
        "shutil.",
        "socket.",
        "ctypes.",
        "urllib.",
        "pty.",
        "code.__new__",
    ),
)
_MACHINE = (  # what libraries read about the machine
    *("/proc/stat", "/proc/meminfo", "/proc/cpuinfo", "/sys/"),
    *("/usr/share/zoneinfo/", "/etc/localtime", "/dev/null", "/dev/urandom"),
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def run_apart(
    function: str,
    path: str | Path,
    *,
    error: type[BayesScalingError] = BayesScalingError,
    remedy: str = "get the file again from its source",
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> Any:
    """What a function gives for a file, called in a process of its own.

    Parameters
    ----------
    function : str
        ``module:name``; takes a Path and gives what JSON can hold.
    path : str or Path
        The only file, or folder of files, outside of Python's own that the process may open.
    error : type of BayesScalingError
        What any failure becomes.
    remedy : str
        What a message asks for.
    seconds : float
        After which the process is ended.
    memory : int
        Bytes of address space.

    Raises
    ------
    BayesScalingError
        Of the type ``error``: with the message of an error of the package raised there; or the process
        crashed, took too long or too much memory, or tried what it may not.
    """
    given = {"path": sys.path, "function": function, "file": str(path), "memory": memory, "seconds": seconds}
    command = [sys.executable, "-B", "-c", _CHILD, json.dumps(given)]
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    quiet = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds, env=env | quiet
        )
    except subprocess.TimeoutExpired:
        raise error(f"{path}: refused, reading it takes more than {seconds:g} s; {remedy}") from None
    _, mark, text = done.stdout.decode("utf-8", "replace").rpartition(_MARK)
    if done.returncode == DENIED:
        tried = " ".join(done.stderr.decode("utf-8", "replace").splitlines()[-1:])
        raise error(f"{path}: refused, it asks for more than to be read ({tried}); {remedy}")
    if done.returncode or not mark:
        raise error(f"{path}: refused, the process that read it died (exit code {done.returncode}); {remedy}")
    answered = json.loads(text)
    if "error" in answered:
        raise error(answered["error"])
    return answered["value"]


def answer(given: dict[str, Any]) -> None:
    """The other process: limits, then the call, then its answer on standard output."""
    module, name = given["function"].split(":")
    function = getattr(importlib.import_module(module), name)
    _limit(given)
    try:
        found = {"value": function(Path(given["file"]))}
    except BayesScalingError as error:
        found = {"error": str(error)}
    except (MemoryError, RecursionError) as error:
        found = {"error": f"{given['file']}: refused, too large or too deep to read ({type(error).__name__})"}
    sys.stdout.write(_MARK + json.dumps(found))
    sys.stdout.flush()
    os._exit(0)  # whatever the content left behind is not run


def _limit(given: dict[str, Any]) -> None:
    for kind, most in (
        (resource.RLIMIT_AS, given["memory"]),
        (resource.RLIMIT_CPU, int(given["seconds"]) + 1),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    places = (*sys.path, sys.prefix, sys.base_prefix)
    itself = tuple(f"/proc/{os.getpid()}/{name}" for name in ("stat", "status", "cgroup"))
    readable = tuple({os.path.realpath(place) + os.sep for place in places if place}) + itself + _MACHINE
    own = os.path.realpath(given["file"])

    def watch(event: str, details: tuple[Any, ...]) -> None:
        if event.startswith(_FORBIDDEN) or (event == "open" and not _may_open(details, readable, own)):
            os.write(2, f"{event} {details[:1]!r:.200}".encode())
            os._exit(DENIED)

    sys.addaudithook(watch)


def _may_open(details: tuple[Any, ...], readable: tuple[str, ...], own: str) -> bool:
    """Whether a file may be opened: to read, and Python's own or the one asked for."""
    path, _, flags = details
    if isinstance(path, int):
        return True
    where = os.path.realpath(os.fsdecode(path))
    return not int(flags or 0) & _WRITING and (where == own or where.startswith((own + os.sep, *readable)))
