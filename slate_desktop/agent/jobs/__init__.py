"""Work on jobs of any sort: leases, fencing, cancellation, repair; and the work on assets."""
