"""How many rows of a large folder the view knows of.

Qt's tree view looks at every row of an open folder whenever one of them changes; 50,000 rows would
stall the window for a third of a second, again and again. So a folder shows its first rows, and a
page more when one scrolls to their end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slate_desktop.control.tree import TreeNode

PAGE_ROWS = 1000


class RowPages:
    """The limits of folders; the rows of each below its limit are shown.

    ``inserting`` and ``removing`` return the rows that the view has to be told of, or None; the
    matching ``inserted`` and ``removed`` bring the limit up to date after the children changed.
    """

    def __init__(self) -> None:
        self._limits: dict[int, int] = {}
        self._next: tuple[TreeNode, int] | None = None

    def shown(self, folder: TreeNode) -> int:
        """Return how many children of a folder are shown."""
        return min(len(folder.children), self._limits.get(id(folder), PAGE_ROWS))

    def hidden(self, folder: TreeNode) -> int:
        """Return how many of its children are not."""
        return len(folder.children) - self.shown(folder)

    def is_short(self, folder: TreeNode) -> bool:
        """Tell whether rows are hidden although less than half a page is shown."""
        return self.hidden(folder) > 0 and self.shown(folder) < PAGE_ROWS // 2

    def inserting(self, folder: TreeNode, first: int, last: int) -> tuple[int, int] | None:
        """Children come; rows at the end beyond the limit are not shown."""
        shown, limit = self.shown(folder), self._limits.get(id(folder), PAGE_ROWS)
        if first > shown or first >= limit:
            return None
        if first == len(folder.children):
            return first, min(last, limit - 1)
        # Between shown rows: those below it stay shown.
        self._next = (folder, max(limit, shown + last - first + 1))
        return first, last

    def removing(self, folder: TreeNode, first: int, last: int) -> tuple[int, int] | None:
        """Children leave; hidden ones do not move up into their place by themselves."""
        shown = self.shown(folder)
        if first >= shown:
            return None
        last = min(last, shown - 1)
        if self.hidden(folder):
            self._next = (folder, shown - (last - first + 1))
        return first, last

    def changed(self) -> None:
        """Take the limit that the last ``inserting`` or ``removing`` led to."""
        if self._next is not None:
            folder, limit = self._next
            self._next = None
            if folder.children:
                self._limits[id(folder)] = limit
            else:
                self.forget(folder)

    def next_page(self, folder: TreeNode) -> tuple[int, int] | None:
        """Return the rows that would come next, None when all are shown."""
        shown, hidden = self.shown(folder), self.hidden(folder)
        return (shown, shown + min(hidden, PAGE_ROWS) - 1) if hidden else None

    def turn(self, folder: TreeNode) -> None:
        """Show them."""
        page = self.next_page(folder)
        if page is not None:
            self._limits[id(folder)] = page[1] + 1

    def forget(self, folder: TreeNode) -> None:
        """Begin again with the first page, when a folder is closed."""
        self._limits.pop(id(folder), None)
