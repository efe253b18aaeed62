"""What exists of IAM and STS: the accounts, and the access keys of all of them."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from harness.access.account import Account
from harness.access.identities import Role
from harness.access.refusals import EncodedRefusals
from harness.access.rules import identifiers
from harness.access.rules.access_keys import AccessKey, Session
from harness.access.rules.call_log import CallLog
from harness.access.rules.last_access import LastAccesses
from harness.access.rules.quotas import Quotas
from harness.access.token_keys import TokenKeys
from harness.core.calls import Call

_TOKEN_BYTES, _TOKEN_CHARACTERS = 180, 240  # of a session token: random bytes, and these in base64
# Expired sessions are dropped each time that so many keys more have been issued.
_KEYS_BETWEEN_SWEEPS = 10_000


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A request that a key signed. at: seconds since 1970. service: its signing name."""

    at: float
    service: str
    region: str


class AccessKeys:
    """The access keys of all accounts, by their ids."""

    def __init__(self) -> None:
        self._uses: dict[str, KeyUse] = {}
        self._keys: dict[str, AccessKey] = {}
        self._next_sweep = _KEYS_BETWEEN_SWEEPS

    def get(self, key_id: str) -> AccessKey | None:
        return self._keys.get(key_id)

    def add(self, key: AccessKey) -> None:
        now = key.issued
        if len(self._keys) >= self._next_sweep and now is not None:
            self._keys = {
                key_id: known for key_id, known in self._keys.items() if known.expires is None or known.expires > now
            }
            self._next_sweep = len(self._keys) + _KEYS_BETWEEN_SWEEPS
        self._keys[key.key_id] = key

    def delete(self, key_id: str) -> None:
        self._keys.pop(key_id, None)
        self._uses.pop(key_id, None)

    def used(self, key: AccessKey, use: KeyUse) -> None:
        """Keeps a long-term key's last use."""
        self._uses[key.key_id] = use

    def last_use(self, key_id: str) -> KeyUse | None:
        return self._uses.get(key_id)

    def set_active(self, key_id: str, *, active: bool) -> None:
        key = self._keys.get(key_id)
        if key is not None:
            self._keys[key_id] = replace(key, active=active)


@dataclass(slots=True)
class State:
    """The state that IAM and STS share.

    default_account: the account of the administrator's well-known key, and of whatever names none. trusting:
    the roles whose trust policies name the user or role with a unique id. calls: what roles and users have called so
    far. last_accesses: when each of them last called what. refusals: encodes and decodes the messages of refusals.
    token_keys: verify tokens of web identities. now: wall time in seconds since 1970; credentials do not follow the
    harness's clock. quotas: of every account.
    """

    default_account: str
    accounts: dict[str, Account] = field(default_factory=dict)
    trusting: dict[str, set[Role]] = field(default_factory=dict)
    keys: AccessKeys = field(default_factory=AccessKeys)
    calls: CallLog = field(default_factory=CallLog)
    last_accesses: LastAccesses = field(default_factory=LastAccesses)
    refusals: EncodedRefusals = field(default_factory=EncodedRefusals)
    token_keys: TokenKeys = field(default_factory=TokenKeys)
    now: Callable[[], float] = time.time
    quotas: Quotas = field(default_factory=Quotas)

    def account(self, account_id: str) -> Account:
        """The account; one that nobody has used yet exists and is empty."""
        account = self.accounts.get(account_id)
        if account is None:
            account = self.accounts[account_id] = Account(account_id, self.quotas)
        return account

    def account_of(self, call: Call) -> Account:
        return self.account(call.account)

    def issue_long_term(self, account: str, owner: str, known: tuple[str, str] | None = None) -> AccessKey:
        """Issues and keeps a long-term key. owner: a user's unique id, "" for the account's root.

        known: the id and secret of a key that was issued before everything was emptied.
        """
        new_id = identifiers.access_key_id(identifiers.LONG_TERM_KEY, account, os.urandom(16))
        key_id, secret = known or (new_id, secrets.token_urlsafe(30))
        key = AccessKey(key_id, account, owner, secret, issued=self.now())
        self.keys.add(key)
        return key

    def issue_temporary(
        self, account: str, owner: str, session: Session, seconds: float, token_size: int = 0
    ) -> AccessKey:
        """Issues and keeps temporary credentials.

        owner: the unique id of the user or role, "" for the root. token_size: least bytes of the session token.
        """
        now = int(self.now())  # STS gives and compares whole seconds
        key = AccessKey(
            identifiers.access_key_id(identifiers.TEMPORARY_KEY, account, os.urandom(16)),
            account,
            owner,
            secrets.token_urlsafe(30),
            secrets.token_urlsafe(max(_TOKEN_BYTES, token_size))[: max(_TOKEN_CHARACTERS, token_size)],
            now,
            now + seconds,
            session=session,
        )
        self.keys.add(key)
        return key
