"""The window's language: chosen before anything is made, by the setting or by the system.

Qt asks the installed translators for every ``tr``; ours looks into the same catalogue as the rooms
without Qt. In English none is installed, so that nothing costs anything. Decision 100.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator

from slate_desktop import translation
from slate_desktop.settings.paths import resource_path

log = logging.getLogger(__name__)
# Every language that there is a catalogue for, beside English.
LANGUAGES = ("de",)
VARIABLE = "SLATE_LANGUAGE"


def chosen(setting: str, system: Sequence[str] | None = None) -> str:
    """Return the code of the language to speak.

    Args:
        setting: ``system``, ``en`` or ``de``; an empty text or anything else is as ``system``.
        system: the languages that the user reads, as ``de-AT``, the first one preferred; those of
            the system when left out.
    """
    if setting in ("en", *LANGUAGES):
        return setting
    for name in QLocale.system().uiLanguages() if system is None else system:
        code = name.replace("_", "-").split("-")[0].lower()
        if code == "c":
            break
        if code in ("en", *LANGUAGES):
            return code
    return "en"


def read_setting(kept: str) -> str:
    """Return what the settings say of the language, or ``kept`` where they cannot be read.

    They are read here, and not only once the window connects: whoever set the language by the
    command line, or in the file, is to see it in the next window and not in the one after it.
    """
    from slate_desktop.light_imports import import_msgspec

    import_msgspec()
    from slate_desktop.errors import SettingsError
    from slate_desktop.settings.model import load_settings

    try:
        return load_settings().language
    except SettingsError:
        return kept


def speak(app: QCoreApplication, setting: str) -> str:
    """Have the program speak the language of ``setting``, or of the environment; returns its code.

    A catalogue that cannot be read leaves everything English, and is logged.
    """
    code = chosen(os.environ.get(VARIABLE, "") or setting)
    for old in app.findChildren(QTranslator):
        app.removeTranslator(old)
        old.deleteLater()
    translation.use(None)
    # Figures look the same in fields, labels, files and logs.
    QLocale.setDefault(QLocale("en"))
    if code == "en":
        return code
    from slate_desktop.translation import po

    try:
        catalogue = po.load(resource_path("translations", f"{code}.po"), code)
    except (OSError, ValueError) as error:
        log.warning("a language cannot be used", extra={"language": code, "reason": str(error)})
        return "en"
    translation.use(catalogue)
    # The words of Qt's own dialogs and menus. The last one installed is asked first.
    own = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if own.load(f"qtbase_{code}", folder):
        app.installTranslator(own)
    app.installTranslator(_CatalogueTranslator(catalogue, app))
    return code


class _CatalogueTranslator(QTranslator):
    """Answers Qt's ``tr`` from a catalogue.

    Qt's own context, the name of a class, says nothing to it: the same words of two dialogs are
    translated once. Words to be told apart have a context of ours: ``tr("Open", "a state")``.
    """

    def __init__(self, catalogue: translation.Catalogue, parent: QObject) -> None:
        super().__init__(parent)
        self._catalogue = catalogue

    def isEmpty(self) -> bool:
        """Have Qt ask."""
        return False

    def translate(
        self, context: str, sourceText: str, disambiguation: str | None = None, n: int = -1
    ) -> str | None:
        """Return the translation; None where the next translator is to be asked."""
        return self._catalogue.find(sourceText, disambiguation or "") or None
