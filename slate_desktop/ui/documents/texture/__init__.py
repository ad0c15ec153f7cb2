"""The texture viewer: ``view`` paints, ``controls`` holds the switches, ``compare`` the options."""
