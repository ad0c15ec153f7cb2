"""Help where it is needed: the guide's page of a pane or a dialog, without a network."""
