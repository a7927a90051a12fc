"""The package is whole in a wheel, in a clone and as installed, and the two commands are what they say."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

import bayes_scaling

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PLACES = {  # folder of the tree -> folder of the wheel
    "bayes_scaling": "bayes_scaling",
    "models": "bayes_scaling/models",
    "kernels": "bayes_scaling/kernels",
    "data": "bayes_scaling/data",
}
STRAY = "bayes_scaling/stray/__init__.py"  # a sub-package that pyproject.toml does not list
IMPORTED_BY_OTHERS = {"arviz", "h5netcdf"}  # ArviZ's parts come with it; xarray names h5netcdf as its engine
WHERE = "import sys; from importlib.util import find_spec; print(find_spec('bayes_scaling.{}').origin)"


def run(*command: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def files_below(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file() and path.parent.name != "__pycache__":
            yield path.relative_to(folder).as_posix()


def sources() -> Iterator[Path]:
    for folder in PLACES:
        yield from (ROOT / folder).rglob("*.py")


def requirements(names: list[str]) -> set[str]:
    """Distribution names without versions, in normal form."""
    return {re.sub(r"[-_.]+", "-", re.split(r"[ ;<>=!~\[]", name, maxsplit=1)[0]).lower() for name in names}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the package is built from, plus a stray sub-package."""
    copy = tmp_path_factory.mktemp("clone")
    for folder in PLACES:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "Makefile"):
        shutil.copy(ROOT / name, copy)
    (copy / STRAY).parent.mkdir()
    (copy / STRAY).touch()
    return copy


@pytest.fixture(scope="module")
def wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    built = run(
        *(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(out), "."),
        cwd=clone,
    )
    assert built.returncode == 0, built.stderr
    (path,) = out.glob("*.whl")
    return path


def test_wheel_holds_the_tree_and_misses_only_the_stray(clone: Path, wheel: Path) -> None:
    tree = {f"{place}/{name}" for folder, place in PLACES.items() for name in files_below(clone / folder)}
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert tree - packed == {STRAY}
    assert packed - tree == set()
    assert "bayes_scaling/py.typed" in packed


def test_wheel_carries_licence_and_command(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (licence,) = (name for name in archive.namelist() if name.endswith("licenses/LICENSE"))
    (commands,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert "Apache License" in archive.read(licence).decode()
    assert "bayes-scaling = bayes_scaling.cli:main" in archive.read(commands).decode()


@pytest.mark.parametrize("name", ["models", "kernels", "data"])
def test_subpackages_are_found_in_clone_and_wheel(
    name: str, clone: Path, wheel: Path, tmp_path: Path
) -> None:
    # -S leaves site-packages out: this very checkout may be installed there
    command = (sys.executable, "-S", "-c", WHERE.format(name))
    unpacked = tmp_path / "unpacked"
    zipfile.ZipFile(wheel).extractall(unpacked)
    in_clone = run(*command, cwd=tmp_path, PYTHONPATH=str(clone))
    in_wheel = run(*command, cwd=tmp_path, PYTHONPATH=str(unpacked))
    assert in_clone.stdout.strip() == str(clone / name / "__init__.py"), in_clone.stderr
    assert in_wheel.stdout.strip() == str(unpacked / "bayes_scaling" / name / "__init__.py"), in_wheel.stderr


def test_subpackages_are_not_found_without_their_folder(clone: Path, tmp_path: Path) -> None:
    shutil.copytree(clone / "bayes_scaling", tmp_path / "bayes_scaling")
    found = run(sys.executable, "-S", "-c", WHERE.format("models"), cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert found.returncode != 0


def test_installed_package_is_this_one(tmp_path: Path) -> None:
    try:
        version = metadata.version("bayes-scaling")
    except metadata.PackageNotFoundError:
        pytest.skip("the package is not installed here; `make test` installs it")
    found = run(sys.executable, "-I", "-c", WHERE.format("models"), cwd=tmp_path)
    assert version == PROJECT["version"]
    assert Path(found.stdout.strip()).name == "__init__.py", found.stderr


def test_import_is_light(tmp_path: Path) -> None:
    # without site-packages an import of anything but the standard library fails
    light = run(sys.executable, "-S", "-c", "import bayes_scaling", cwd=tmp_path, PYTHONPATH=str(ROOT))
    heavy = run(sys.executable, "-S", "-c", "import numpy", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert light.returncode == 0, light.stderr
    assert heavy.returncode != 0


def test_public_names_exist() -> None:
    assert {"load_runs", "fit", "frontier", "compare"} <= set(bayes_scaling.__all__)
    for name in bayes_scaling.__all__:
        assert getattr(bayes_scaling, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        bayes_scaling.no_such_name  # noqa: B018


def test_version_is_one() -> None:
    citation = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert citation
    assert newest
    assert {citation[1], newest[1], bayes_scaling.__version__} == {PROJECT["version"]}


def imported_modules() -> set[str]:
    modules: set[str] = set()
    for node in (node for path in sources() for node in ast.walk(ast.parse(path.read_text()))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module.split(".")[0])
    return modules - set(sys.stdlib_module_names) - {"bayes_scaling"}


def test_dependencies_are_what_is_imported() -> None:
    owners = metadata.packages_distributions()
    imported = {owner for module in imported_modules() for owner in owners.get(module, [module])}
    declared = requirements(PROJECT["dependencies"])
    extras = PROJECT["optional-dependencies"]
    optional = requirements(extras["kernels"] + extras["sweep"])
    assert requirements(sorted(imported)) - declared - optional == set()
    assert declared - requirements(sorted(imported)) == IMPORTED_BY_OTHERS


def test_torch_is_never_installed_by_the_two_commands() -> None:
    extras = PROJECT["optional-dependencies"]
    assert "torch" in requirements(extras["kernels"])
    assert "torch" not in requirements(PROJECT["dependencies"] + extras["dev"])
    assert "triton" not in requirements(PROJECT["dependencies"])


def script(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("status", [0, 3])
def test_ci_runs_the_tests_and_the_demonstration_in_the_root(tmp_path: Path, status: int) -> None:
    """It ends with the first that fails."""
    script(tmp_path / "make", f'echo "$PWD: $*"; exit {status}')
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = run("bash", str(ROOT / ".ci" / "run"), cwd=tmp_path, PATH=path)
    assert done.stdout == f"{ROOT}: test\n" + (f"{ROOT}: demo\n" if status == 0 else "")
    assert done.returncode == status


def which_python(clone: Path, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """What the Makefile finds where `folder` is all there is."""
    make = shutil.which("make")
    assert make
    nowhere = str(folder / "nowhere")
    names = {
        "PATH": str(folder),
        "HOME": nowhere,
        "PYENV_ROOT": nowhere,
        "PYTHON": "",
        "MAKEFLAGS": "",
        "MAKELEVEL": "0",
    }
    return run(make, "which-python", cwd=clone, **(names | env))


def test_makefile_passes_over_a_python_that_does_not_run(clone: Path, tmp_path: Path) -> None:
    script(tmp_path / "bin" / "python3.12", "exit 127")
    script(tmp_path / "bin" / "python3", f'exec "{sys.executable}" "$@"')
    found = which_python(clone, tmp_path / "bin")
    assert found.stdout == "Python: python3\n", found.stderr
    assert found.returncode == 0


def test_makefile_finds_pyenv_last(clone: Path, tmp_path: Path) -> None:
    inside = tmp_path / "pyenv" / "versions" / "3.12.9" / "bin"
    inside.mkdir(parents=True)
    script(inside / "python", f'exec "{sys.executable}" "$@"')
    found = which_python(clone, tmp_path / "bin", PYENV_ROOT=str(tmp_path / "pyenv"))
    assert found.stdout == f"Python: {inside / 'python'}\n", found.stderr


def test_makefile_says_what_to_do_without_python(clone: Path, tmp_path: Path) -> None:
    script(tmp_path / "bin" / "python3", 'case "$2" in *"(3, 12)"*) exit 1;; esac')  # an older Python
    found = which_python(clone, tmp_path / "bin")
    assert found.returncode != 0
    assert found.stdout == ""
    assert "make which-python PYTHON=/path/to/python3.12" in found.stderr


@pytest.mark.parametrize("package", ["", ".data", ".classical", ".latency", ".models", ".sweep"])
def test_type_checkers_read_the_names_that_are_imported_late(package: str) -> None:
    """Each lazy name stands under ``TYPE_CHECKING`` too, out of the same module."""
    module = importlib.import_module(f"bayes_scaling{package}")
    tree = ast.parse(inspect.getsource(module))
    switches = [node for node in tree.body if isinstance(node, ast.If)]
    (only_types,) = (node for node in switches if ast.unparse(node.test) == "TYPE_CHECKING")
    typed = {
        alias.name: node.module.removeprefix(f"{module.__name__}.")
        for node in only_types.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if node.module != module.__name__
    }
    assert typed == module._HOMES
    assert set(module.__all__) - set(module._HOMES) <= {"__version__", *getattr(module, "_ROOMS", ())}


NUMERICAL = {"numpy", "pandas", "xarray", "scipy", "matplotlib", "jax"}


@pytest.mark.parametrize(
    ("module", "left_out"),
    [
        ("cli.commands", NUMERICAL),
        ("printing.runs", {"scipy", "xarray", "matplotlib", "jax"}),
        ("printing.views", {"scipy.stats", "scipy.interpolate", "scipy.optimize", "matplotlib", "jax"}),
        ("printing.planning", {"scipy.stats", "scipy.interpolate", "matplotlib", "jax"}),
        ("questions.frontier", {"scipy.stats", "scipy.interpolate", "scipy.optimize", "matplotlib", "jax"}),
        ("sweep.running", {"scipy.stats", "matplotlib", "jax"}),
    ],
)
def test_a_module_loads_only_what_it_needs(tmp_path: Path, module: str, left_out: set[str]) -> None:
    """Heavy libraries are imported where they are used, so that a command starts at once."""
    code = f"import sys, bayes_scaling.{module}; print(*sys.modules)"
    loaded = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert loaded.returncode == 0, loaded.stderr
    names = set(loaded.stdout.split())
    assert f"bayes_scaling.{module}" in names
    assert not left_out & names
