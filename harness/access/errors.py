"""IAM's and STS's errors in AWS's words, in the code that each protocol has for them.

Sources: public logs and issues.
"""

from __future__ import annotations

import time

from harness.access.rules.signature import Fault
from harness.core.errors import AwsError, shown

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


def not_with_session(service: str, operation: str, protocol: str) -> AwsError:
    """Temporary credentials that may not call an operation, whatever policies say (public logs)."""
    if service == "sts":
        return AwsError("AccessDenied", f"Cannot call {operation} with session credentials", 403)
    return foreign_token(protocol)


def not_authorized(action: str, protocol: str) -> AwsError:
    """The role does not trust a caller with an identity provider's token (public logs)."""
    return AwsError("AccessDenied", f"Not authorized to perform {action}", 403)


def malformed_policy(message: str, service: str) -> AwsError:
    """A policy that IAM or S3 refuses. The harness adds where in the document the fault is."""
    return AwsError("MalformedPolicy" if service == "s3" else "MalformedPolicyDocument", message, 400)


def invalid_input(message: str) -> AwsError:
    """A simulation that cannot be made."""
    return AwsError("InvalidInput", message, 400)


def no_such_entity(arn: str) -> AwsError:
    return AwsError("NoSuchEntity", f"The entity {arn} cannot be found.", 404)


# ---- IAM's operations (IAM API reference; texts recorded from AWS in public test suites, logs and issues)

# How IAM writes each kind's name in an error.
_NOUNS = {
    "user": ("The user with name {} cannot be found.", "User with name {} already exists."),
    "group": ("The group with name {} cannot be found.", "Group with name {} already exists."),
    "role": ("The role with name {} cannot be found.", "Role with name {} already exists."),
    "instance-profile": ("Instance Profile {} cannot be found.", "Instance Profile {} already exists."),
    "server-certificate": (
        "The Server Certificate with name {} cannot be found.",
        "The Server Certificate with name {} already exists.",
    ),
    "login-profile": (
        "Login Profile for User {} cannot be found.",
        "Login Profile for user {} already exists.",
    ),
    "access-key": ("The Access Key with id {} cannot be found.", ""),
    "public-key": ("The Public Key with id {} cannot be found.", ""),
    "certificate": ("The Certificate with id {} cannot be found.", ""),
    "credential": ("No such credential {} exists", ""),
}


def no_such(kind: str, name: str) -> AwsError:
    """Something that does not exist. kind: ``user``, ``group``, ``role``, ``instance-profile``, ..."""
    return AwsError("NoSuchEntity", _NOUNS[kind][0].format(name), 404)


def no_such_inline_policy(kind: str, name: str) -> AwsError:
    return AwsError("NoSuchEntity", f"The {kind} policy with name {name} cannot be found.", 404)


def no_such_policy(arn: str) -> AwsError:
    return AwsError("NoSuchEntity", f"Policy {arn} was not found.", 404)


def no_such_policy_version(arn: str, version: str) -> AwsError:
    return AwsError("NoSuchEntity", f"Policy {arn} version {version} does not exist or is not attachable.", 404)


def not_attachable(arn: str) -> AwsError:
    return AwsError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)


def no_such_boundary(arn: str) -> AwsError:
    return AwsError("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.", 404)


def invalid_boundary(arn: str) -> AwsError:
    return AwsError("ValidationError", f"Value ({arn}) for parameter PermissionsBoundary is invalid.", 400)


def unparsable_arn() -> AwsError:
    return AwsError("ValidationError", "Invalid ARN:  Could not be parsed!", 400)


def already_exists(kind: str, name: str) -> AwsError:
    """kind: as of no_such()."""
    return AwsError("EntityAlreadyExists", _NOUNS[kind][1].format(name), 409)


def policy_exists(name: str) -> AwsError:
    message = f"A policy called {name} already exists. Duplicate names are not allowed."
    return AwsError("EntityAlreadyExists", message, 409)


def conflict(message: str) -> AwsError:
    """DeleteConflict in a sentence of its own."""
    return AwsError("DeleteConflict", message, 409)


def delete_conflict(what: str) -> AwsError:
    """what: what must be done first, such as ``detach all policies``."""
    return conflict(f"Cannot delete entity, must {what} first.")


def quota(name: str, limit: int) -> AwsError:
    """name: the quota's, such as ``AccessKeysPerUser``."""
    return AwsError("LimitExceeded", f"Cannot exceed quota for {name}: {limit}", 409)


def inline_policies_too_large(kind: str, name: str, limit: int) -> AwsError:
    """limit: characters of all inline policies of one user, group or role."""
    return AwsError("LimitExceeded", f"Maximum policy size of {limit} bytes exceeded for {kind} {name}", 409)


def too_many_versions() -> AwsError:
    message = (
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing "
        "version."
    )
    return AwsError("LimitExceeded", message, 409)


def protected_role(name: str) -> AwsError:
    """A service-linked role."""
    message = f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
    return AwsError("UnmodifiableEntity", message, 400)


def no_boundary(kind: str, name: str) -> AwsError:
    """A boundary that is to be taken from a user or role without one. The words are unverified."""
    return AwsError("NoSuchEntity", f"The {kind} with name {name} does not have a permissions boundary.", 404)


def role_not_in_profile(role: str, profile: str) -> AwsError:
    return AwsError("NoSuchEntity", f"Role {role} in Instance Profile {profile} cannot be found.", 404)


def foreign_key(key_id: str, caller: str) -> AwsError:
    """GetAccessKeyLastUsed of a key of no user of the account's."""
    action = "iam:GetAccessKeyLastUsed"
    message = f"User: {caller} is not authorized to perform {action} on resource: access key {key_id}"
    return AwsError("AccessDenied", message, 403)


def not_yours(operation: str, arn: str, caller: str) -> AwsError:
    """A change of one of AWS's own policies, which nobody may make, the account's root neither."""
    # The words are those of a cross-account denial in public logs; that the code is AccessDenied is verified.
    return AwsError(
        "AccessDenied", f"User: {caller} is not authorized to perform: iam:{operation} on resource: policy {arn}", 403
    )


def no_such_in_words(sentence: str) -> AwsError:
    """NoSuchEntity in a sentence of its own."""
    return AwsError("NoSuchEntity", sentence, 404)


def validation_error(sentence: str) -> AwsError:
    """What botocore's model does not say of a request's members. The sentences are unverified."""
    return AwsError("ValidationError", sentence, 400)


def no_service_linked_role(service: str) -> AwsError:
    """A service without a service-linked role, as far as the harness knows. The words are unverified."""
    return invalid_input(f"The harness knows no service-linked role of {shown(service)}.")


def alias_taken(alias: str) -> AwsError:
    return AwsError("EntityAlreadyExists", f"The account alias {alias} already exists.", 409)


def bad_password(sentence: str) -> AwsError:
    """A password that the account's policy does not take."""
    return AwsError("PasswordPolicyViolation", sentence, 400)


def not_a_user() -> AwsError:
    """ChangePassword by somebody who is no IAM user. The words are unverified."""
    return AwsError("InvalidUserType", "Only IAM users can change their own password.", 400)


def wrong_password() -> AwsError:
    """ChangePassword with an old password that is not the user's. The words are unverified."""
    return AwsError("AccessDenied", "The old password was incorrect.", 403)


def malformed_certificate(sentence: str) -> AwsError:
    return AwsError("MalformedCertificate", sentence, 400)


def duplicate_certificate() -> AwsError:
    """The words are unverified."""
    return AwsError("DuplicateCertificate", "The certificate is already associated with the user.", 409)


def key_pair_mismatch() -> AwsError:
    """The words are unverified."""
    return AwsError("KeyPairMismatch", "The private key does not match the public key in the certificate.", 400)


def invalid_public_key() -> AwsError:
    """The words are unverified."""
    return AwsError("InvalidPublicKey", "The public key must be an RSA key in ssh-rsa or PEM format.", 400)


def duplicate_public_key() -> AwsError:
    """The words are unverified."""
    return AwsError("DuplicateSSHPublicKey", "The SSH public key is already associated with the user.", 400)


def user_name_needed() -> AwsError:
    """An operation of a user's own that somebody else called without a UserName."""
    return AwsError("ValidationError", "Must specify userName when calling with non-User credentials", 400)


def bad_marker() -> AwsError:
    """A Marker that no answer had."""
    return AwsError("ValidationError", "Invalid Marker.", 400)


def duplicate_tag_keys() -> AwsError:
    message = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    return AwsError("InvalidInput", message, 400)


def reserved_tag_key() -> AwsError:
    # The words are unverified; that the prefix aws: is reserved is in the user guide.
    return AwsError("InvalidInput", "Tag keys that begin with aws: are reserved for AWS.", 400)


def no_credential_report() -> AwsError:
    """The words are unverified."""
    return AwsError("ReportNotPresent", "No report exists. Generate one with GenerateCredentialReport.", 410)


def expired_credential_report() -> AwsError:
    """The words are unverified."""
    return AwsError("ReportExpired", "The report has expired. Generate another with GenerateCredentialReport.", 410)


def no_such_access_job(job_id: str) -> AwsError:
    """The words are unverified."""
    return AwsError("NoSuchEntity", f"The job with id {job_id} cannot be found.", 404)


def not_in_access_report(namespace: str) -> AwsError:
    """A service that the entity's policies do not allow. The words are unverified."""
    return AwsError("NoSuchEntity", f"The service {namespace} is not part of the report.", 404)


# ---- MFA devices and identity providers


def no_such_mfa_device(serial: str) -> AwsError:
    return AwsError("NoSuchEntity", f"VirtualMFADevice with serial number {serial} doesn't exist.", 404)


def not_users_mfa_device(serial: str, user: str) -> AwsError:
    # AWS's words are unverified.
    return AwsError("NoSuchEntity", f"MFA device with serial number {serial} is not enabled for user {user}.", 404)


def mfa_device_exists() -> AwsError:
    return AwsError("EntityAlreadyExists", "MFADevice entity at the same path and name already exists.", 409)


def mfa_device_in_use() -> AwsError:
    return AwsError("EntityAlreadyExists", "MFA Device is already in use.", 409)  # the words are unverified


def wrong_mfa_code() -> AwsError:
    return AwsError("InvalidAuthenticationCode", "Authentication code for device is not valid", 403)


def no_such_oidc_provider(arn: str) -> AwsError:
    return AwsError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", 404)


def oidc_provider_exists(url: str) -> AwsError:
    return AwsError("EntityAlreadyExists", f"Provider with url {url} already exists.", 409)


def invalid_oidc_url() -> AwsError:
    return AwsError("ValidationError", "Invalid Open ID Connect Provider URL", 400)


def too_many_thumbprints() -> AwsError:
    # AWS's words, though it takes five.
    return AwsError("InvalidInput", "Thumbprint list must contain fewer than 5 entries.", 400)


def invalid_thumbprint() -> AwsError:
    # AWS's words are unverified.
    return AwsError("InvalidInput", "Thumbprint must be a hex-encoded SHA-1 hash of 40 characters.", 400)


def no_such_saml_provider(arn: str) -> AwsError:
    return AwsError("NoSuchEntity", f"Manifest not found for arn {arn}", 404)


def saml_provider_exists(arn: str) -> AwsError:
    # AWS's words are unverified.
    return AwsError("EntityAlreadyExists", f"Manifest already exists for arn {arn}", 409)


def invalid_saml_metadata(why: str) -> AwsError:
    """why: what the harness adds to AWS's words."""
    return AwsError("InvalidInput", f"Could not parse metadata: {why}", 400)


def no_encrypted_assertions() -> AwsError:
    message = "Encrypted SAML assertions are not part of this harness: leave out AssertionEncryptionMode and the keys."
    return AwsError("NotImplementedException", message, 501)
