"""When each user and role last called each action, for service last accessed information.

The call log (call_log.py) knows who called what, but neither when nor by whose unique id.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

# Pairs of a user or role and an action that are kept. The one whose last call is the longest ago gives way.
_MOST_ENTRIES = 20_000
# "PassRole isn't a tracked action" (IAM user guide, "Refine permissions in AWS using last accessed information").
_UNTRACKED = frozenset(("iam:PassRole",))


@dataclass(frozen=True, slots=True)
class LastAccess:
    """A user's or role's last call of an action, allowed or not. owner: its unique id. at: seconds since 1970."""

    owner: str
    action: str
    at: float
    region: str

    @property
    def namespace(self) -> str:
        return self.action.partition(":")[0]


@dataclass(slots=True)
class LastAccesses:
    """The last calls of all users and roles, the most recent one last."""

    _entries: dict[tuple[str, str], LastAccess] = field(default_factory=dict)

    def add(self, owner: str, action: str, at: float, region: str) -> None:
        """Adds a call. Like AWS it counts attempts that were refused too."""
        if action in _UNTRACKED:
            return
        key = (owner, action)
        if self._entries.pop(key, None) is None and len(self._entries) >= _MOST_ENTRIES:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = LastAccess(owner, action, at, region)

    def of(self, owners: Iterable[str]) -> list[LastAccess]:
        """The last calls of some users and roles, the most recent one first."""
        wanted = frozenset(owners)
        return [access for access in reversed(self._entries.values()) if access.owner in wanted]
