"""Compares the harness's decisions with those of an independent evaluator, on random policies and requests.

The other evaluator is @cloud-copilot/iam-simulate, which is under the AGPL: it is installed into a temporary folder and
run beside, and is no dependency. So this needs node and npm's registry, and is not part of the suite:

    python -m tests.access.comparison.compare [--cases 3000] [--seed 1] [--folder FOLDER]

It prints how many verdicts are alike and, of each kind of difference, one case. It exits with 1 if fewer than 98 of 100
are alike.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from harness.access.rules.context import Circumstances, RequestContext, Sender
from harness.access.rules.evaluation import AccessRequest, Policies, evaluate
from harness.access.rules.policy import Attachment, Policy, parse_policy
from harness.access.rules.principals import Caller, caller_of

PACKAGE, VERSION = "@cloud-copilot/iam-simulate", "0.1.173"
HOME, AWAY = "123456789012", "210987654321"
LEAST_ALIKE = 0.98
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

CALLERS = (
    f"arn:aws:iam::{HOME}:user/ann",
    f"arn:aws:iam::{HOME}:user/team/bob",
    f"arn:aws:sts::{HOME}:assumed-role/dogs/session",
    f"arn:aws:sts::{HOME}:federated-user/carl",
    f"arn:aws:iam::{AWAY}:user/ann",
    f"arn:aws:sts::{AWAY}:assumed-role/dogs/session",
    f"arn:aws:iam::{HOME}:root",
)
# Action, resource, account of the resource, whether it may have a policy of its own.
REQUESTS = (
    ("s3:GetObject", "arn:aws:s3:::kennel/dogs/rex.jpg", HOME, True),
    ("s3:PutObject", "arn:aws:s3:::kennel/cats/tom.jpg", HOME, True),
    ("s3:ListBucket", "arn:aws:s3:::kennel", HOME, True),
    ("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{HOME}:walks", HOME, True),
    ("sns:Publish", f"arn:aws:sns:us-east-1:{HOME}:barks", HOME, True),
    ("dynamodb:GetItem", f"arn:aws:dynamodb:us-east-1:{HOME}:table/dogs", HOME, False),
    ("sagemaker:InvokeEndpoint", f"arn:aws:sagemaker:us-east-1:{HOME}:endpoint/dogs", HOME, False),
    ("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{HOME}:function:dogs", HOME, True),
    ("sts:AssumeRole", f"arn:aws:iam::{HOME}:role/walker", HOME, True),
)
CONTEXT = {
    "aws:SourceIp": "203.0.113.7",
    "aws:RequestedRegion": "us-east-1",
    "aws:CurrentTime": "2026-03-01T12:00:00Z",
    "aws:EpochTime": "1772366400",
    "aws:SecureTransport": "true",
    "aws:UserAgent": "dogs/1.0",
    "aws:MultiFactorAuthPresent": "true",
    "aws:MultiFactorAuthAge": "42",
    "aws:PrincipalTag/team": "dogs",
    "aws:TagKeys": ["team", "cost"],
}
CONDITIONS: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("IpAddress", "aws:SourceIp", ("203.0.113.0/24", "198.51.100.0/24", ["10.0.0.0/8", "203.0.113.7/32"])),
    ("NotIpAddress", "aws:SourceIp", ("203.0.113.0/24", "10.0.0.0/8")),
    ("StringEquals", "aws:RequestedRegion", ("us-east-1", "eu-west-1", ["eu-west-1", "us-east-1"])),
    ("StringNotEquals", "aws:RequestedRegion", ("us-east-1", "eu-west-1")),
    ("StringLike", "aws:UserAgent", ("dogs/*", "cats/*", "dogs/?.0")),
    ("StringNotLike", "aws:UserAgent", ("dogs/*", "cats/*")),
    ("StringEqualsIgnoreCase", "aws:PrincipalTag/team", ("DOGS", "cats")),
    ("StringEquals", "aws:PrincipalTag/missing", ("x",)),
    ("StringNotEquals", "aws:PrincipalTag/missing", ("x",)),
    ("StringEqualsIfExists", "aws:PrincipalTag/missing", ("x",)),
    ("Null", "aws:PrincipalTag/team", ("true", "false")),
    ("Null", "aws:PrincipalTag/missing", ("true", "false")),
    ("Bool", "aws:MultiFactorAuthPresent", ("true", "false")),
    ("BoolIfExists", "aws:SecureTransport", ("true", "false")),
    ("NumericLessThan", "aws:MultiFactorAuthAge", ("60", "42", "7")),
    ("NumericGreaterThanEquals", "aws:MultiFactorAuthAge", ("42", "43")),
    ("DateGreaterThan", "aws:CurrentTime", ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")),
    ("DateLessThan", "aws:EpochTime", ("1800000000", "1700000000")),
    ("ForAllValues:StringEquals", "aws:TagKeys", (["team", "cost"], ["team"])),
    ("ForAnyValue:StringLike", "aws:TagKeys", (["te*"], ["x*"])),
    (
        "ArnLike",
        "aws:PrincipalArn",
        (f"arn:aws:iam::{HOME}:*", f"arn:aws:iam::{AWAY}:user/*", "arn:aws:iam::*:role/d*"),
    ),
)


def one_of(choices: random.Random, *options: Any) -> Any:
    return choices.choice(options)


def statement(choices: random.Random, request: tuple[str, str, str, bool], kind: Attachment) -> dict[str, Any]:
    """A statement that applies about every second time."""
    action, resource, _, _ = request
    service = action.partition(":")[0]
    made: dict[str, Any] = {"Effect": one_of(choices, "Allow", "Allow", "Allow", "Deny")}
    actions = one_of(choices, action, action, "*" if kind == "identity" else action, f"{service}:*", f"{service}:X*")
    made[one_of(choices, "Action", "Action", "Action", "NotAction")] = one_of(
        choices, actions, [actions, f"{service}:Get*"]
    )
    if kind != "trust":
        whole = resource.split(":", 5)
        wild = ":".join([*whole[:5], whole[5][: len(whole[5]) // 2] + "*"])
        other = ":".join([*whole[:5], whole[5] + "-other"])
        variable = ":".join([*whole[:5], whole[5].replace("dogs", "${aws:PrincipalTag/team}")])
        patterns = one_of(choices, resource, resource, wild, other, variable, "*", [other, wild])
        made[one_of(choices, "Resource", "Resource", "Resource", "NotResource")] = patterns
    if kind != "identity":
        made["Principal"] = principal(choices)
    if choices.random() < 0.4:
        operator, key, values = choices.choice(CONDITIONS)
        made["Condition"] = {operator: {key: choices.choice(values)}}
    return made


def principal(choices: random.Random) -> Any:
    users = [CALLERS[0], CALLERS[1], f"arn:aws:iam::{HOME}:role/dogs", CALLERS[2], CALLERS[4], CALLERS[3]]
    named = one_of(choices, HOME, f"arn:aws:iam::{HOME}:root", AWAY, *users, [choices.choice(users), AWAY])
    return one_of(choices, {"AWS": named}, {"AWS": named}, {"AWS": named}, "*", {"Service": "lambda.amazonaws.com"})


def document(choices: random.Random, request: tuple[str, str, str, bool], kind: Attachment) -> dict[str, Any]:
    count = choices.randint(1, 3)
    return {"Version": "2012-10-17", "Statement": [statement(choices, request, kind) for _ in range(count)]}


def case(choices: random.Random) -> dict[str, Any]:
    """A simulation, in the other evaluator's form."""
    request = choices.choice(REQUESTS)
    action, resource, owner, has_policy = request
    trust = action == "sts:AssumeRole"
    caller = choices.choice(CALLERS[:-1] if trust else CALLERS)
    entity = caller_arn(caller)
    context: dict[str, Any] = {key: value for key, value in CONTEXT.items() if choices.random() < 0.9}
    context |= {"aws:PrincipalArn": entity, "aws:PrincipalAccount": caller.split(":")[4]}
    made: dict[str, Any] = {
        "request": {
            "principal": caller,
            "action": action,
            "resource": {"resource": resource, "accountId": owner},
            "contextVariables": context,
        },
        "identityPolicies": [
            {"name": f"p{number}", "policy": document(choices, request, "identity")}
            for number in range(choices.randint(0, 2))
        ],
        "serviceControlPolicies": [{"orgIdentifier": "r-1", "policies": [{"name": "all", "policy": EVERYTHING}]}],
        "resourceControlPolicies": [],
    }
    if caller.endswith(":root"):
        made["identityPolicies"] = [{"name": "root", "policy": EVERYTHING}]
    if trust or (has_policy and choices.random() < 0.6):
        made["resourcePolicy"] = document(choices, request, "trust" if trust else "resource")
    if not caller.endswith(":root"):
        if choices.random() < 0.25:
            made["permissionBoundaryPolicies"] = [{"name": "b", "policy": document(choices, request, "identity")}]
        if ":sts:" in caller and choices.random() < 0.3:
            made["sessionPolicy"] = document(choices, request, "identity")
    return made


def caller_arn(caller: str) -> str:
    """``aws:PrincipalArn``."""
    return caller_for(caller).entity_arn


def caller_for(arn: str) -> Caller:
    if ":federated-user/" in arn:
        return Caller(arn, arn.split(":")[4], "federated-user")
    return caller_of(arn)


def verdict(simulation: dict[str, Any]) -> str:
    """The harness's."""
    request = simulation["request"]
    trust = request["action"] == "sts:AssumeRole"

    def parsed(name: str, policy: Any, kind: Attachment = "identity") -> Policy:
        return parse_policy(name, json.dumps(policy), kind)

    context = {
        key.lower(): tuple(value) if isinstance(value, list) else (value,)
        for key, value in request["contextVariables"].items()
    }
    caller = caller_for(request["principal"])
    boundary = simulation.get("permissionBoundaryPolicies")
    session, own = simulation.get("sessionPolicy"), simulation.get("resourcePolicy")
    policies = Policies(
        tuple(parsed(policy["name"], policy["policy"]) for policy in simulation["identityPolicies"]),
        parsed("boundary", boundary[0]["policy"]) if boundary else None,
        (parsed("session", session),) if session else None,
        parsed("resource", own, "trust" if trust else "resource") if own else None,
        request["resource"]["accountId"],
        trust=trust,
    )
    decision = evaluate(
        AccessRequest(caller, request["action"], request["resource"]["resource"], _Context(context)), policies
    )
    return "Allowed" if decision.allowed else "ExplicitlyDenied" if decision.explicit_deny else "ImplicitlyDenied"


class _Context(RequestContext):
    """A context with the case's keys and no others."""

    def __init__(self, keys: dict[str, tuple[str, ...]]) -> None:
        super().__init__(Sender(Caller("", "", "user")), Circumstances("", "", 0.0, "", {}, {}))
        self._keys = keys

    def __getitem__(self, key: str) -> tuple[str, ...]:
        return self._keys[key]


def others(folder: Path, simulations: list[dict[str, Any]]) -> list[str]:
    """The other evaluator's verdicts."""
    if not (folder / "node_modules" / PACKAGE).exists():
        subprocess.run(["npm", "install", "--silent", "--prefix", str(folder), f"{PACKAGE}@{VERSION}"], check=True)
    command = ["node", str(Path(__file__).with_name("simulate.mjs")), str(folder.resolve())]
    answer = subprocess.run(command, input=json.dumps(simulations), capture_output=True, text=True, check=True)
    return [str(line) for line in json.loads(answer.stdout)]


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the other evaluator is, or is installed")
    options = parser.parse_args()
    choices = random.Random(options.seed)
    simulations = [case(choices) for _ in range(options.cases)]
    with tempfile.TemporaryDirectory() as temporary:
        theirs = others(options.folder or Path(temporary), simulations)
    ours = [verdict(simulation) for simulation in simulations]
    differences = [index for index in range(len(ours)) if ours[index] != theirs[index]]
    alike = len(ours) - len(differences)
    print(f"{alike} of {len(ours)} verdicts are alike ({alike / len(ours):.1%}); ours: {dict(Counter(ours))}")
    kinds = Counter((ours[index], theirs[index]) for index in differences)
    for (our, their), count in kinds.most_common():
        example = next(index for index in differences if (ours[index], theirs[index]) == (our, their))
        print(f"\n{count} x ours {our}, theirs {their}; for example:\n{json.dumps(simulations[example], indent=1)}")
    return 0 if alike >= LEAST_ALIKE * len(ours) else 1


if __name__ == "__main__":
    sys.exit(main())
