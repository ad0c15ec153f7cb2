"""The settings dialog and the editor of shortcuts."""
