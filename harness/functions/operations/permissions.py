"""Operations on resource policies and tags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.core.calls import Call
from harness.core.errors import AwsError
from harness.functions import errors
from harness.functions.function import Function, new_revision, version_of
from harness.functions.rules import names
from harness.functions.rules.names import LATEST, FunctionReference
from harness.functions.rules.permissions import ResourcePolicy, statement
from harness.functions.state import Operations

MOST_TAGS = 50  # of a function (Lambda guide, configuration-tags)


class PermissionOperations(Operations):
    """AddPermission, GetPolicy, RemovePermission, and the operations of tags."""

    # ---- permissions

    async def add_permission(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference = self.state.reference(call, request)
        if reference.qualifier == LATEST:
            raise errors.invalid("We currently do not support adding policies for $LATEST.")
        function = self._permitted(reference, errors.not_found(reference.arn))
        policy = function.policies.get(reference.qualifier)
        _check_revision(function, reference, request)
        added = statement(request, reference.arn)
        identity = added["Sid"]
        if policy is not None and identity in policy.statements:
            raise errors.conflict(
                f"The statement id ({identity}) provided already exists. Please provide a new statement id, or remove "
                "the existing statement."
            )
        function.policies.setdefault(reference.qualifier, ResourcePolicy()).statements[identity] = added
        _renew_revision(function, reference)
        return {"Statement": json.dumps(added, separators=(",", ":"))}

    async def get_policy(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference = self.state.reference(call, request)
        function = self.state.functions.get(reference)
        policy = function.policies.get(reference.qualifier) if function is not None else None
        if function is None or policy is None:
            raise errors.no_resource()
        return {"Policy": policy.document(), "RevisionId": _revision(function, reference)}

    async def remove_permission(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference = self.state.reference(call, request)
        function = self._permitted(reference, errors.missing(f"No policy found for: {reference.arn}"))
        policy = function.policies.get(reference.qualifier)
        if policy is None:
            raise errors.missing("No policy is associated with the given resource.")
        if request["StatementId"] not in policy.statements:
            raise errors.missing(f"Statement {request['StatementId']} is not found in resource policy.")
        _check_revision(function, reference, request)
        del policy.statements[request["StatementId"]]
        _renew_revision(function, reference)
        if not policy.statements:
            del function.policies[reference.qualifier]
        return {}

    def _permitted(self, reference: FunctionReference, missing: AwsError) -> Function:
        """The function, whose version or alias must exist. missing: the error to raise if there is no function."""
        function = self.state.functions.get(reference)
        if function is None:
            raise missing
        qualifier = reference.qualifier
        if qualifier is not None and function.version(qualifier) is None:
            alias = not qualifier.isdigit() and "$" not in qualifier
            raise errors.no_alias(reference.arn) if alias else errors.not_found(reference.arn)
        return function

    def resource_policy(self, arn: str) -> str | None:
        """The policy of a function, version or alias as JSON; None if there is none."""
        reference = names.from_arn(arn)
        if reference is None:
            return None
        function = self.state.functions.get(reference)
        policy = function.policies.get(reference.qualifier) if function else None
        return policy.document() if policy is not None else None

    # ---- tags

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of a function. Empty for an ARN that is not a function's."""
        reference = names.from_arn(arn)
        function = self.state.functions.get(reference) if reference is not None else None
        return function.tags if function is not None else {}

    async def tag_resource(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        function = self._tagged(call, request)
        if not request["Tags"]:
            raise errors.invalid("An error occurred and the request cannot be processed.")
        tags = function.tags | request["Tags"]
        if len(tags) > MOST_TAGS:
            raise errors.invalid(errors.TOO_MANY_TAGS)
        function.tags = tags
        return {}

    async def untag_resource(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        function = self._tagged(call, request)
        function.tags = {name: value for name, value in function.tags.items() if name not in request["TagKeys"]}
        return {}

    async def list_tags(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"Tags": dict(self._tagged(call, request).tags)}

    def _tagged(self, call: Call, request: Mapping[str, Any]) -> Function:
        reference = names.parse(request["Resource"], None, account=call.account, region=call.region)
        if reference.qualifier is not None:
            raise errors.invalid(
                "Tags on function aliases and versions are not supported. Please specify a function ARN."
            )
        function = self.state.functions.get(reference)
        if function is None:
            raise errors.not_found(reference.arn)
        return function


# A policy's revision is that of the function, version or alias that has it (recorded answers).


def _revision(function: Function, reference: FunctionReference) -> str:
    alias = function.aliases.get(reference.qualifier or "")
    return alias.revision if alias else version_of(function, reference).configuration.revision


def _check_revision(function: Function, reference: FunctionReference, request: Mapping[str, Any]) -> None:
    if request.get("RevisionId") and request["RevisionId"] != _revision(function, reference):
        raise errors.stale_policy()


def _renew_revision(function: Function, reference: FunctionReference) -> None:
    alias = function.aliases.get(reference.qualifier or "")
    if alias is not None:
        function.aliases[alias.name] = replace(alias, revision=new_revision())
        return
    version = version_of(function, reference)
    version.configuration = replace(version.configuration, revision=new_revision())
