"""What exists of IAM and STS in this process. Users, roles and policies exist in the backend (see directory.py)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from harness.access.rules.access_keys import AccessKey
from harness.access.rules.call_log import CallLog

# Expired sessions are dropped once there are this many keys.
_MOST_KEYS = 10_000


class AccessKeys:
    """The access keys that are known, by their ids."""

    def __init__(self) -> None:
        self._keys: dict[str, AccessKey] = {}

    def get(self, key_id: str) -> AccessKey | None:
        return self._keys.get(key_id)

    def add(self, key: AccessKey) -> None:
        now = key.issued
        if len(self._keys) >= _MOST_KEYS and now is not None:
            self._keys = {
                key_id: known for key_id, known in self._keys.items() if known.expires is None or known.expires > now
            }
        self._keys[key.key_id] = key

    def delete(self, key_id: str) -> None:
        self._keys.pop(key_id, None)

    def set_active(self, key_id: str, *, active: bool) -> None:
        key = self._keys.get(key_id)
        if key is not None:
            self._keys[key_id] = replace(key, active=active)

    def forget_without_secret(self) -> None:
        """Drops the keys whose secrets were never seen. The backend is asked for their owners again."""
        self._keys = {key_id: key for key_id, key in self._keys.items() if key.secret}


@dataclass(slots=True)
class State:
    """account: the backend's account id, "" until it is known. calls: what roles and users have called so far."""

    account: str = ""
    keys: AccessKeys = field(default_factory=AccessKeys)
    calls: CallLog = field(default_factory=CallLog)
