"""The asset browser and the form of asset options."""
