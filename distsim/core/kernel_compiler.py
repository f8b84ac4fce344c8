"""numba's compiler as kernels take it: references to the arrays that a kernel is given are not counted.

numba counts one wherever an array is passed on or a part of it is made: 5 ns each, and numbers leave the registers for
it. Whoever calls a kernel keeps its arguments until it returns. A kernel that returns an array counts, for that may be
a part of an argument.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering


class KernelLower(Lower):  # type: ignore[misc]
    """Writes a kernel as LLVM's code."""

    fnargs: list[Any]

    def extract_function_arguments(self) -> Any:
        """Take the arguments, as arrays that nobody owns."""
        found = super().extract_function_arguments()
        if not self.context.data_model_manager[self.fndesc.restype].contains_nrt_meminfo():
            pairs = zip(self.fndesc.argtypes, self.fnargs, strict=True)
            self.fnargs = [self._ownerless(kind, value) for kind, value in pairs]
        return found

    def _ownerless(self, kind: Any, value: Any) -> Any:
        if isinstance(kind, types.Array):
            array = self.context.make_array(kind)(self.context, self.builder, value)
            array.meminfo = array.meminfo.type(None)
            return array._getvalue()
        if isinstance(kind, types.BaseTuple):
            for k, of_entry in enumerate(kind):
                entry = self._ownerless(of_entry, self.builder.extract_value(value, k))
                value = self.builder.insert_value(value, entry, k)
        return value


@register_pass(mutates_CFG=True, analysis_only=False)
class KernelLowering(NativeLowering):  # type: ignore[misc]
    """The step of the compiler that does so."""

    _name = "kernel_lowering"

    @property
    def lowering_class(self) -> Any:
        return KernelLower


class KernelCompiler(CompilerBase):  # type: ignore[misc]
    """numba's compiler with that step in the place of its own."""

    def define_pipelines(self) -> list[Any]:
        """Its steps."""
        steps = DefaultPassBuilder.define_nopython_pipeline(self.state)
        steps.passes = [(KernelLowering if step is NativeLowering else step, about) for step, about in steps.passes]
        steps.finalize()
        return [steps]
