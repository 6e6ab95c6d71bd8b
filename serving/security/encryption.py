"""Encryption of customers' words at rest: AES-256-GCM with keys that can be changed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from data.errors import InputError, SudaError

_SETTING = "SUDA_TEXT_KEY"
_NONCE = 12
_ID = 4


class TextKeyError(SudaError):
    """What is stored cannot be read with the keys that are set."""

    code = "text_key"


@dataclass(frozen=True, slots=True)
class TextKeys:
    """The first key encrypts, all decrypt: put a new one first, re-encrypt, drop the old one."""

    _ciphers: dict[bytes, AESGCM] = field(repr=False)

    @classmethod
    def parse(cls, value: str) -> TextKeys:
        """Keys from `SUDA_TEXT_KEY`: base64 of 32 bytes each, comma-separated.

        Raises InputError, which does not quote them.
        """
        keys = [_key(number, part.strip()) for number, part in enumerate(value.split(","), 1)]
        return cls({key_id(key): AESGCM(key) for key in keys})

    @property
    def current(self) -> bytes:
        """Id of the key that encrypts."""
        return next(iter(self._ciphers))

    def encrypt(self, plain: bytes, context: str) -> bytes:
        """Key id, nonce and ciphertext; `context` must be given again to decrypt."""
        # 96 random bits a text: NIST SP 800-38D §8.3 allows 2^32 texts a key.
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._ciphers[self.current].encrypt(nonce, plain, context.encode())
        return self.current + nonce + sealed

    def decrypt(self, sealed: bytes, context: str) -> bytes:
        """What was encrypted. Raises TextKeyError for a missing key or altered content."""
        name = sealed[:_ID]
        if name not in self._ciphers:
            raise TextKeyError(
                f"the key {name.hex()} that encrypted this is not among those set", field=_SETTING
            )
        try:
            return self._ciphers[name].decrypt(
                sealed[_ID : _ID + _NONCE], sealed[_ID + _NONCE :], context.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise TextKeyError(f"what is stored in {context} was altered") from error


def new_key() -> str:
    """A random key as `SUDA_TEXT_KEY` takes it."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def key_id(key: bytes) -> bytes:
    """Four bytes that name a key without giving it away."""
    return hashlib.sha256(b"suda text key" + key).digest()[:_ID]


def _key(number: int, part: str) -> bytes:
    try:
        key = base64.b64decode(part, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise InputError(
            f"key {number}: expected base64 of 32 bytes; `suda keys text-key` makes one",
            field=_SETTING,
        )
    return key
