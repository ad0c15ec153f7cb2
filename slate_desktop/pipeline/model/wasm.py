"""Runs the WebAssembly modules of meshoptimizer (``resources/meshopt``).

Owns instances and their memory, and knows nothing of meshes. A module sees only the bytes that were
copied into its own memory, so a hostile mesh that breaks it ends in an error, not in this process.
"""

from __future__ import annotations

import atexit
import contextlib
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.threads import processor_count
from slate_desktop.settings.paths import resource_path

if TYPE_CHECKING:
    import wasmtime
    from numpy.typing import DTypeLike, NDArray

# Memory of an instance never shrinks: above this one is given up after its call.
_KEEP_BYTES = 256 * 1024 * 1024
# Addresses that an instance has from its start. Memory that never moves is a tenth faster, for its
# place is looked up once for many accesses, but it ends there.
_STILL_BYTES = 64 * 1024 * 1024
# Of these a module needs some for its stack and its own values.
_MODULE_BYTES = 4 * 1024 * 1024
_ALIGN_BYTES = 16
_PAGE_BYTES = 4096
# What a primitive of 30,000 triangles takes in a simplifier.
_RESERVE_BYTES = 8 * 1024 * 1024
_ARGUMENTS_BYTES = 64

# A module belongs to the engine that compiled it; two threads must not make one each.
_compiling = threading.Lock()
# Instances that nobody uses, by name and whether their memory stays where it is; the last one
# used comes first.
_idle: dict[tuple[str, bool], list[Instance]] = {}


class Instance:
    """One module with its memory, lent by ``instance()`` to one user at a time."""

    def __init__(self, name: str, *, is_still: bool) -> None:
        import wasmtime

        self._wasmtime = wasmtime
        with _compiling:
            engine, module = _engine(is_still), _module(name, is_still)
            doors = _doors(name, is_still)
        self._store = wasmtime.Store(engine)
        exports = wasmtime.Instance(self._store, module, []).exports(self._store)
        self._memory = cast("wasmtime.Memory", exports["memory"])
        self._bytes: NDArray[np.uint8] | None = None
        cast("wasmtime.Func", exports["__wasm_call_ctors"])(self._store)
        self._sbrk = cast("wasmtime.Func", exports["sbrk"])
        # A call costs as much as copying some 100 KB, so what was asked for once is kept: rooms
        # lie below ``_end``, and the module's own pieces above it, gone when a call returns.
        self._next = self._end = self._grow(0)
        self._arguments = self.room(_ARGUMENTS_BYTES)
        self._start = self._next
        imports = [exports[each] for each in ("memory", *doors.signatures)]
        entries = wasmtime.Instance(self._store, doors.module, imports).exports(self._store)
        place = cast("wasmtime.Global", entries["arguments"])
        place.set_value(self._store, wasmtime.Val.i32(self._arguments))
        self._entries = {
            key: (cast("wasmtime.Func", entries[key]), *signature)
            for key, signature in doors.signatures.items()
        }

    @property
    def size(self) -> int:
        """Bytes of its memory."""
        return len(self._all())

    def free(self) -> None:
        """Give back every room."""
        self._next = self._start

    def reserve(self, size: int) -> None:
        """Have so many bytes of memory for what comes; the system gives pages at first use."""
        begin = self._grow(size)
        self._view(begin, size)[::_PAGE_BYTES] = 0
        self._grow(-size)

    def call(self, name: str, *arguments: float) -> Any:
        """Call a function of the module.

        Raises:
            AssetError: ``asset_limit``: it broke off, which it does when memory ends.
        """
        function, form, result = self._entries[name]
        packed = form.pack(
            *(each & 0xFFFFFFFF if isinstance(each, int) else each for each in arguments)
        )
        self._view(self._arguments, len(packed))[:] = np.frombuffer(packed, np.uint8)
        self._call(function)
        found: list[Any] = self._view(self._arguments, 4).view(result).tolist()
        return found[0]

    def _call(self, function: wasmtime.Func, *arguments: int) -> Any:
        self._bytes = None  # it may move
        try:
            return function(self._store, *arguments)
        except (self._wasmtime.Trap, self._wasmtime.WasmtimeError) as exc:
            raise AssetError.limit("The model needs more memory than is allowed.") from exc

    def room(self, size: int) -> int:
        """Return the address of ``size`` bytes that are free until ``free`` is called."""
        address = -(-self._next // _ALIGN_BYTES) * _ALIGN_BYTES
        end = address + -(-size // _ALIGN_BYTES) * _ALIGN_BYTES
        if end > self._end:
            self._grow(end - self._end)
            self._end = end
        self._next = end
        return address

    def put(self, values: NDArray[Any]) -> int:
        """Copy values into the memory and return their address."""
        address = self.room(values.nbytes)
        if values.nbytes:
            target = self._view(address, values.nbytes)
            target[:] = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        return address

    def take(self, address: int, dtype: DTypeLike, count: int) -> NDArray[Any]:
        """Return a copy of ``count`` values at an address."""
        size = np.dtype(dtype).itemsize * count
        return self._view(address, size).copy().view(dtype)

    def _view(self, address: int, size: int) -> NDArray[np.uint8]:
        found = self._all()
        if address < 0 or address + size > len(found):
            raise AssetError.limit("The model needs more memory than is allowed.")
        return found[address : address + size]

    def _all(self) -> NDArray[np.uint8]:
        # Asked for once between two calls: each question is a call into the library itself.
        if self._bytes is None:
            pointer: Any = self._memory.get_buffer_ptr(self._store)
            self._bytes = np.frombuffer(pointer, np.uint8)
        return self._bytes

    def _grow(self, size: int) -> int:
        """Take more of the heap, and return where it ended before."""
        return int(self._call(self._sbrk, size)) & 0xFFFFFFFF


@contextlib.contextmanager
def instance(name: str, need: int) -> Iterator[Instance]:
    """Lend an instance of ``encoder``, ``decoder`` or ``simplifier``; its rooms are free after it.

    One that broke off is not lent again.

    Args:
        name: of the module.
        need: bytes that rooms and the module's own pieces take at the most; where they are many,
            the memory can grow further, and is slower.
    """
    kind = (name, need <= _STILL_BYTES - _MODULE_BYTES)
    try:
        found = _idle[kind].pop()
    except LookupError:
        found = Instance(name, is_still=kind[1])
    yield found
    if found.size <= _KEEP_BYTES:
        found.free()
        _idle.setdefault(kind, []).append(found)


def warm() -> None:
    """Compile all modules and make an instance of those that levels need.

    Processes forked from this one find them. What a large model needs is compiled with it.
    """
    with _compiling:
        for name in ("encoder", "decoder", "simplifier"):
            _doors(name, True)
    with _lent():
        pass


def take_memory() -> None:
    """Take memory for the instances that levels need, in a process that has time for it.

    They are those of ``warm``, and their addresses are theirs already: no limit is touched.
    """
    with _lent() as instances:
        for each in instances:
            each.reserve(_RESERVE_BYTES)


@contextlib.contextmanager
def _lent() -> Iterator[list[Instance]]:
    """Lend at once what levels of several primitives use at once."""
    names = ["encoder", *["simplifier"] * min(2, processor_count())]
    with contextlib.ExitStack() as lent:
        yield [lent.enter_context(instance(name, 0)) for name in names]


@atexit.register
def _let_go() -> None:
    # What is left for the end of the interpreter is freed after the library that frees it.
    _idle.clear()
    _doors.cache_clear()
    _module.cache_clear()
    _engine.cache_clear()


@lru_cache
def _engine(is_still: bool) -> wasmtime.Engine:
    import wasmtime

    config = wasmtime.Config()
    # The default reserves gigabytes of addresses and threads for compiling; a child has neither.
    config.memory_may_move = not is_still
    config.memory_reservation = _STILL_BYTES if is_still else 0
    config.memory_reservation_for_growth = 0 if is_still else _STILL_BYTES
    config.memory_guard_size = 0
    config.parallel_compilation = False
    # A fifth of the simplifier's time. The modules are ours and a child holds nothing but one file.
    config.cranelift_flag_set("enable_heap_access_spectre_mitigation", "false")
    return wasmtime.Engine(config)


@lru_cache
def _module(name: str, is_still: bool) -> wasmtime.Module:
    import wasmtime

    content = resource_path("meshopt", f"{name}.wasm").read_bytes()
    return wasmtime.Module(_engine(is_still), content)


@dataclass(frozen=True)
class _Doors:
    """A module whose functions take their arguments from memory, and leave their result there."""

    module: wasmtime.Module
    signatures: dict[str, tuple[struct.Struct, np.dtype[Any]]]


@lru_cache
def _doors(name: str, is_still: bool) -> _Doors:
    """Return the doors to a module's functions.

    The library looks at the type of each argument in a dozen calls of its own, two hundred for the
    simplifier, and each gives the interpreter to another thread.
    """
    import wasmtime

    signatures: dict[str, tuple[struct.Struct, np.dtype[Any]]] = {}
    imports, functions = ['(import "m" "memory" (memory 0))'], []
    for export in _module(name, is_still).exports:
        kind = export.type
        if not isinstance(kind, wasmtime.FuncType) or not export.name.startswith("meshopt_"):
            continue
        parameters = [str(each) for each in kind.params]
        result = str(kind.results[0]) if kind.results else ""
        signatures[export.name] = (
            struct.Struct("<" + "".join("f" if each == "f32" else "I" for each in parameters)),
            np.dtype(np.float32 if result == "f32" else np.int32),
        )
        end = f"(result {result})" if result else ""
        imports.append(
            f'(import "m" "{export.name}" (func ${export.name} '
            f"(param {' '.join(parameters)}) {end}))"
        )
        values = " ".join(
            f"({each}.load offset={4 * number} (global.get 0))"
            for number, each in enumerate(parameters)
        )
        call = f"(call ${export.name} {values})"
        body = f"({result}.store (global.get 0) {call})" if result else call
        functions.append(f'(func (export "{export.name}") {body})')
    place = '(global (export "arguments") (mut i32) (i32.const 0))'
    text = f"(module {' '.join((*imports, place, *functions))})"
    return _Doors(wasmtime.Module(_engine(is_still), text), signatures)
