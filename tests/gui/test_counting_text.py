"""Texts that change all day, and what is around them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QToolButton, QWidget

from slate_desktop.ui.text import set_counting_text


def test_a_button_that_counts_moves_nothing_while_its_number_has_room(qapp: QApplication) -> None:
    place = QWidget()
    row = QHBoxLayout(place)
    button = QToolButton()
    button.setText("Info 1")
    row.addWidget(button)
    # Else the program ends with the window, in the loop of the next test.
    place.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
    place.show()
    qapp.processEvents()
    asked: list[QEvent.Type] = []

    class Listener(QObject):
        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            asked.append(event.type())
            return False

    listener = Listener()
    place.installEventFilter(listener)
    for number in range(10, 20):
        set_counting_text(button, f"Info {number}")
    qapp.processEvents()
    first = asked.count(QEvent.Type.LayoutRequest)
    assert first == 1, "one digit more"
    for number in range(20, 90):
        set_counting_text(button, f"Info {number}")
        qapp.processEvents()
    assert button.text() == "Info 89"
    assert not button.isHidden()
    assert button.isVisible()
    # In a font whose digits differ it grows to the widest of them, a pixel or two at a time.
    later = asked.count(QEvent.Type.LayoutRequest)
    assert later - first <= 8, "of seventy numbers"
    set_counting_text(button, "Info 12,345,678")
    qapp.processEvents()
    assert asked.count(QEvent.Type.LayoutRequest) > later
    assert button.width() >= button.sizeHint().width()
    place.deleteLater()
