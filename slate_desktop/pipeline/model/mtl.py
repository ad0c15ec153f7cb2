"""Reads the materials of an OBJ (MTL) as those of glTF, pictures with them.

Source: http://paulbourke.net/dataformats/mtl/ and the PBR names that Blender writes (Pr, Pm).
"""

from __future__ import annotations

import math

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.model.document import Image, JsonObject
from slate_desktop.pipeline.model.files import Siblings
from slate_desktop.pipeline.model.images import mime_of
from slate_desktop.pipeline.model.parts import Materials

_MAX_MATERIALS = 10_000
_DEFAULT_ROUGHNESS = 0.8


def read_materials(
    libraries: list[str], used: set[str], siblings: Siblings, warnings: list[str]
) -> tuple[Materials, dict[str, int]]:
    """Return the materials that are used, and their numbers by name.

    Args:
        libraries: names of files beside the model.
        used: names of materials.
        siblings: opens them.
        warnings: gets a sentence for each library and picture that is left out.
    """
    materials, numbers = Materials(), dict[str, int]()
    for name in dict.fromkeys(libraries):
        try:
            text = siblings.read(_uri(name)).decode("utf-8", "replace")
        except AssetError as exc:
            warnings.append(f"Materials are left out: {exc}")
            continue
        for material, lines in _split(text).items():
            if material in used and material not in numbers:
                numbers[material] = len(materials.entries)
                entry = _material(material, lines, materials, siblings, warnings)
                materials.entries.append(entry)
    return materials, numbers


def pictures_of(text: str) -> list[str]:
    """Return the uris of the pictures that a library names."""
    found: list[str] = []
    for lines in _split(text).values():
        maps = (rest for key, rest in lines.items() if key.startswith("map_") or key == "norm")
        found += [_uri(_picture_name(rest)) for rest in maps]
    return found


def _uri(name: str) -> str:
    """Return a file's name as the uri that stands for it."""
    return name.replace("\\", "/").replace("%", "%25")


def _split(text: str) -> dict[str, dict[str, str]]:
    """Return the lines of each material: the rest of a line by its first word."""
    found: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.splitlines():
        key, _, rest = line.strip().partition(" ")
        if key == "newmtl":
            if len(found) >= _MAX_MATERIALS:
                raise AssetError.limit(f"The model has more than {_MAX_MATERIALS:,} materials.")
            current = found.setdefault(rest.strip(), {})
        elif key and not key.startswith("#"):
            current[key] = rest.strip()
    return found


def _material(
    name: str,
    lines: dict[str, str],
    materials: Materials,
    siblings: Siblings,
    warnings: list[str],
) -> JsonObject:
    opacity = _numbers(lines.get("d"), 1) or [1 - n for n in _numbers(lines.get("Tr"), 1)] or [1.0]
    color = _numbers(lines.get("Kd"), 3) or [1.0, 1.0, 1.0]
    metallic = _numbers(lines.get("Pm"), 1) or [0.0]
    surface: JsonObject = {
        "baseColorFactor": [*(_clip(each) for each in color), _clip(opacity[0])],
        "metallicFactor": _clip(metallic[0]),
        "roughnessFactor": _roughness(lines),
    }
    entry: JsonObject = {"name": name, "pbrMetallicRoughness": surface}
    glow = [_clip(each) for each in _numbers(lines.get("Ke"), 3)]
    if any(glow):
        entry["emissiveFactor"] = glow
    if opacity[0] < 1 or "map_d" in lines:
        entry["alphaMode"] = "BLEND"
    places = (
        ("map_Kd", surface, "baseColorTexture"),
        ("norm", entry, "normalTexture"),
        ("map_Ke", entry, "emissiveTexture"),
    )
    for key, owner, target in places:
        if key not in lines:
            continue
        try:
            file_name = _picture_name(lines[key])
            data = siblings.read(_uri(file_name))
        except AssetError as exc:
            warnings.append(f"A picture is left out: {exc}")
            continue
        owner[target] = materials.texture(Image(data, mime_of(data), file_name))
        if target == "emissiveTexture":
            entry.setdefault("emissiveFactor", [1.0, 1.0, 1.0])
    return entry


def _roughness(lines: dict[str, str]) -> float:
    if stated := _numbers(lines.get("Pr"), 1):
        return _clip(stated[0])
    shine = _numbers(lines.get("Ns"), 1)
    # Exponent of Blinn-Phong to roughness of the same highlight.
    return math.sqrt(2 / (max(0.0, shine[0]) + 2)) if shine else _DEFAULT_ROUGHNESS


def _picture_name(rest: str) -> str:
    """Return a map's file name; options such as ``-s 1 1 1`` come before it."""
    return rest.split()[-1] if rest.startswith("-") and rest.split() else rest


def _numbers(text: str | None, count: int) -> list[float]:
    """Return the numbers of a line, or none where they are not that many."""
    try:
        values = [float(word) for word in (text or "").split()[:count]]
    except ValueError:
        return []
    is_sound = len(values) == count and all(math.isfinite(value) for value in values)
    return values if is_sound else []


def _clip(value: float) -> float:
    return min(1.0, max(0.0, value))
