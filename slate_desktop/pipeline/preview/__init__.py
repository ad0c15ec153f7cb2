"""What previews need of a file, made in a child: pixels, thumbnails, figures.

Every function here is a task of the sandbox: it takes JSON arguments, its work folder and a
progress callback, returns JSON values, and writes what is large into the work folder.
"""
