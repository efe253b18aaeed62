"""The calls so far with the policies of the roles that made them: what advice is given from."""

from __future__ import annotations

from collections.abc import Iterable

from harness.access.directory import Directory
from harness.access.rules.evaluation import Policies, Request, evaluate
from harness.access.rules.observed import Observed
from harness.access.rules.policy import Policy
from harness.access.rules.principals import session_caller
from harness.access.rules.record import CallRecord, Recorded
from harness.access.rules.service_calls import ServiceCall
from harness.access.stored import Entity


async def observe(
    directory: Directory, record: CallRecord, service_calls: Iterable[ServiceCall], region: str
) -> Observed:
    """record: of the requests at the gateway. service_calls: what AWS's services call as roles, decided here."""
    calls: list[Recorded] = [one for one in record.calls() if ":role/" in one.principal]
    asked = {(one.role, one.action, one.resource, one.service): one for one in service_calls}
    entities: dict[str, Entity] = {}
    for arn in dict.fromkeys([*(one.principal for one in calls), *(one.role for one in asked.values())]):
        entities[arn] = await directory.role(arn)
    decided = [await _decide(directory, entities[one.role], one) for one in asked.values()]
    roles: dict[str, tuple[Policy, ...]] = {arn: entity.identity for arn, entity in entities.items()}
    return Observed(directory.account, region, [*calls, *decided], roles, record.left_out)


async def _decide(directory: Directory, entity: Entity, call: ServiceCall) -> Recorded:
    session = f"arn:aws:sts::{directory.account}:assumed-role/{call.role.rpartition('/')[2]}/{call.service}"
    bucket = call.resource.rpartition(":")[2].partition("/")[0] if call.action.startswith("s3:") else ""
    own = await directory.bucket_policy(bucket) if bucket else None
    request = Request(session_caller(session, call.role), call.action, call.resource, call.context)
    # The owners of other accounts' resources, such as AWS's own images, are taken to allow it.
    decision = evaluate(request, Policies(entity.identity, entity.boundary, None, own))
    found = Recorded(
        call.role, call.action, call.resource, False, "", "", None, "", call.context, count=1, service=call.service
    )
    found.decided(decision)
    return found
