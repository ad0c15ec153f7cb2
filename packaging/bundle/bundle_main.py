"""The program of the bundle: what it does is told by the name that it was called by.

    slate-desktop   the window
    slate           the command line, the agent and the embedded stack
    slate-python    what stands for ``python``, see ``python_main``

One file by three names: each copy would carry all modules once more.
"""

import os
import sys

import without_opengl


def main() -> int:
    """Be what the name says."""
    free_children()
    without_opengl.install()
    name = sys.argv[0].replace("\\", "/").rpartition("/")[2].lower().removesuffix(".exe")
    if name == "slate-python":
        import python_main

        python_main.main()
        return 0
    from slate_desktop import __main__

    if name == "slate":
        return __main__.main()
    __main__.main_desktop()
    return 0


def free_children() -> None:
    """Let programs that are started from here find their own libraries, and not the bundle's.

    Source: https://pyinstaller.org/en/stable/runtime-information.html#ld-library-path-considerations
    """
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LIBPATH"):
        original = os.environ.pop(f"{name}_ORIG", None)
        if original is not None:
            os.environ[name] = original
        elif getattr(sys, "frozen", False):
            os.environ.pop(name, None)
    # A child of ours that is told of its parent takes it that its libraries are in the path.
    for name in [name for name in os.environ if name.startswith("_PYI_")]:
        del os.environ[name]


if __name__ == "__main__":
    sys.exit(main())
