"""IAM's and STS's errors in AWS's words, in the code that each protocol has for them.

Sources: public logs and issues.
"""

from __future__ import annotations

import time

from harness.access.rules.signature import Fault
from harness.core.errors import AwsError

_S3 = "rest-xml"
_QUERY = ("query", "ec2")
_CALCULATED = "The request signature we calculated does not match the signature you provided. Check your "


def missing_token(protocol: str) -> AwsError:
    """An unsigned request."""
    if protocol == _S3:
        return AwsError("AccessDenied", "Access Denied", 403)
    if protocol in _QUERY:
        return AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    return AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)


def no_such_method() -> AwsError:
    """A method that S3 does not have for what the path names."""
    return AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)


def unverifiable_token(operation: str) -> AwsError:
    """The token of an identity provider. AWS's code; the sentence is ours, for AWS would ask the provider."""
    return AwsError(
        "InvalidIdentityToken",
        f"{operation} cannot be done here: there is no identity provider that could verify the token. "
        "Use AssumeRole with the key of a user or a role that the role trusts.",
        400,
    )


def unknown_key(protocol: str) -> AwsError:
    """An access key that nobody issued, or that was deleted or made inactive."""
    if protocol == _S3:
        message = "The AWS Access Key Id you provided does not exist in our records."
        return AwsError("InvalidAccessKeyId", message, 403)
    return foreign_token(protocol)


def foreign_token(protocol: str) -> AwsError:
    """A session token that does not belong to the access key, or is missing."""
    if protocol == _S3:
        return AwsError("InvalidToken", "The provided token is malformed or otherwise invalid.", 400)
    code = "InvalidClientTokenId" if protocol in _QUERY else "UnrecognizedClientException"
    return AwsError(code, "The security token included in the request is invalid.", 403)


def expired_token(protocol: str) -> AwsError:
    """A session that has ended."""
    if protocol == _S3:
        return AwsError("ExpiredToken", "The provided token has expired.", 400)
    code = "ExpiredToken" if protocol in _QUERY else "ExpiredTokenException"
    return AwsError(code, "The security token included in the request is expired", 403)


def bad_signature(fault: Fault, stamp: str, now: float, protocol: str) -> AwsError:
    """A signature that does not hold. stamp: when the request says that it was signed; now: seconds since 1970."""
    if fault is Fault.EXPIRED:
        return AwsError("AccessDenied", "Request has expired", 403)
    if fault is Fault.PAYLOAD and protocol == _S3:
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        return AwsError("XAmzContentSHA256Mismatch", message, 400)
    if fault is Fault.TIME and protocol == _S3:
        message = "The difference between the request time and the current time is too large."
        return AwsError("RequestTimeTooSkewed", message, 403)
    if protocol == _S3:
        return AwsError("SignatureDoesNotMatch", f"{_CALCULATED}key and signing method.", 403)
    code = "SignatureDoesNotMatch" if protocol in _QUERY else "InvalidSignatureException"
    if fault is Fault.TIME:
        current = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        if stamp < current:
            bound = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now - 300))
            message = f"Signature expired: {stamp} is now earlier than {bound} ({current} - 5 min.)"
        else:
            bound = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now + 300))
            message = f"Signature not yet current: {stamp} is still later than {bound} ({current} + 5 min.)"
        return AwsError(code, message, 403)
    message = f"{_CALCULATED}AWS Secret Access Key and signing method. Consult the service documentation for details."
    return AwsError(code, message, 403)


def unsigned_header(name: str, protocol: str) -> AwsError:
    """A header that has to be signed and is not (AWS's sentences, as printed in public issues)."""
    if protocol == _S3:
        return AwsError("AccessDenied", "There were headers present in the request which were not signed", 403)
    spelled = "'Host' or ':authority'" if name == "host" else f"'{name.title()}'"
    code = "SignatureDoesNotMatch" if protocol in _QUERY else "InvalidSignatureException"
    return AwsError(code, f"{spelled} must be a 'SignedHeader' in the AWS Authorization header.", 403)


def missing_hash() -> AwsError:
    """A signed request to S3 that does not declare its body (S3's sentence, as printed in public issues)."""
    return AwsError("InvalidRequest", "Missing required header for this request: x-amz-content-sha256", 400)


def denied(message: str, protocol: str) -> AwsError:
    """A call that the policies do not allow."""
    if protocol == "ec2":
        return AwsError("UnauthorizedOperation", f"You are not authorized to perform this operation. {message}", 403)
    return AwsError("AccessDenied" if protocol in ("query", _S3) else "AccessDeniedException", message, 403)


def malformed_policy(message: str, service: str) -> AwsError:
    """A policy that IAM or S3 refuses. The harness adds where in the document the fault is."""
    return AwsError("MalformedPolicy" if service == "s3" else "MalformedPolicyDocument", message, 400)


def invalid_input(message: str) -> AwsError:
    """A simulation that cannot be made."""
    return AwsError("InvalidInput", message, 400)


def no_such_entity(arn: str) -> AwsError:
    return AwsError("NoSuchEntity", f"The entity {arn} cannot be found.", 404)
