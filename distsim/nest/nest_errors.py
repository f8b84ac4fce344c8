"""The exceptions of NEST by their names, as ``nest.NESTError`` and ``nest.NESTErrors.BadProperty``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeVar

from distsim.core.errors import InputError, nearest

Function = TypeVar("Function", bound=Callable[..., Any])


class KernelException(Exception):  # noqa: N818 # its name in NEST
    """Base of all of them: ``nest.NESTError``."""


NAMES = (
    "BackendAlreadyRegistered", "BackendNotPrepared", "BackendPrepared", "BadDelay", "BadParameter",
    "BadParameterValue", "BadProperty", "DimensionMismatch", "DistributionError", "DynamicModuleManagementError",
    "GSLSolverFailure", "IllegalConnection", "IncompatibleReceptorType", "InexistentConnection", "InternalError",
    "InvalidDefaultResolution", "InvalidTimeInModel", "IOError", "KeyError", "LayerExpected", "LayerNodeExpected",
    "LocalNodeExpected", "ModelInUse", "MPIErrorCode", "MPIPortsFileMissing", "MPIPortsFileUnknown",
    "MUSICChannelAlreadyMapped", "MUSICChannelUnknown", "MUSICPortAlreadyPublished", "MUSICPortHasNoWidth",
    "MUSICPortUnconnected", "MUSICPortUnknown", "MUSICSimulationHasRun", "NamingConflict", "NewModelNameExists",
    "NodeWithProxiesExpected", "NoThreadSiblingsAvailable", "NotImplemented", "NumericalInstability", "RangeCheck",
    "StepMultipleRequired", "TimeMultipleRequired", "TypeMismatch", "UnaccessedDictionaryEntry", "UndefinedName",
    "UnexpectedEvent", "UnknownCompartment", "UnknownComponent", "UnknownModelName", "UnknownNode", "UnknownPort",
    "UnknownReceptorType", "UnknownSynapseType", "UnknownThread", "UnmatchedSteps", "UnsupportedEvent",
)  # fmt: skip
NESTErrors = SimpleNamespace(
    KernelException=KernelException,
    **{name: type(name, (KernelException,), {"__module__": "NESTErrors"}) for name in NAMES},
)


def unknown(what: str, name: Any, known: Any) -> str:
    """A sentence about a name that is not known, with the nearest that is."""
    return f"{name!s:.80} is not a known {what}{nearest(str(name), list(known))}"


def told_by_nest(function: Function) -> Function:
    """Decorator: wrong input is told as NEST tells it, by ``BadProperty``."""

    @functools.wraps(function)
    def called(*arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except InputError as error:
            raise NESTErrors.BadProperty(str(error)) from error

    return called  # type: ignore[return-value]
