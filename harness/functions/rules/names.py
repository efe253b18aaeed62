"""How requests name functions, and the ARNs that AWS answers with."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.functions import errors

LATEST = "$LATEST"

# botocore's pattern for FunctionName, with its parts named.
_NAME = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?(?:function:)?(?P<name>[a-zA-Z0-9-_.]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class FunctionReference:
    """A function as a request names it.

    qualifier: a version or an alias; None where the caller gave none (Lambda then takes ``$LATEST``).
    """

    account: str
    region: str
    name: str
    qualifier: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Account, region and name: what identifies a function."""
        return self.account, self.region, self.name

    @property
    def unqualified_arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"

    @property
    def arn(self) -> str:
        """The ARN with the qualifier, if there is one: what the handler sees as ``invoked_function_arn``."""
        return f"{self.unqualified_arn}:{self.qualifier}" if self.qualifier else self.unqualified_arn


def parse(raw: str, qualifier: str | None, *, account: str, region: str) -> FunctionReference:
    """Read a FunctionName: a name, a partial ARN (``ACCOUNT:function:NAME``) or a full ARN, with an optional qualifier.

    Raises AwsError: not a function's name (ValidationException), another region's (ResourceNotFoundException), or two
    different qualifiers (InvalidParameterValueException).
    """
    match = _NAME.fullmatch(raw)
    if match is None:
        raise errors.not_a_function_name(raw)
    if match["region"] and match["region"] != region:
        raise errors.other_region(match["region"], region)
    derived = match["qualifier"]
    if derived and qualifier and derived != qualifier:
        raise errors.invalid(errors.QUALIFIER_MISMATCH)
    return FunctionReference(match["account"] or account, region, match["name"], qualifier or derived)


def from_arn(arn: str) -> FunctionReference | None:
    """The function, version or alias of a full ARN; None for any other text."""
    match = _NAME.fullmatch(arn) if arn.startswith("arn:") else None
    if match is None or not (match["region"] and match["account"]):
        return None
    return FunctionReference(match["account"], match["region"], match["name"], match["qualifier"])


def for_creation(raw: str, *, account: str, region: str) -> FunctionReference:
    """The reference of a function to be created: unqualified, with a name of at most 64 characters. Raises AwsError."""
    reference = parse(raw, None, account=account, region=region)
    if len(reference.name) > _LONGEST_NAME:
        raise errors.name_too_long(reference.name, _LONGEST_NAME)
    return FunctionReference(reference.account, reference.region, reference.name)
