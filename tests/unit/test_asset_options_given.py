"""Options of assets as they are given on a command line, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from slate_desktop.cli.asset_options import given_options
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import parse_options
from slate_desktop.domain.assets.outcome import fault_of
from slate_desktop.domain.assets.texture import Fit, Resize, TextureOptions, size_text
from slate_desktop.errors import AssetError, CommandError


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1024x512", Resize(width=1024, height=512)),
        ("1024X512:cover", Resize(width=1024, height=512, fit=Fit.COVER)),
        ("640×480:exact", Resize(width=640, height=480, fit=Fit.EXACT)),
        ("512x", Resize(width=512)),
        ("x256:inside", Resize(height=256)),
    ],
)
def test_size_of_a_texture_with_its_fit(text: str, wanted: Resize) -> None:
    given = given_options(resize=text, lods=None, option=None)
    options = parse_options(AssetKind.TEXTURE, given)
    assert isinstance(options, TextureOptions)
    assert options.resize == wanted


def test_size_is_shown_as_it_is_read() -> None:
    for size in (Resize(width=8, height=4, fit=Fit.EXACT), Resize(height=5), Resize(width=7)):
        options = parse_options(AssetKind.TEXTURE, {"resize": size_text(size)})
        assert isinstance(options, TextureOptions)
        assert options.resize == size


@pytest.mark.parametrize("text", ["x", "100", "axb", "10x10:", "10x10:COVER", "-5x5", "1x2x3", ""])
def test_size_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="1024x512"):
        given_options(resize=text, lods=None, option=None)


def test_fit_that_there_is_none_of_is_refused_by_name() -> None:
    given: dict[str, Any] = given_options(resize="10x10:middle", lods=None, option=None)
    with pytest.raises(CommandError, match="inside, cover, exact"):
        parse_options(AssetKind.TEXTURE, given)


def test_option_of_another_kind_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(CommandError, match=r"no option 'scale'.*compression.*usage") as caught:
        parse_options(AssetKind.TEXTURE, {"scale": 2})
    assert caught.value.field == "scale"


def test_failure_of_an_asset_says_what_to_do() -> None:
    error = AssetError.invalid("M4A needs ffmpeg", hint="Install it, or use another format.")
    assert fault_of(error).message == "M4A needs ffmpeg. Install it, or use another format."
    assert fault_of(AssetError.invalid("It is empty.")).message == "It is empty."
