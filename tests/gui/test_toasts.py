"""Toasts: each is as high as its words need, one or three of them, and stands in the corner."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel

from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until

LONG = "Uni.x86_64 is not there, although nothing else failed. " * 3


def is_whole(label: QLabel) -> bool:
    return label.height() >= label.heightForWidth(label.width())


@pytest.mark.parametrize("count", [1, 2, 3, 5])
async def test_every_toast_shows_all_of_its_words(window: MainWindow, count: int) -> None:
    for number in range(count):
        window.workspace.notify("error", f"Build {number} failed", LONG)
        await until(lambda: all(card.isVisible() for card in window.toasts.cards))
    cards = window.toasts.cards
    assert len(cards) == min(count, 3)
    labels = [label for card in cards for label in card.findChildren(QLabel) if label.text()]
    assert len(labels) == 2 * len(cards)
    await until(lambda: all(is_whole(label) for label in labels))
    bottom = window.toasts.geometry().bottom()
    assert window.height() - 60 <= bottom <= window.height() - 40
    cards[0].closed.emit(cards[0])
    assert len(cards) == min(count, 3) - 1
    left = [label for card in cards for label in card.findChildren(QLabel) if label.text()]
    assert all(is_whole(label) for label in left)
    if cards:
        assert window.toasts.geometry().bottom() == bottom
    else:
        assert not window.toasts.isVisible()
