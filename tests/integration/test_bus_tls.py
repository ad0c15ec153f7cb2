"""An encrypted broker: only the expected authority, name and date are believed."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.errors import NotConnectedError
from slate_desktop.settings import files
from slate_desktop.stack.nats_server import NatsUser
from slate_desktop.wire.keys import SigningKey
from tests.services.nats import RealNats

pytestmark = pytest.mark.nats
TLS = Path(__file__).parents[1] / "data" / "tls"
StartTls = Callable[[str], RealNats]


class TlsNats(RealNats):
    """A broker that speaks nothing but TLS."""

    certificate = "good"

    def write_config(self, users: list[NatsUser]) -> None:
        super().write_config(users)
        path = self.directory / "nats-server.conf"
        config = json.loads(path.read_text())
        config["tls"] = {
            "cert_file": str(TLS / f"{self.certificate}.pem"),
            "key_file": str(TLS / f"{self.certificate}-key.pem"),
        }
        files.write_private(path, json.dumps(config).encode())


@pytest.fixture
def start_tls(tmp_path: Path) -> Iterator[StartTls]:
    servers: list[TlsNats] = []

    def start(certificate: str) -> RealNats:
        server = TlsNats(tmp_path / certificate)
        server.certificate = certificate
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


def trusting(certificate: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(TLS / f"{certificate}.pem"))


async def test_expected_authority_is_believed(start_tls: StartTls) -> None:
    server = start_tls("good")
    url = server.url.replace("nats://", "tls://")
    bus = await NatsBus.connect(url, seed=server.anyone.seed, name="x", tls=trusting("good"))
    await bus.flush()
    await bus.aclose()


@pytest.mark.parametrize(
    ("certificate", "trusted"),
    [("good", "other"), ("good", None), ("other", "other"), ("expired", "expired")],
    ids=["wrong authority", "unknown authority", "wrong name", "wrong date"],
)
async def test_other_certificate_is_refused_in_time(
    start_tls: StartTls, certificate: str, trusted: str | None
) -> None:
    server = start_tls(certificate)
    url = server.url.replace("nats://", "tls://")
    tls = trusting(trusted) if trusted else ssl.create_default_context()
    began = time.monotonic()
    with pytest.raises(NotConnectedError) as caught:
        await NatsBus.connect(url, seed=server.anyone.seed, name="x", tls=tls)
    assert time.monotonic() - began < 12
    assert "certificate" in str(caught.value).lower()


async def test_host_that_has_no_address_is_refused_in_time() -> None:
    began = time.monotonic()
    with pytest.raises(NotConnectedError):
        await NatsBus.connect(
            "tls://no-such-host.invalid:4222",
            seed=SigningKey.generate().seed,
            name="x",
            tls=ssl.create_default_context(),
        )
    assert time.monotonic() - began < 12
