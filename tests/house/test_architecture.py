"""The shape of the package: a module imports only from those above it, and heavy libraries only where they are used."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import distsim

PACKAGE = Path(distsim.__file__).parent
MODULES = {".".join(p.relative_to(PACKAGE).with_suffix("").parts): p for p in sorted(PACKAGE.rglob("*.py"))}

ORDER = (
    "core", "theory", "parallel", "record", "connect", "spiking", "binary", "rates", "analysis", "models", "command",
    "scaling", "nest", "__main__",
)  # fmt: skip
"""Modules and folders of the package, each of which may import from those before it and from itself."""

APART = {
    "theory": {"core"},
    "connect": {"core"},
    "spiking": {"core", "parallel", "record", "connect"},
    "binary": {"core", "parallel", "record", "connect"},
    "rates": {"core", "theory", "parallel", "record", "connect"},
    "analysis": {"core", "theory"},
}
"""Folders that know less than stands before them, and all that they may import from: no wing knows another."""

HOMES = {"mpi4py": ("parallel",), "h5py": ("record", "analysis.read", "core.mapped")}
"""The only folders and modules that import these libraries, be it within a function."""

LAZY = ("scipy", "matplotlib", "pydantic", "h5py", "mpi4py", "tqdm", "tabulate")
"""Never imported by a module when it is itself imported."""

MOST_LINES = 400


@dataclass(frozen=True)
class Import:
    """An import of ``name`` by ``module``, when it is imported or only when a function runs."""

    module: str
    name: str
    lazy: bool


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def imports_below(node: ast.AST, module: str, lazy: bool = False) -> Iterator[Import]:
    """All imports that can happen when the code runs: those for type checkers alone are left out."""
    for child in ast.iter_child_nodes(node):
        if is_type_checking(child):
            continue
        if isinstance(child, ast.Import):
            yield from (Import(module, alias.name, lazy) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{module}: imports are absolute"
            yield from (Import(module, f"{child.module}.{alias.name}", lazy) for alias in child.names)
        else:
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from imports_below(child, module, lazy or inside)


def imports_of(module: str, source: str) -> list[Import]:
    return list(imports_below(ast.parse(source), module))


@cache
def imports() -> list[Import]:
    """All imports of the package."""
    return [found for module, path in MODULES.items() for found in imports_of(module, path.read_text(encoding="utf-8"))]


def own_imports() -> list[Import]:
    """Those of modules of the package."""
    return [i for i in imports() if i.name.split(".")[0] == "distsim"]


def part(module: str) -> str:
    """The module or folder of ``ORDER`` that a module of the package belongs to; "" for the package itself."""
    return "" if module == "__init__" else module.split(".")[0]


def within(module: str, homes: tuple[str, ...]) -> bool:
    return any(module == home or module.startswith(f"{home}.") for home in homes)


def imported_part(found: Import) -> str:
    """The part that an import of our own refers to; "" for a name of the package itself, such as its version."""
    first = found.name.split(".")[1]
    return first if first in ORDER else ""


def test_every_module_has_its_place_in_the_order():
    assert {part(module) for module in MODULES} - {"", *ORDER} == set()
    assert len(own_imports()) > 100


@pytest.mark.parametrize("name", ORDER)
def test_a_part_imports_only_from_those_before_it(name):
    allowed = {"", *ORDER[: ORDER.index(name) + 1]} if name not in APART else {"", name, *APART[name]}
    wrong = [(i.module, i.name) for i in own_imports() if part(i.module) == name and imported_part(i) not in allowed]
    assert wrong == []


def circles(imports: dict[str, set[str]]) -> list[set[str]]:
    """The modules that import one another, by whatever way."""
    reached = {module: set(direct) for module, direct in imports.items()}
    for middle in reached:
        for module in reached:
            if middle in reached[module]:
                reached[module] |= reached[middle]
    return [{a, b} for a in reached for b in reached[a] if a in reached.get(b, ())]


def test_no_import_goes_in_a_circle():
    imports: dict[str, set[str]] = {module: set() for module in MODULES}
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):  # with those for type checkers
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("distsim."):
                home = str(node.module).removeprefix("distsim.")
                imports[module] |= {n for alias in node.names if (n := f"{home}.{alias.name}") in MODULES} or {home}
    assert sum(map(len, imports.values())) > 500
    assert circles(imports) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})[0] <= {"a", "b", "c"}


def test_a_file_name_occurs_once():
    names = [module.rpartition(".")[2] for module in MODULES if not module.startswith(("models.", "scaling."))]
    assert {name for name in names if names.count(name) > 1} <= {"__init__", "__main__"}
    assert not {"build", "dist", "env"} & {part for module in MODULES for part in module.split(".")}


def test_the_package_itself_imports_nothing_at_once():
    assert [i.name for i in own_imports() if i.module == "__init__"] == []


@pytest.mark.parametrize("library", HOMES)
def test_libraries_stay_at_home(library):
    users = {i.module for i in imports() if i.name.split(".")[0] == library}
    assert users
    assert {module for module in users if not within(module, HOMES[library])} == set()


@pytest.mark.parametrize("library", LAZY)
def test_heavy_libraries_are_imported_when_they_are_needed(library):
    assert [i.module for i in imports() if i.name.split(".")[0] == library and not i.lazy] == []


def test_modules_are_short():
    lines = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in MODULES.items()}
    assert {module: n for module, n in lines.items() if n > MOST_LINES} == {}


def test_imports_are_found_wherever_they_hide():
    source = """
import a.b
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import hidden
try:
    from c import d
except ImportError:
    pass
class K:
    import e
    def f(self):
        if self:
            from g import h
"""
    found = {(i.name, i.lazy) for i in imports_of("x", source)} - {("typing.TYPE_CHECKING", False)}
    assert found == {("a.b", False), ("c.d", False), ("e", False), ("g.h", True)}


# ---------------------------------------------------------------- functions whose bits differ between machines

REPRODUCIBLE = (
    "core", "connect", "spiking", "binary", "rates", "theory.psp",
    "models.two_population.parameters", "models.two_population.network", "models.microcircuit.parameters",
    "models.microcircuit.network", "models.brunel.parameters", "models.brunel.network", "models.brunel.mean_field",
    "models.binary_ei.parameters", "models.binary_ei.network", "models.liquid_state.parameters",
    "models.liquid_state.network", "models.liquid_state.states", "models.liquid_state.stimuli",
    "models.liquid_state.experiment", "models.liquid_state.trials", "models.liquid_state.batch",
    "models.liquid_state.distance_sums", "models.liquid_state.liquid_file", "analysis.filtered_trains",
    "analysis.liquid_distances",
)  # fmt: skip
"""Modules and folders whose numbers reach a hash. The others work on results, or solve equations about them."""

ESTIMATES = ("spiking.spiking_memory", "binary.binary_memory", "rates.rate_memory")
"""Modules among them whose numbers are none of a simulation."""

BITS_OF_LIBRARIES = {
    "math": {
        "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "dist", "erf", "erfc", "exp",
        "exp2", "expm1", "gamma", "hypot", "lgamma", "log", "log10", "log1p", "log2", "pow", "sin", "sinh", "tan",
        "tanh",
    },
    "np": {
        "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "convolve", "corrcoef",
        "cos", "cosh", "cov", "dot", "einsum", "exp", "exp2", "expm1", "fft", "float_power", "hypot", "inner", "interp",
        "linalg", "log", "log10", "log1p", "log2", "logaddexp", "logaddexp2", "logspace", "geomspace", "matmul", "mean",
        "outer", "polyfit", "polyval", "power", "random", "sin", "sinc", "sinh", "std", "sum", "tan", "tanh",
        "tensordot", "trapezoid", "var", "vdot",
    },
}  # fmt: skip
"""Functions that C libraries, versions and processors round differently, or sum in another order."""

ALLOWED = {
    ("core.poisson_counts", "mean ** 0.5"): "only says how far the table is computed",
    ("analysis.liquid_distances", "((a - b) / tau) ** 2"): "compiled: a product",
    ("analysis.liquid_distances", "np.mean"): "of what a user brings",
    ("analysis.liquid_distances", "np.sum"): "of what a user brings",
    (
        "connect.rules.spatial_bernoulli",
        "((positions[t, k] - cell_position[candidate, k]) / lambda_) ** 2",
    ): "compiled: a product",
    ("core.distributions", "np.log"): "only says what is refused",
    ("connect.rules.spatial_bernoulli", "np.exp"): "only how many edges are expected",
    ("connect.rules.spatial_bernoulli", "(2 * number + 3) ** dimensions"): "whole numbers",
}
"""Exceptions, each with its reason."""


def is_exact_power(node: ast.BinOp) -> bool:
    """Whether a power is one of whole numbers by the look of it, or of two."""
    base = node.left.operand if isinstance(node.left, ast.UnaryOp) else node.left
    if isinstance(base, ast.Constant):
        return base.value == 2.0 or isinstance(base.value, int)
    return "Fraction" in ast.unparse(base)


def uses_of_libraries(source: str) -> Iterator[str]:
    """Every use in ``source`` of scipy, of a function of ``BITS_OF_LIBRARIES``, and of powers that are not exact."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            library = {"numpy": "np"}.get(node.value.id, node.value.id)
            if node.attr in BITS_OF_LIBRARIES.get(library, ()):
                yield f"{library}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module in ("math", "numpy"):
            library = {"numpy": "np"}.get(node.module, node.module)
            yield from (f"{library}.{a.name}" for a in node.names if a.name in BITS_OF_LIBRARIES[library])
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] in ("scipy", "random", "cmath"))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and not is_exact_power(node):
            yield ast.unparse(node)
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in ("scipy", "random", "cmath"):
            yield str(node.module)


def test_no_number_that_reaches_a_hash_hangs_on_a_library():
    modules = {m: path for m, path in MODULES.items() if within(m, REPRODUCIBLE) and m not in ESTIMATES}
    used = {(m, use) for m, path in modules.items() for use in uses_of_libraries(path.read_text(encoding="utf-8"))}
    assert len(modules) > 60
    assert used - set(ALLOWED) == set()
    assert set(ALLOWED) - used == set()


def test_uses_of_libraries_are_found_wherever_they_hide():
    source = """
import math, numpy as np
from math import expm1
def f(x):
    from scipy.special import ndtri
    import scipy.stats
    return math.exp(x) + np.random.default_rng(1).normal() + x**3 + 2.0**-30 + np.sqrt(x) + math.floor(x) + 10**9
kernel = numpy.log2
"""
    found = set(uses_of_libraries(source))
    assert found == {"math.expm1", "scipy.special", "scipy.stats", "math.exp", "np.random", "x ** 3", "np.log2"}


# ---------------------------------------------------------------- what importing loads


def modules_after(statement: str) -> set[str]:
    """All modules that a fresh interpreter holds after ``statement``."""
    code = f"{statement}; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    return set(done.stdout.split())


def loaded_by(statement: str) -> set[str]:
    """Top-level names of all modules that a fresh interpreter holds after ``statement``."""
    return {name.split(".")[0] for name in modules_after(statement)}


def test_a_run_loads_the_engine_of_its_network_alone():
    needs = "import distsim.command.run_command, distsim.models.run, distsim.models.brunel_siegert.network as model"
    wing = "from distsim.models.wings import wing_of; network = model.build_network()"
    loaded = modules_after(f"{needs}; {wing}; assert wing_of(network).file == 'rates.h5'")
    engines = {name for name in loaded if name.startswith(("distsim.spiking.", "distsim.binary."))}
    assert engines == {"distsim.spiking.choices"}


def test_importing_the_package_loads_nothing_heavy():
    heavy = {"numpy", "numba", "llvmlite", "h5py", "matplotlib", "mpi4py", "scipy", "pydantic", "tqdm", "tabulate"}
    assert loaded_by("import distsim") & heavy == set()


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("from distsim import *", {"h5py", "matplotlib", "mpi4py", "pydantic"}),  # scipy comes with numba
        ("import distsim.models.two_population.network", {"h5py", "matplotlib", "mpi4py", "pydantic"}),
        ("import distsim.theory.psp", {"numba", "scipy", "h5py", "matplotlib", "mpi4py"}),
        (
            "import distsim.analysis.spike_statistics, distsim.analysis.weight_statistics",
            {"numba", "h5py", "matplotlib", "mpi4py"},
        ),
        ("import distsim.analysis.read", {"numba", "matplotlib", "mpi4py"}),
        ("import distsim.analysis.plots", {"numba", "mpi4py"}),
    ],
)
def test_parts_load_only_what_they_use(statement, heavy):
    assert loaded_by(statement) & heavy == set()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_module_can_be_imported(name):
    parts = [p for p in name.split(".") if p not in ("__init__", "__main__")]
    assert importlib.import_module(".".join(["distsim", *parts])).__doc__ is not None


def test_all_public_names_are_there():
    assert sorted(distsim.__all__) == list(distsim.__all__)
    for name in distsim.__all__:
        assert getattr(distsim, name) is not None
    assert set(dir(distsim)) == set(distsim.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Netwrok'"):
        distsim.Netwrok  # noqa: B018
