"""`Faced`: what every result inherits, so that it shows itself in a terminal, a notebook and a figure."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from bayes_scaling.faces.loss_unit import own_unit, unit_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Faced:
    """A result with a face.

    Its printer and its figures stand in the rooms `printing` and `plots`, which know the results. A result
    names them as text, and they are imported when somebody looks at it: no room imports one above it.

    Parameters
    ----------
    printer : str
        Module and function below `bayes_scaling.printing` that prints the result.
    figures : dict of str to str
        Name of each figure to the module and function below `bayes_scaling.plots` that draws it from the
        result; the first is the default.
    """

    _printer: ClassVar[str] = ""
    _figures: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, printer: str = "", figures: dict[str, str] | None = None, **more: Any) -> None:
        super().__init_subclass__(**more)
        if printer:
            cls._printer = printer
        if figures:
            cls._figures = figures

    def __repr__(self) -> str:
        """What the command line prints of it, at most 100 columns wide where numbers allow it."""
        with own_unit(unit_of(self)):
            return str(_named("printing.faces.text_of")(self._printed, self))

    def _repr_html_(self) -> str:
        """The same for a notebook."""
        with own_unit(unit_of(self)):
            return str(_named("printing.faces.html_of")(self._printed, self))

    @property
    def _printed(self) -> Any:
        """The function that prints it."""
        return _named(f"printing.{self._printer}")

    def plot(
        self,
        kind: str | None = None,
        *,
        ax: Axes | None = None,
        figsize: tuple[float, float] | None = None,
        **options: Any,
    ) -> Figure:
        """Draw the result.

        Parameters
        ----------
        kind : str, optional
            Which figure, where there are several; an unknown name tells those there are.
        ax : Axes, optional
            Where to draw a figure of one panel.
        figsize : tuple of float, optional
            Width and height in inches.
        **options
            As for the function of `bayes_scaling.plots` that draws it.

        Returns
        -------
        Figure
            Jupyter shows it; ``savefig`` writes it.

        Raises
        ------
        BayesScalingError
            An unknown kind, or nothing to draw.
        """
        chosen = _named("plots.faces.chosen")(self._figures, kind, type(self).__name__)
        options |= {"ax": ax, "figsize": figsize}
        with own_unit(unit_of(self)):
            figure: Figure = _named(f"plots.{chosen}")(self, **options)
        return figure


def _named(name: str) -> Any:
    """A function of a room above, by its name below the package."""
    module, _, function = name.rpartition(".")
    return getattr(import_module(f"bayes_scaling.{module}"), function)
