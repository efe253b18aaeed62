"""How a caller may name a function, and how AWS names it back. Pure."""

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
    def unqualified_arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"

    @property
    def arn(self) -> str:
        """With the qualifier, where one was given: what the handler sees as ``invoked_function_arn``."""
        return f"{self.unqualified_arn}:{self.qualifier}" if self.qualifier else self.unqualified_arn


def parse(raw: str, qualifier: str | None, *, account: str, region: str) -> FunctionReference:
    """A name, a partial ARN (``ACCOUNT:function:NAME``) or a full ARN, each with or without ``:QUALIFIER``.

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


def for_creation(raw: str, *, account: str, region: str) -> FunctionReference:
    """The reference of a function to be made: unqualified, and its name at most 64 characters."""
    reference = parse(raw, None, account=account, region=region)
    if len(reference.name) > _LONGEST_NAME:
        raise errors.name_too_long(reference.name, _LONGEST_NAME)
    return FunctionReference(reference.account, reference.region, reference.name)
