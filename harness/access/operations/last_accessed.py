"""Service last accessed information, from what users and roles really called at the gateway.

Source: IAM API reference, GenerateServiceLastAccessedDetails and the operations that read its report; IAM user guide,
"Refine permissions in AWS using last accessed information".
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from harness.access import errors
from harness.access.account import Account
from harness.access.identities import AccessReport, Group, ManagedPolicy, Role, User
from harness.access.operations.base import Operations, page_of
from harness.access.rules import reference
from harness.access.rules.granted_services import grants_service
from harness.access.rules.last_access import LastAccess
from harness.access.rules.policy import Policy
from harness.core.calls import Call

Answer = dict[str, Any]

# Reports that an account keeps; the oldest gives way. AWS keeps each for seven days.
_MOST_REPORTS = 100


class LastAccessedOperations(Operations):
    """GenerateServiceLastAccessedDetails, GetServiceLastAccessedDetails, GetServiceLastAccessedDetailsWithEntities."""

    async def generate_service_last_accessed_details(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """The report of a user, group, role or managed policy is ready at once."""
        account, arn = self.account(call), request["Arn"]
        if not arn.startswith("arn:") or arn.count(":") < 5:
            raise errors.unparsable_arn()
        source = account.policy(arn) if ":policy/" in arn else account.by_arn(arn)
        if source is None:
            raise errors.no_such_entity(arn)
        policies = _policies(account, source)
        holders = tuple({holder.unique_id: holder for holder in _holders(account, source)}.values())
        names = reference.service_names()
        granted = [
            prefix for prefix in reference.prefixes() if any(grants_service(policy, prefix) for policy in policies)
        ]
        report = AccessReport(
            account.now(),
            request.get("Granularity", "SERVICE_LEVEL"),
            tuple(sorted(granted, key=lambda prefix: (names.get(prefix, prefix).lower(), prefix))),
            holders,
            tuple(self.state.last_accesses.of(holder.unique_id for holder in holders)),
        )
        job_id = str(uuid.uuid4())
        while len(account.access_reports) >= _MOST_REPORTS:
            del account.access_reports[next(iter(account.access_reports))]
        account.access_reports[job_id] = report
        return {"JobId": job_id}

    async def get_service_last_accessed_details(self, call: Call, request: Mapping[str, Any]) -> Answer:
        report = self._report(call, request)
        arns = {holder.unique_id: holder.arn for holder in report.holders}
        of_services: dict[str, list[LastAccess]] = {}
        for access in report.calls:
            of_services.setdefault(access.namespace, []).append(access)
        names = reference.service_names()

        def describe(namespace: str) -> Answer:
            calls = of_services.get(namespace, [])
            service: Answer = {"ServiceName": names.get(namespace, namespace), "ServiceNamespace": namespace}
            service["TotalAuthenticatedEntities"] = len({access.owner for access in calls})
            if calls:
                service["LastAuthenticated"] = _date(calls[0])
                service["LastAuthenticatedEntity"] = arns[calls[0].owner]
                service["LastAuthenticatedRegion"] = calls[0].region
            if report.granularity == "ACTION_LEVEL" and calls:
                service["TrackedActionsLastAccessed"] = [
                    {
                        "ActionName": access.action.partition(":")[2],
                        "LastAccessedEntity": arns[access.owner],
                        "LastAccessedTime": _date(access),
                        "LastAccessedRegion": access.region,
                    }
                    for access in _last_of_actions(calls)
                ]
            return service

        numbers = {namespace: f"{number:04}" for number, namespace in enumerate(report.namespaces)}
        page = page_of("ServicesLastAccessed", report.namespaces, request, describe, numbers.__getitem__)
        return {**_job(report), "JobType": report.granularity, **page}

    async def get_service_last_accessed_details_with_entities(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """The users and roles whose calls count, who called last first; at the end those who never did."""
        report, namespace = self._report(call, request), request["ServiceNamespace"].lower()
        if namespace not in report.namespaces:
            raise errors.not_in_access_report(request["ServiceNamespace"])
        last: dict[str, LastAccess] = {}
        for access in report.calls:
            if access.namespace == namespace:
                last.setdefault(access.owner, access)
        order = {owner: number for number, owner in enumerate(last)}
        holders = sorted(report.holders, key=lambda holder: (order.get(holder.unique_id, len(order)), holder.arn))
        numbers = {holder.unique_id: f"{number:08}" for number, holder in enumerate(holders)}

        def describe(holder: User | Role) -> Answer:
            information = {
                "Arn": holder.arn,
                "Name": holder.name,
                "Type": holder.kind.upper(),
                "Id": holder.unique_id,
                "Path": holder.path,
            }
            access = last.get(holder.unique_id)
            return {"EntityInfo": information, **({"LastAuthenticated": _date(access)} if access else {})}

        page = page_of("EntityDetailsList", holders, request, describe, lambda holder: numbers[holder.unique_id])
        return {**_job(report), **page}

    def _report(self, call: Call, request: Mapping[str, Any]) -> AccessReport:
        report = self.account(call).access_reports.get(request["JobId"])
        if report is None:
            raise errors.no_such_access_job(request["JobId"])
        return report


def _job(report: AccessReport) -> Answer:
    return {"JobStatus": "COMPLETED", "JobCreationDate": report.created, "JobCompletionDate": report.created}


def _date(access: LastAccess) -> datetime:
    return datetime.fromtimestamp(int(access.at), UTC)


def _last_of_actions(calls: Iterable[LastAccess]) -> list[LastAccess]:
    """The most recent call of each action, in the order of the actions' names."""
    last: dict[str, LastAccess] = {}
    for access in calls:
        last.setdefault(access.action, access)
    return [last[action] for action in sorted(last)]


def _policies(account: Account, source: User | Group | Role | ManagedPolicy) -> tuple[Policy, ...]:
    """The policies that allow services. Boundaries do not count (IAM user guide)."""
    if isinstance(source, ManagedPolicy):
        return (source.default.document.policy,)
    return account.entity(source).identity


def _holders(account: Account, source: User | Group | Role | ManagedPolicy) -> Iterator[User | Role]:
    """The users and roles whose calls count: a group's members, and those to whom a policy is attached."""
    if isinstance(source, ManagedPolicy):
        for unique_id in sorted(source.attached_to):
            holder = account.by_id(unique_id)
            if holder is not None:
                yield from _holders(account, holder)
    elif isinstance(source, Group):
        yield from (user for name in sorted(source.members) if (user := account.users.get(name)) is not None)
    else:
        yield source
