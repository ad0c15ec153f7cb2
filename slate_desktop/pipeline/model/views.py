"""Buffer views of a glTF that is read: their bytes, decompressed where they are not plain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
import numpy as np

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.model import meshopt, schema
from slate_desktop.pipeline.model.scan import MESHOPT_NAMES


@dataclass
class _Run:
    """Views that lie one after the other in a buffer."""

    buffer: int
    start: int
    end: int
    members: list[int] = field(default_factory=list)


class Views:
    """Bytes of buffer views; compressed ones are decoded once, when they are first asked for."""

    def __init__(self, gltf: schema.Gltf, buffers: list[bytes | memoryview]) -> None:
        self._views = gltf.buffer_views
        self._buffers = [memoryview(each) for each in buffers]
        self._found: dict[int, memoryview] = {}
        self._decoded_bytes = 0

    def __getitem__(self, index: int) -> memoryview:
        found = self._found.get(index)
        if found is None:
            found = self._found[index] = self._find(self._views[index])
        return found

    def _find(self, view: schema.BufferView) -> memoryview:
        named = MESHOPT_NAMES if view.extensions else ()
        compressed = next((name for name in named if name in view.extensions), None)
        if compressed is None:
            end = view.byte_offset + view.byte_length
            return self._buffers[view.buffer][view.byte_offset : end]
        self._decoded_bytes += view.byte_length
        if self._decoded_bytes > meshopt.MAX_DECODED_BYTES:
            raise AssetError.limit("The model is too large when it is decompressed.")
        return memoryview(self._decode(view, view.extensions[compressed]))

    def is_plain(self, index: int | None) -> bool:
        """Tell whether a view, or the lack of one, stands for bytes that need no decoding."""
        return index is None or not self._views[index].extensions

    def stride(self, index: int) -> int | None:
        """Return the stride that a view states."""
        return self._views[index].byte_stride

    def finite(self, numbers: Iterable[int]) -> set[int]:
        """Return those of some views that hold finite floats and nothing else.

        Views that lie one after the other are looked at together: there may be thousands.
        """
        runs: list[_Run] = []
        for number in numbers:
            view = self._views[number]
            if view.byte_stride is not None or view.byte_length % 4 or view.extensions:
                continue
            start, end = view.byte_offset, view.byte_offset + view.byte_length
            if not (runs and (runs[-1].buffer, runs[-1].end) == (view.buffer, start)):
                runs.append(_Run(view.buffer, start, end))
            runs[-1].end = end
            runs[-1].members.append(number)
        found: set[int] = set()
        for run in runs:
            if _is_finite(self._buffers[run.buffer][run.start : run.end]):
                found.update(run.members)
        return found

    def _decode(self, view: schema.BufferView, entry: object) -> bytes:
        try:
            form = msgspec.convert(entry, _Compressed)
        except msgspec.ValidationError as exc:
            raise AssetError.invalid(f"A compressed buffer view is damaged: {exc}.") from exc
        if form.buffer >= len(self._buffers):
            raise AssetError.invalid("A compressed buffer view names a buffer that is not there.")
        source = self._buffers[form.buffer][form.byte_offset :][: form.byte_length]
        if len(source) < form.byte_length or form.count * form.byte_stride != view.byte_length:
            raise AssetError.invalid("A compressed buffer view has a size that cannot be.")
        return meshopt.decode(source, form.count, form.byte_stride, form.mode, form.filter)


class _Compressed(msgspec.Struct, rename="camel"):
    buffer: schema.Index
    byte_length: schema.Size
    byte_stride: schema.Size
    count: schema.Size
    mode: str
    byte_offset: schema.Index = 0
    filter: str = "NONE"


def _is_finite(data: memoryview) -> bool:
    return bool(np.isfinite(np.frombuffer(data, np.float32)).all())
