"""Sign-ins that are under way: codes that were shown, codes that were granted.

Input: what a client begins, what a person approves, what a client brings back. Output: codes, or
``Refused``. The rules: a code is good once, for its own time, and with its own verifier and address
only. Bounded.
"""

import base64
import hashlib
from collections import OrderedDict

from msgspec import Struct

from chat2api_core.ambient import Clock, Ids
from chat2api_core.emulator.exchange import Answer, Refused, ok

_LIFE = 900.0  # seconds, as the real service gives
_MAX_KEPT = 1_000


class Grant(Struct):
    """A code that was granted, and what it must be brought back with."""

    challenge: str
    redirect_uri: str
    until: float


class Device(Struct):
    """A device that waits for its code to be entered."""

    user_code: str
    until: float
    approved: bool = False


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Signins:
    """All of them."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._grants: OrderedDict[str, Grant] = OrderedDict()
        self._devices: OrderedDict[str, Device] = OrderedDict()

    def grant(self, challenge: str, redirect_uri: str) -> str:
        """A fresh authorization code."""
        code = f"ac_{self._ids.hex(32)}"
        self._grants[code] = Grant(challenge, redirect_uri, self._clock.now() + _LIFE)
        if len(self._grants) > _MAX_KEPT:
            self._grants.popitem(last=False)
        return code

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> None:
        """Use up a code. Raises ``Refused``."""
        grant = self._grants.pop(code, None)
        good = (
            grant is not None
            and grant.until > self._clock.now()
            and grant.challenge == challenge_of(verifier)
            and grant.redirect_uri == redirect_uri
        )
        if not good:
            body = ok({"error": "invalid_grant", "error_description": "Invalid code."}).body
            raise Refused(Answer(400, body))

    def begin(self) -> tuple[str, str]:
        """A device begins: its id, and the code for a person to enter."""
        digits = self._ids.hex(8).upper()
        device_id, user_code = f"deviceauth_{self._ids.hex(24)}", f"{digits[:4]}-{digits[4:]}"
        self._devices[device_id] = Device(user_code, self._clock.now() + _LIFE)
        if len(self._devices) > _MAX_KEPT:
            self._devices.popitem(last=False)
        return device_id, user_code

    def approve(self, user_code: str) -> bool:
        """A person enters a code; whether there is such a one."""
        for device in self._devices.values():
            if device.user_code == user_code and device.until > self._clock.now():
                device.approved = True
                return True
        return False

    def poll(self, device_id: str, user_code: str) -> bool:
        """Whether the device's code was entered; it is told once. Raises ``Refused`` for an
        unknown one."""
        device = self._devices.get(device_id)
        if device is None or device.user_code != user_code or device.until <= self._clock.now():
            raise Refused(Answer(404, ok({"error": "deviceauth_not_found"}).body))
        if device.approved:
            del self._devices[device_id]
        return device.approved

    def clear(self) -> None:
        """Nobody is signing in."""
        self._grants.clear()
        self._devices.clear()
