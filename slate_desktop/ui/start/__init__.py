"""What stands on the start page of a connected window: recent projects, what runs, first steps."""
