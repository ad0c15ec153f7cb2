"""Documents: what the centre of the window shows, one tab for each open file.

A document needs no server. ``kinds`` says which class opens a path, ``area`` holds the tabs.
"""
