"""The audio viewer: ``wave_view`` paints, ``player`` plays what a child has decoded."""
