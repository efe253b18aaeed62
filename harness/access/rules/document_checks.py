"""What IAM finds wrong with a policy document that is put, in its own sentences and in its own order.

IAM tells the first of these faults: of the document's syntax, its version, the elements that an older parser reads
(effects, dates, ARNs), Sids, actions, resources. Sources: answers of IAM in public test suites, logs and issues; IAM
user guide, "Grammar of the IAM JSON policy language". What a sentence's comment calls unverified is not from there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any, Literal

from harness.access.rules.conditions import known_operator
from harness.access.rules.dates import moment
from harness.access.rules.wildcards import matches

SYNTAX = "Syntax errors in policy."
_TRUST_SYNTAX = "Syntax error in policy."
_LEGACY = "The policy failed legacy parsing"
_VERSIONS = ("2012-10-17", "2008-10-17")
_ELEMENTS = ("Version", "Id", "Statement")
_STATEMENT = (
    "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"
)  # fmt: skip
_PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc", "*")
_SID = re.compile(r"[0-9A-Za-z]*")
_VENDOR = re.compile(r"[A-Za-z0-9.-]+")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_IAM_PATHS = (
    "user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/",
    "sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/",
)  # fmt: skip
# AWS's own policies have these too, though the sentence does not name them.
_MORE_IAM_PATHS = ("root", "role-template/", "${")
# S3's resource types whose ARNs have a region (service authorization reference).
_S3_REGIONAL = ("accesspoint/", "job/", "storage-lens", "access-grants/", "async-request/", "*")
_TRUST_ACTIONS = (
    "sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity", "sts:tagsession",
    "sts:setsourceidentity", "sts:setcontext",
)  # fmt: skip
_PRINCIPALS = ("AWS", "Service", "Federated")

PolicyKind = Literal["inline", "managed"]
Statement = Mapping[str, Any]


def load(text: str) -> Any:
    """The JSON of a document. Raises ValueError for what is no JSON, or has a key twice."""
    try:
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key is there twice")
    return members


def _refuse(word: str) -> Any:
    raise ValueError(word)


# ---- identity policies


def identity_fault(text: str, kind: PolicyKind) -> str | None:
    """What IAM says about an identity policy that it refuses; None if it takes it.

    Only a managed policy has to have the newer version.
    """
    try:
        document = load(text)
    except ValueError:
        return SYNTAX
    if not _well_formed(document):
        return SYNTAX
    if kind == "managed" and document.get("Version") != _VERSIONS[0]:
        return "Policy document must be version 2012-10-17 or greater."
    return next(_identity_faults(_statements(document)), None)


def _well_formed(document: Any) -> bool:
    if not isinstance(document, dict) or any(key not in _ELEMENTS for key in document):
        return False
    if document.get("Version", _VERSIONS[1]) not in _VERSIONS or not isinstance(document.get("Id", ""), str):
        return False
    statements = document.get("Statement")
    if isinstance(statements, list):
        return bool(statements) and all(_well_formed_statement(statement) for statement in statements)
    return _well_formed_statement(statements)


def _well_formed_statement(statement: Any) -> bool:
    if not isinstance(statement, dict) or any(key not in _STATEMENT for key in statement):
        return False
    effect = statement.get("Effect")
    if not isinstance(effect, str) or effect.lower() not in ("allow", "deny"):
        return False
    for element in ("Action", "Resource"):
        if element in statement and f"Not{element}" in statement:
            return False
        if not all(_texts_or_one(statement[name]) for name in (element, f"Not{element}") if name in statement):
            return False
    return isinstance(statement.get("Sid", ""), str) and _well_formed_conditions(statement.get("Condition", {}))


def _texts_or_one(value: Any) -> bool:
    """Whether a value is a text or a list of texts. IAM takes null within a list, and ignores it."""
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(item, str) or item is None for item in value)
    )


def _well_formed_conditions(block: Any) -> bool:
    return isinstance(block, dict) and all(_well_formed_condition(*condition) for condition in block.items())


def _well_formed_condition(operator: str, keys: Any) -> bool:
    """IAM does not look at an operator without keys."""
    if not isinstance(keys, dict) or not (known_operator(operator) or not keys):
        return False
    return all(isinstance(value, str | bool | int | float) for values in keys.values() for value in _listed(values))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _statements(document: Mapping[str, Any]) -> list[Statement]:
    statements: list[Statement] = _listed(document["Statement"])
    return statements


def _texts(statement: Statement, element: str) -> list[str]:
    return [text for text in _listed(statement.get(element, [])) if text is not None]


def _identity_faults(statements: list[Statement]) -> Iterator[str]:
    """The faults of a well-formed identity policy, in IAM's order."""
    if any(statement["Effect"] not in ("Allow", "Deny") for statement in statements):
        yield _LEGACY
    if any(not value_fits for statement in statements for value_fits in _values_fit(statement)):
        yield _LEGACY
    resource_fault = _resource_fault(statements)
    if resource_fault == _LEGACY:
        yield _LEGACY
    if any("Principal" in statement or "NotPrincipal" in statement for statement in statements):
        yield "Policy document should not specify a principal."
    yield from _sid_faults(statements)
    if not all(_texts(statement, "Action") or _texts(statement, "NotAction") for statement in statements):
        yield "Policy statement must contain actions."
    if resource_fault is not None:
        yield resource_fault
    for element in ("Action", "NotAction"):
        for statement in statements:
            yield from filter(None, map(_action_fault, _texts(statement, element)))
    if not all(_texts(statement, "Resource") or _texts(statement, "NotResource") for statement in statements):
        yield "Policy statement must contain resources."


def _sid_faults(statements: list[Statement]) -> Iterator[str]:
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if not all(_SID.fullmatch(sid) for sid in sids):
        yield (
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
            "[0-9A-Za-z]*"
        )
    if len(set(sids)) < len(sids):
        yield "Statement IDs (SID) in a single policy must be unique."


def _action_fault(action: str) -> str | None:
    if action == "*":
        return None
    vendor, colon, name = action.partition(":")
    if not colon:
        return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    if ":" in name:
        return "Actions/Condition can contain only one colon."
    return None if _VENDOR.fullmatch(vendor) else f"Vendor {vendor} is not valid"


# ---- values of conditions


def _values_fit(statement: Statement) -> Iterator[bool]:
    """Whether each value of a statement's conditions is of the kind that its operator compares.

    IAM says so of dates; that it refuses other kinds of values with the same sentence is unverified.
    """
    for operator, keys in statement.get("Condition", {}).items():
        name = operator.lower().rpartition(":")[2].removesuffix("ifexists")
        fits = next((check for prefix, check in _VALUES.items() if name.startswith(prefix)), None)
        if fits is not None:
            # A policy variable is not known yet.
            yield from (fits(str(value)) or "${" in str(value) for values in keys.values() for value in _listed(values))


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_boolean(text: str) -> bool:
    return text.lower() in ("true", "false")


_VALUES: Mapping[str, Callable[[str], bool]] = {
    "date": lambda text: moment(text) is not None,
    "numeric": lambda text: bool(_NUMBER.fullmatch(text)),
    "ipaddress": _is_network,
    "notipaddress": _is_network,
    "bool": _is_boolean,
    "null": _is_boolean,
}


# ---- resources


def _resource_fault(statements: list[Statement]) -> str | None:
    """The first fault of the resources: one of their form, else that the older parser cannot read one."""
    fault: str | None = None
    for element in ("Resource", "NotResource"):
        for statement in statements:
            resources = _texts(statement, element)
            fault = fault or next(filter(None, map(_form_fault, resources)), None)
            if fault is None and not all(map(_legacy_readable, resources)):
                return _LEGACY
    return fault


def _form_fault(resource: str) -> str | None:
    if resource == "*":
        return None
    if ":" not in resource:
        return f'Resource {resource} must be in ARN format or "*".'
    parts = resource.split(":", 5)
    if parts[1] not in _PARTITIONS:
        padded = [*parts[1:], *["*"] * (6 - len(parts))]
        return f'Partition "{parts[1]}" is not valid for resource "arn:{":".join(padded)}".'
    if len(parts) == 2 or "*" in parts[2] or "?" in parts[2]:
        return "Resource vendor must be fully qualified and cannot contain regexes."
    vendor, region, name = parts[2], (parts[3] if len(parts) > 3 else ""), (parts[5] if len(parts) > 5 else "*")
    if vendor == "iam":
        if region:
            return f"IAM resource {resource} cannot contain region information."
        if name != "*" and not name.startswith((*_IAM_PATHS, *_MORE_IAM_PATHS)):
            return f'IAM resource path must either be "*" or start with {", ".join(_IAM_PATHS)}.'
    if vendor == "s3" and region and len(parts) > 5 and not name.startswith(_S3_REGIONAL):
        return f"Resource {resource} can not contain region information."
    return None


def _legacy_readable(resource: str) -> bool:
    parts = resource.split(":", 5)
    return resource == "*" or (bool(parts[2]) and (len(parts) == 6 or "::" not in resource))


# ---- trust policies


def trust_fault(text: str) -> str | None:
    """What IAM says about a trust policy that it refuses; None if it takes it, as far as its principals exist."""
    try:
        document = load(text)
    except ValueError:
        return "This policy contains invalid Json"
    if not isinstance(document, dict):
        return _TRUST_SYNTAX
    unknown = next((key for key in document if key not in _ELEMENTS), None)
    if unknown is not None:
        return f"Unknown field {unknown}"
    if document.get("Version", _VERSIONS[1]) not in _VERSIONS:
        return "The policy must contain a valid version string"
    if "Statement" not in document:
        return "Missing required field Statement"
    statements = _statements(document)
    if not statements:
        return "Could not parse the policy: Statement is empty!"
    sids = [statement.get("Sid") for statement in statements if isinstance(statement, dict) and statement.get("Sid")]
    fault = next((fault for statement in statements for fault in _trust_faults(statement)), None)
    if fault is None and not all(isinstance(sid, str) for sid in sids):
        return _TRUST_SYNTAX
    if fault is None and len(set(sids)) < len(sids):
        return "The Statement Ids in the policy are not unique"
    return fault


def _trust_faults(statement: Any) -> Iterator[str]:
    if not isinstance(statement, dict):
        yield _TRUST_SYNTAX
        return
    yield from (f"Unknown field {key}" for key in statement if key not in _STATEMENT)
    if "Effect" not in statement:
        yield "Missing required field Effect"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield f"Invalid effect: {statement.get('Effect')}"
    if "NotPrincipal" in statement:
        allow = statement["Effect"] == "Allow"
        yield (
            "Allow with NotPrincipal is not allowed."
            if allow
            else "AssumeRole policy must not contain NotPrincipal field."
        )
    yield from _principal_faults(statement)
    if not _well_formed_conditions(statement.get("Condition", {})):
        yield _TRUST_SYNTAX
    if not all(_values_fit(statement)):
        yield _TRUST_SYNTAX  # unverified
    if "Action" in statement and "NotAction" in statement:
        yield _TRUST_SYNTAX
    element = "NotAction" if "NotAction" in statement else "Action"
    if not statement.get(element):
        yield "Missing required field Action"
    if not _texts_or_one(statement[element]):
        yield _TRUST_SYNTAX
    if not all(map(_is_trust_action, _texts(statement, element))):
        yield "AssumeRole policy may only specify STS AssumeRole actions."
    if "Resource" in statement:
        yield "Has prohibited field Resource"
    if "NotResource" in statement:
        yield "AssumeRole policy must not contain resources."


def _principal_faults(statement: Statement) -> Iterator[str]:
    if "Principal" not in statement:
        yield "Missing required field Principal"
    principal = statement["Principal"]
    if not isinstance(principal, dict):
        yield "Principal must be a JSON object." if isinstance(principal, str) else _TRUST_SYNTAX
        return
    if not principal or not all(principal.values()):
        yield "Missing required field Principal cannot be empty!"
    for kind, names in principal.items():
        if kind not in _PRINCIPALS:
            yield f'Invalid principal in policy: "{kind}"'
        if not all(isinstance(name, str) for name in _listed(names)):
            yield _TRUST_SYNTAX


def _is_trust_action(action: str) -> bool:
    pattern = action.lower()
    return pattern.startswith("sts:") and any(matches(pattern, known) for known in _TRUST_ACTIONS)
