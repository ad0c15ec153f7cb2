"""Where untrusted files are read: a child with limits, no network, and nothing but its own folder.

``parent`` has the door, ``Sandbox``; ``request`` says what a child is asked and may answer;
``child`` runs one request; ``server`` forks children with the codecs loaded; ``limits``,
``isolation`` and ``landlock`` take rights away; ``outcome`` turns the ways in which a child ends
into errors.
"""
