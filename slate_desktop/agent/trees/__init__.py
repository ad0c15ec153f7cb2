"""Projects' files on a host that does not share a disk with the workstations."""
