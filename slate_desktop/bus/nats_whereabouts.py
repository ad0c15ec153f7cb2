"""Where the broker is, which may change while nobody is connected to it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from slate_desktop.bus import nats_client
from slate_desktop.bus.nats_client import Address
from slate_desktop.errors import SettingsError

logger = logging.getLogger(__name__)


class Whereabouts:
    """The broker's addresses.

    Args:
        address: where it was found.
        find_url: where it is now, None when nobody knows; None for a broker that never moves.
        has_tls: whether the connection is encrypted.
    """

    def __init__(
        self, address: Address, find_url: Callable[[], str | None] | None, *, has_tls: bool
    ) -> None:
        self.address = address
        self._find_url = find_url
        self._has_tls = has_tls

    def has_moved(self) -> bool:
        """Look where the broker is now, and tell whether that is news."""
        url = self._find_url() if self._find_url is not None else None
        if not url:
            return False
        try:
            address = nats_client.parse_address(url, has_tls=self._has_tls, allow_plaintext=False)
        except SettingsError as exc:
            logger.warning("the broker's new address is no address", extra={"reason": str(exc)})
            return False
        if address == self.address:
            return False
        logger.info("broker moved", extra={"from": str(self.address), "to": str(address)})
        self.address = address
        return True
