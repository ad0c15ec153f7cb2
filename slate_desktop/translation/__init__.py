"""Words in the user's language, without Qt.

The English text in the code is the key; a catalogue (``resources/translations/<language>.po``)
knows the other language. As long as :func:`use` was not called, everything stays English: so it is
in the agent, on the command line and in logs. Decision 100.
"""

from slate_desktop.translation.catalogue import Catalogue
from slate_desktop.translation.current import language, message, plural, sentence, translate, use

__all__ = ["Catalogue", "language", "message", "plural", "sentence", "translate", "use"]
