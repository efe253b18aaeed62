"""Puts the access history together: the calls at the gateway, the calls of AWS's services, and the roles' policies."""

from __future__ import annotations

from collections.abc import Iterable

from harness.access.directory import Directory
from harness.access.entities import Entity
from harness.access.rules.access_history import AccessHistory
from harness.access.rules.call_log import LoggedCall
from harness.access.rules.evaluation import AccessRequest, Policies, evaluate
from harness.access.rules.principals import session_caller
from harness.access.rules.service_calls import ServiceCall


async def access_history(directory: Directory, service_calls: Iterable[ServiceCall], region: str) -> AccessHistory:
    """service_calls: what AWS's services call as roles. The harness only decides these calls."""
    log = directory.state.calls
    calls = [entry for entry in log.entries() if ":role/" in entry.principal]
    # Two versions of a function, for example, lead to the same calls.
    distinct = {(call.role, call.action, call.resource, call.service): call for call in service_calls}.values()
    arns = dict.fromkeys([*(entry.principal for entry in calls), *(call.role for call in distinct)])
    entities = {arn: directory.entity_of_arn(arn) or Entity(arn) for arn in arns}
    decided = [await _decide(directory, entities[call.role], call) for call in distinct]
    policies = {arn: entity.identity for arn, entity in entities.items()}
    return AccessHistory(directory.account, region, [*calls, *decided], policies, log.left_out)


async def _decide(directory: Directory, entity: Entity, call: ServiceCall) -> LoggedCall:
    session = f"arn:aws:sts::{directory.account}:assumed-role/{call.role.rpartition('/')[2]}/{call.service}"
    bucket = call.resource.rpartition(":")[2].partition("/")[0] if call.action.startswith("s3:") else ""
    bucket_policy = await directory.bucket_policy(bucket) if bucket else None
    request = AccessRequest(session_caller(session, call.role), call.action, call.resource, call.context)
    # The owners of other accounts' resources, such as AWS's own images, are taken to allow it.
    decision = evaluate(request, Policies(entity.identity, entity.boundary, None, bucket_policy))
    entry = LoggedCall.undecided(call.role, call.action, call.resource, call.context, call.service)
    entry.add_call(decision)
    return entry
