"""The desktop's brain, and the public Python API: coroutines and live models without Qt."""
