"""A name that can be proven."""

import ssl

import pytest

from tests.certificate import self_signed


@pytest.fixture(scope="session")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a server that can prove to be ``pictures.example``, and of a client that
    believes it."""
    chain = self_signed(tmp_path_factory.mktemp("tls"), "pictures.example")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return server, ssl.create_default_context(cafile=str(chain))
