"""PostgreSQL and the read cache: the only home of SQL."""

from slate_desktop.light_imports import light_imports

with light_imports("configparser", "getpass", "platform"):
    import asyncpg  # noqa: F401 - which most modules of this package import

# isort: split
from slate_desktop.store.cache import Cache, MemoryCache, RedisCache
from slate_desktop.store.cached import CachedReads
from slate_desktop.store.database import Database

__all__ = ["Cache", "CachedReads", "Database", "MemoryCache", "RedisCache"]
