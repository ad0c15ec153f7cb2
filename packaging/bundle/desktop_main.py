"""The window's program of the bundle."""

from slate_desktop.__main__ import main_desktop

if __name__ == "__main__":
    main_desktop()
