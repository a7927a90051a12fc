"""The command line ``bayes-scaling``.

Nothing heavy is imported before a command needs it, so that ``--help`` answers at once; and nothing at all
before Ctrl-C is looked after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayes_scaling.cli.commands import app

__all__ = ["app", "main"]


def __getattr__(name: str) -> Any:
    """The application, made when it is first asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from bayes_scaling.cli.commands import app

    return app


def main() -> None:
    """Run the command line; the entry point ``bayes-scaling``."""
    from bayes_scaling.cli.process import run_process

    run_process()
