"""``slate-python``: what stands for ``python`` in an installed SLATE.

A frozen program has no interpreter beside it, but SLATE starts parts of itself (the stack, the
agent, the readers of foreign files) and a project's ``{python}`` as processes of their own. This
understands the forms that they are started with: ``[-I -S -P -u …] (-m MODULE | -c CODE | FILE)``.
"""

from __future__ import annotations

import runpy
import sys


def main() -> None:
    """Run a module, a text or a file as ``python`` would."""
    arguments = sys.argv[1:]
    while arguments:
        word = arguments[0]
        if word == "-m" and len(arguments) > 1:
            sys.argv = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
            return
        if word == "-c" and len(arguments) > 1:
            sys.argv = ["-c", *arguments[2:]]
            scope = {"__name__": "__main__", "__builtins__": __builtins__}
            exec(compile(arguments[1], "<string>", "exec"), scope)
            return
        if not word.startswith("-"):
            sys.argv = arguments
            sys.path.insert(0, word.rpartition("/")[0] or ".")
            runpy.run_path(word, run_name="__main__")
            return
        arguments = arguments[1:]
    sys.exit("usage: slate-python (-m MODULE | -c CODE | FILE) [ARGUMENT ...]")


if __name__ == "__main__":
    main()
