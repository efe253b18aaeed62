"""Lambda's errors in AWS's words.

Unless another source is named, a text comes from AWS's recorded answers (the snapshots of LocalStack's tests that are
validated against AWS) or from public logs. Texts marked unverified do not.
"""

from __future__ import annotations

from harness.core.errors import AwsError

SYNCHRONOUS_PAYLOAD_LIMIT = 6_291_456  # bytes of a RequestResponse event (Lambda guide, quotas)
ASYNCHRONOUS_PAYLOAD_LIMIT = 1_048_576  # bytes of an Event event (Lambda guide, quotas)
ZIPPED_LIMIT = 52_428_800  # bytes of a ZipFile in a request (Lambda guide, quotas)
UNZIPPED_LIMIT = 262_144_000  # bytes of a package unpacked, layers included (Lambda guide, quotas)
ZIP_DIRECTORY_LIMIT = 8 * 1_048_576  # ours: bytes of a zip's directory, which names some 80,000 files

BAD_ZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
EMPTY_ZIP = "Uploaded file must be a non-empty zip"
UNZIPPED_TOO_LARGE = f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes"
ROLE_NOT_ASSUMABLE = "The role defined for the function cannot be assumed by Lambda."
CROSS_ACCOUNT_ROLE = "Cross-account pass role is not allowed."
RUNTIME_AND_HANDLER = (
    "Runtime and Handler are mandatory parameters for functions created with deployment packages."  # public logs
)
QUALIFIER_MISMATCH = "The derived qualifier from the function name does not match the specified qualifier."
LATEST_UNDELETABLE = "$LATEST version cannot be deleted without deleting the function."
STALE_REVISION = (
    "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve "
    "the latest Revision Id"
)
NO_FUNCTION = "The function doesn't exist."
NO_FUNCTION_FOR_URL = "Function does not exist"
TOO_MANY_TAGS = "Number of tags exceeds resource tag limit."
STALE_POLICY = (
    "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest "
    "Revision Id"
)
TOTAL_CODE_LIMIT = 80_530_636_800  # bytes of all packages (Lambda guide, quotas)
UNPUBLISHED = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
NO_PUBLISHED = "The function resource provided must be an alias or a published version."
VERSION_PROVISIONED = "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
ALIAS_PROVISIONED = "Version is pointed by a Provisioned Concurrency alias"
ABOVE_RESERVED = (
    "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
)
FUNCTIONS_ONLY = (
    "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please "
    "specify either a function name or an unqualified function ARN."
)
FORBIDDEN_URL = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
CODE_MISSING = "Please provide a source for function code."  # unverified
CODE_TWICE = "Please do not provide other FunctionCode parameters when providing a ZipFile."  # unverified
BAD_CLIENT_CONTEXT = "Client context must be a valid Base64-encoded JSON object."  # unverified
RATE_EXCEEDED = "Rate Exceeded."

_NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)


def _user(code: str, message: str, status: int) -> AwsError:
    return AwsError(code, message, status, fields={"Type": "User"})


def invalid(message: str) -> AwsError:
    return _user("InvalidParameterValueException", message, 400)


def validation(member: str, value: object, constraint: str) -> AwsError:
    """The error for a violated constraint of the API's model."""
    return AwsError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}",
    )


def not_a_function_name(raw: str) -> AwsError:
    return validation("functionName", raw, f"Member must satisfy regular expression pattern: {_NAME_PATTERN}")


def name_too_long(name: str, longest: int) -> AwsError:
    return invalid(
        f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: "
        f"Member must have length less than or equal to {longest}"
    )


def other_region(wanted: str, here: str) -> AwsError:
    message = f"Functions from '{wanted}' are not reachable in this region ('{here}')"
    return _user("ResourceNotFoundException", message, 404)


def not_found(arn: str) -> AwsError:
    return _user("ResourceNotFoundException", f"Function not found: {arn}", 404)


def already_exists(name: str) -> AwsError:
    return _user("ResourceConflictException", f"Function already exist: {name}", 409)


def stale_revision() -> AwsError:
    return _user("PreconditionFailedException", STALE_REVISION, 412)


def other_account(caller: str, action: str, arn: str) -> AwsError:
    """The code AccessDeniedException is AWS's; the message is worded as in its other services."""
    message = (
        f"User: {caller} is not authorized to perform: lambda:{action} on resource: {arn} because no resource-based "
        f"policy allows the lambda:{action} action"
    )
    return AwsError("AccessDeniedException", message, 403)


def cross_account_role() -> AwsError:
    return AwsError("AccessDeniedException", CROSS_ACCOUNT_ROLE, 403)


def zip_too_large() -> AwsError:
    message = f"Zipped size must be smaller than {ZIPPED_LIMIT} bytes"
    return AwsError("RequestEntityTooLargeException", message, 413)


def payload_too_large(size: int, invocation_type: str, limit: int) -> AwsError:
    """The code is that of the API's model. Older public logs show RequestEntityTooLargeException with the same text."""
    message = f"{size} byte payload is too large for the {invocation_type} invocation type (limit {limit} bytes)"
    return _user("RequestTooLargeException", message, 413)


def not_json(reason: str) -> AwsError:
    message = f"Could not parse request body into json: Could not parse payload into json: {reason}"
    return _user("InvalidRequestContentException", message, 400)


def bad_client_context() -> AwsError:
    return _user("InvalidRequestContentException", BAD_CLIENT_CONTEXT, 400)


def s3_object(code: str, message: str) -> AwsError:
    return invalid(f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}")


def throttled(reason: str) -> AwsError:
    """reason: one of botocore's ThrottleReason. The answer asks clients to retry after a second."""
    return AwsError(
        "TooManyRequestsException",
        RATE_EXCEEDED,
        429,
        fields={"Reason": reason, "Type": "User"},
        headers={"Retry-After": "1"},
    )


def unsupported(what: str, instead: str) -> AwsError:
    """The error for a request that AWS accepts and the harness does not support. The words are the harness's own."""
    return invalid(f"The harness does not support {what}: {instead}.")


HARNESS_FAILED = "The harness failed on this invocation ({}); its log has the details."  # ours


def service(message: str) -> AwsError:
    return AwsError("ServiceException", message, 500, fields={"Type": "Service"})


def no_resource() -> AwsError:
    return _user("ResourceNotFoundException", "The resource you requested does not exist.", 404)


def missing(message: str) -> AwsError:
    """The error for something that does not exist, in the words of the operation that needs it."""
    return _user("ResourceNotFoundException", message, 404)


def conflict(message: str) -> AwsError:
    return _user("ResourceConflictException", message, 409)


def no_alias(arn: str) -> AwsError:
    return missing(f"Cannot find alias arn: {arn}")


def stale_policy() -> AwsError:
    return _user("PreconditionFailedException", STALE_POLICY, 412)


def limit(message: str) -> AwsError:
    """The error for a setting beyond the account's limits. Unlike other errors it has no Type on AWS."""
    return AwsError("InvalidParameterValueException", message, 400)


def no_provisioned_concurrency() -> AwsError:
    message = "No Provisioned Concurrency Config found for this function"
    return _user("ProvisionedConcurrencyConfigNotFoundException", message, 404)


def forbidden_url() -> AwsError:
    return AwsError("AccessDeniedException", FORBIDDEN_URL, 403)


def request_too_large(operation: str, limit: int) -> AwsError:
    """As printed in public logs."""
    message = f"Request must be smaller than {limit} bytes for the {operation} operation"
    return AwsError("RequestEntityTooLargeException", message, 413)
