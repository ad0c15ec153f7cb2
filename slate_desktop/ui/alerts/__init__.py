"""Rules of alerts in the window: the dialog, the editor of a rule, and what is told."""
