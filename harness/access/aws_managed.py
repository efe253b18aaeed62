"""AWS's own managed policies, ``arn:aws:iam::aws:policy/...``.

moto ships the collection (public data of AWS), with each policy's default version only. It is loaded when the first of
them is asked for: many stacks attach none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache, cached_property
from typing import Any

from harness.access.identities import ManagedPolicy, PolicyVersion
from harness.access.rules import identifiers
from harness.access.rules.policy import MalformedPolicy, Policy, parse_policy

PREFIX = "arn:aws:iam::aws:policy/"


@cache
def _collection() -> Mapping[str, Mapping[str, Any]]:
    """The policies' descriptions by their ARNs."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data  # 6 MB of text: see above

    policies: Mapping[str, Mapping[str, Any]] = json.loads(aws_managed_policies_data)
    return {
        f"arn:aws:iam::aws:policy{description['Path']}{name}": {**description, "Name": name}
        for name, description in policies.items()
    }


def order(arn: str) -> str:
    """What policies are ordered by: the name in lower case."""
    return arn.rpartition("/")[2].lower()


@cache
def arns() -> tuple[str, ...]:
    """The ARNs, in the order of the policies' names."""
    return tuple(sorted(_collection(), key=order))


class AwsDocument:
    """A policy of AWS's, which is compiled when a decision needs it: to list all of them is quick."""

    def __init__(self, arn: str, document: Mapping[str, Any]) -> None:
        self._arn = arn
        self._document = document

    @cached_property
    def text(self) -> str:
        return json.dumps(self._document, indent=4)

    @cached_property
    def policy(self) -> Policy:
        try:
            return parse_policy(self._arn, self.text)
        except MalformedPolicy:  # an element that the harness does not know yet: it grants nothing
            return Policy(self._arn, ())


def read(arn: str) -> ManagedPolicy | None:
    """A new record of one of AWS's policies; None if there is none with that ARN."""
    description = _collection().get(arn)
    if description is None:
        return None
    name, updated = description["Name"], datetime.fromisoformat(description["UpdateDate"])
    number = int(description["DefaultVersionId"].removeprefix("v"))
    version = PolicyVersion(number, AwsDocument(arn, description["Document"]), updated)
    return ManagedPolicy(
        arn,
        name,
        description["Path"],
        # AWS's ids of its own policies are not in the collection; this one is made of the name, so it never changes.
        identifiers.unique_id(identifiers.MANAGED_POLICY, arn.encode()[::-1].ljust(32, b"\0")),
        datetime.fromisoformat(description["CreateDate"]),
        updated,
        description.get("Description", ""),
        {number: version},
        number,
        number + 1,
    )
