"""What this machine keeps of assets, so that nothing is done twice."""
