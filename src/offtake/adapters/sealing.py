"""Seals: Ed25519 signatures over batches of entries, by the package cryptography."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from offtake.domain.errors import InvalidInput, StorageFailure


class Ed25519Sealer:
    """Signs with a private key; see :class:`offtake.broker.ports.Sealer`."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._public = b64encode(raw).decode()

    @property
    def public_key(self) -> str:
        """The key that verifies, in base64."""
        return self._public

    def sign(self, message: bytes) -> str:
        """A signature, in base64."""
        return b64encode(self._key.sign(message)).decode()


def sealer_at(path: Path) -> Ed25519Sealer:
    """The sealer of a key file, which is made, for its owner's eyes alone, if it is not there.

    Raises InvalidInput if the file is no key, StorageFailure if it cannot be made.
    """
    try:
        if not path.exists():
            _make(path)
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise StorageFailure(f"the key `{path}` cannot be read or made: {error.strerror}") from None
    except ValueError:
        raise InvalidInput(f"`{path}` is not a private key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidInput(f"`{path}` is not an Ed25519 key")
    return Ed25519Sealer(key)


def _make(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # Whoever makes it first has made it.
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def seal_holds(public_key: str, message: bytes, signature: str) -> bool:
    """Whether a signature over a message is by the owner of a public key."""
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(public_key, validate=True))
        key.verify(b64decode(signature, validate=True), message)
    except (InvalidSignature, ValueError):
        return False
    return True
