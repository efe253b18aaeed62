"""Access keys, passwords, certificates and keys of users; instance profiles; the account's alias. Source: IAM API
reference; the sentences are recorded from AWS in public test suites."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.access.operations.iam import READ, arn, document, refused, refused_code, trust
from tests.support import ACCOUNT, Aws, unique


@pytest.fixture
def user(iam: Any) -> str:
    return str(iam.create_user(UserName=unique("user"))["User"]["UserName"])


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def certificate(key: RSAPrivateKey, name: str = "dogs") -> str:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def ssh(key: RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def test_a_user_has_two_access_keys_at_most(iam: Any, user: str) -> None:
    keys = [iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"] for _ in range(2)]
    sentence = "Cannot exceed quota for AccessKeysPerUser: 2"
    assert refused(iam.create_access_key, UserName=user) == ("LimitExceeded", sentence)
    listed = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    assert sorted(key["AccessKeyId"] for key in listed) == sorted(keys)
    assert all("SecretAccessKey" not in key and key["Status"] == "Active" for key in listed)


def test_an_inactive_key_is_unknown_until_it_is_active_again(aws: Aws, iam: Any, user: str) -> None:
    key = iam.create_access_key(UserName=user)["AccessKey"]
    own = aws.client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    own.get_caller_identity()
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert refused_code(own.get_caller_identity) == "InvalidClientTokenId"
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Active")
    own.get_caller_identity()
    iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    assert refused_code(own.get_caller_identity) == "InvalidClientTokenId"


def test_another_users_key_is_not_found(iam: Any, user: str) -> None:
    other = iam.create_user(UserName=unique("user"))["User"]["UserName"]
    key = iam.create_access_key(UserName=other)["AccessKey"]["AccessKeyId"]
    sentence = f"The Access Key with id {key} cannot be found."
    for call, members in ((iam.update_access_key, {"Status": "Inactive"}), (iam.delete_access_key, {})):
        assert refused(call, UserName=user, AccessKeyId=key, **members) == ("NoSuchEntity", sentence)


def test_when_a_key_was_last_used_is_from_real_calls(aws: Aws, iam: Any, user: str) -> None:
    key = iam.create_access_key(UserName=user)["AccessKey"]
    never = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert never["UserName"] == user
    assert never["AccessKeyLastUsed"] == {"Region": "N/A", "ServiceName": "N/A"}
    aws.client("sts", key["AccessKeyId"], key["SecretAccessKey"]).get_caller_identity()
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sts", "us-east-1")
    assert abs(used["LastUsedDate"].timestamp() - time.time()) < 60
    assert refused_code(iam.get_access_key_last_used, AccessKeyId="AKIAIOSFODNN7EXAMPLE") == "AccessDenied"


def test_a_roles_last_use_is_from_real_calls(aws: Aws, iam: Any) -> None:
    role = aws.role()
    aws.as_role(role, "sts").get_caller_identity()
    used = iam.get_role(RoleName=role.rpartition("/")[2])["Role"]["RoleLastUsed"]
    assert used["Region"] == "us-east-1"
    assert abs(used["LastUsedDate"].timestamp() - time.time()) < 60


def test_a_login_profile(iam: Any, user: str) -> None:
    missing = ("NoSuchEntity", f"Login Profile for User {user} cannot be found.")
    assert refused(iam.get_login_profile, UserName=user) == missing
    assert refused(iam.delete_login_profile, UserName=user) == missing
    assert refused_code(iam.create_login_profile, UserName=user, Password="short") == "PasswordPolicyViolation"
    iam.create_login_profile(UserName=user, Password="Password-1", PasswordResetRequired=True)
    profile = iam.get_login_profile(UserName=user)["LoginProfile"]
    assert (profile["UserName"], profile["PasswordResetRequired"]) == (user, True)
    again = ("EntityAlreadyExists", f"Login Profile for user {user} already exists.")
    assert refused(iam.create_login_profile, UserName=user, Password="Password-1") == again
    iam.update_login_profile(UserName=user, PasswordResetRequired=False)
    assert refused(iam.delete_user, UserName=user)[1] == "Cannot delete entity, must delete login profile first."
    iam.delete_login_profile(UserName=user)
    iam.delete_user(UserName=user)


def test_a_user_changes_the_own_password(aws: Aws, iam: Any, user: str) -> None:
    iam.put_user_policy(
        UserName=user, PolicyName="p", PolicyDocument=document({**READ, "Action": "iam:ChangePassword"})
    )
    key = iam.create_access_key(UserName=user)["AccessKey"]
    own = aws.client("iam", key["AccessKeyId"], key["SecretAccessKey"])
    change = {"OldPassword": "Password-1", "NewPassword": "Password-2"}
    assert refused_code(own.change_password, **change) == "NoSuchEntity"
    iam.create_login_profile(UserName=user, Password="Password-1")
    own.change_password(**change)
    assert refused_code(own.change_password, **change) == "AccessDenied"
    assert refused_code(iam.change_password, **change) == "InvalidUserType"


def test_the_accounts_password_policy(aws: Aws, iam: Any, user: str) -> None:
    none = ("NoSuchEntity", f"The Password Policy with domain name {ACCOUNT} cannot be found.")
    assert refused(iam.get_account_password_policy) == none
    absent = ("NoSuchEntity", "The account policy with name PasswordPolicy cannot be found.")
    assert refused(iam.delete_account_password_policy) == absent
    try:
        iam.update_account_password_policy()
        assert iam.get_account_password_policy()["PasswordPolicy"] == {
            "MinimumPasswordLength": 6,
            "RequireSymbols": False,
            "RequireNumbers": False,
            "RequireUppercaseCharacters": False,
            "RequireLowercaseCharacters": False,
            "AllowUsersToChangePassword": False,
            "ExpirePasswords": False,
        }
        iam.create_login_profile(UserName=user, Password="simple")
        iam.update_account_password_policy(
            MinimumPasswordLength=10, RequireSymbols=True, MaxPasswordAge=60, PasswordReusePrevention=3, HardExpiry=True
        )
        policy = iam.get_account_password_policy()["PasswordPolicy"]
        assert (policy["ExpirePasswords"], policy["MaxPasswordAge"], policy["HardExpiry"]) == (True, 60, True)
        for password in ("short-1", "without1symbols"):
            code = refused_code(iam.update_login_profile, UserName=user, Password=password)
            assert code == "PasswordPolicyViolation"
        unchecked = aws.client("iam", parameter_validation=False)
        code, sentence = refused(
            unchecked.update_account_password_policy, MinimumPasswordLength=129, MaxPasswordAge=1096
        )
        assert (code, sentence.split(": ")[0]) == ("ValidationError", "2 validation errors detected")
    finally:
        iam.delete_account_password_policy()


def test_the_accounts_alias(iam: Any) -> None:
    iam.create_account_alias(AccountAlias="dogs-first")
    iam.create_account_alias(AccountAlias="dogs")
    assert iam.list_account_aliases()["AccountAliases"] == ["dogs"]
    assert refused_code(iam.delete_account_alias, AccountAlias="cats") == "NoSuchEntity"
    iam.delete_account_alias(AccountAlias="dogs")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_ssh_keys(iam: Any, user: str, key: RSAPrivateKey) -> None:
    uploaded = iam.upload_ssh_public_key(UserName=user, SSHPublicKeyBody=ssh(key))["SSHPublicKey"]
    key_id = uploaded["SSHPublicKeyId"]
    assert (key_id[:4], uploaded["Status"], uploaded["Fingerprint"].count(":")) == ("APKA", "Active", 15)
    in_pem = iam.get_ssh_public_key(UserName=user, SSHPublicKeyId=key_id, Encoding="PEM")["SSHPublicKey"]
    assert in_pem["SSHPublicKeyBody"].startswith("-----BEGIN PUBLIC KEY-----")
    iam.update_ssh_public_key(UserName=user, SSHPublicKeyId=key_id, Status="Inactive")
    assert [known["Status"] for known in iam.list_ssh_public_keys(UserName=user)["SSHPublicKeys"]] == ["Inactive"]
    duplicate = refused_code(iam.upload_ssh_public_key, UserName=user, SSHPublicKeyBody=ssh(key))
    assert duplicate == "DuplicateSSHPublicKey"
    assert refused_code(iam.upload_ssh_public_key, UserName=user, SSHPublicKeyBody="x") == "InvalidPublicKey"
    sentence = "Cannot delete entity, must remove referenced objects first."
    assert refused(iam.delete_user, UserName=user) == ("DeleteConflict", sentence)
    iam.delete_ssh_public_key(UserName=user, SSHPublicKeyId=key_id)
    missing = ("NoSuchEntity", f"The Public Key with id {key_id} cannot be found.")
    assert refused(iam.get_ssh_public_key, UserName=user, SSHPublicKeyId=key_id, Encoding="SSH") == missing


def test_signing_certificates(iam: Any, user: str, key: RSAPrivateKey) -> None:
    first = iam.upload_signing_certificate(UserName=user, CertificateBody=certificate(key))["Certificate"]
    iam.upload_signing_certificate(UserName=user, CertificateBody=certificate(key))
    third = refused(iam.upload_signing_certificate, UserName=user, CertificateBody=certificate(key))
    assert third == ("LimitExceeded", "Cannot exceed quota for CertificatesPerUser: 2")
    malformed = refused(iam.upload_signing_certificate, UserName=user, CertificateBody="nonsense")
    assert malformed == ("MalformedCertificate", "Certificate nonsense is malformed.")
    who = {"UserName": user, "CertificateId": first["CertificateId"]}
    iam.update_signing_certificate(**who, Status="Inactive")
    listed = iam.list_signing_certificates(UserName=user)["Certificates"]
    statuses = {known["CertificateId"]: known["Status"] for known in listed}
    assert statuses[first["CertificateId"]] == "Inactive" and len(statuses) == 2
    iam.delete_signing_certificate(**who)
    missing = ("NoSuchEntity", f"The Certificate with id {first['CertificateId']} cannot be found.")
    assert refused(iam.delete_signing_certificate, **who) == missing


def test_server_certificates(iam: Any, key: RSAPrivateKey) -> None:
    name, body = unique("certificate"), certificate(key)
    upload = {"ServerCertificateName": name, "CertificateBody": body, "PrivateKey": pem(key)}
    metadata = iam.upload_server_certificate(**upload, Path="/dogs/")["ServerCertificateMetadata"]
    assert (metadata["Arn"], metadata["ServerCertificateId"][:4]) == (arn("server-certificate", name, "/dogs/"), "ASCA")
    kept = iam.get_server_certificate(ServerCertificateName=name)["ServerCertificate"]
    assert (kept["CertificateBody"], kept["Tags"]) == (body, [])
    again = ("EntityAlreadyExists", f"The Server Certificate with name {name} already exists.")
    assert refused(iam.upload_server_certificate, **upload) == again
    other = {**upload, "ServerCertificateName": unique("certificate")}
    foreign_key = pem(generate_private_key(65537, 2048))
    assert refused_code(iam.upload_server_certificate, **{**other, "PrivateKey": foreign_key}) == "KeyPairMismatch"
    for member in ("CertificateBody", "PrivateKey"):
        assert refused_code(iam.upload_server_certificate, **{**other, member: "nonsense"}) == "MalformedCertificate"
    new_name = unique("new")
    iam.update_server_certificate(ServerCertificateName=name, NewServerCertificateName=new_name)
    iam.tag_server_certificate(ServerCertificateName=new_name, Tags=[{"Key": "a", "Value": "b"}])
    assert iam.list_server_certificate_tags(ServerCertificateName=new_name)["Tags"] == [{"Key": "a", "Value": "b"}]
    listed = iam.list_server_certificates(PathPrefix="/dogs/")["ServerCertificateMetadataList"]
    assert [known["ServerCertificateName"] for known in listed] == [new_name]
    iam.delete_server_certificate(ServerCertificateName=new_name)
    missing = ("NoSuchEntity", f"The Server Certificate with name {name} cannot be found.")
    assert refused(iam.get_server_certificate, ServerCertificateName=name) == missing


def test_passwords_for_single_services(iam: Any, user: str) -> None:
    service = "codecommit.amazonaws.com"
    create = iam.create_service_specific_credential
    first = create(UserName=user, ServiceName=service)["ServiceSpecificCredential"]
    assert (first["ServiceUserName"], first["Status"]) == (f"{user}-at-{ACCOUNT}", "Active")
    second = create(UserName=user, ServiceName=service)["ServiceSpecificCredential"]
    assert second["ServiceUserName"] != first["ServiceUserName"]
    assert refused_code(create, UserName=user, ServiceName=service) == "LimitExceeded"
    sentence = "No such service lambda.amazonaws.com is supported for Service Specific Credentials"
    assert refused(create, UserName=user, ServiceName="lambda.amazonaws.com") == ("NoSuchEntity", sentence)
    who = {"UserName": user, "ServiceSpecificCredentialId": first["ServiceSpecificCredentialId"]}
    iam.update_service_specific_credential(**who, Status="Inactive")
    reset = iam.reset_service_specific_credential(**who)["ServiceSpecificCredential"]
    assert reset["ServicePassword"] != first["ServicePassword"] and reset["Status"] == "Inactive"
    listed = iam.list_service_specific_credentials(UserName=user)["ServiceSpecificCredentials"]
    assert len(listed) == 2 and all("ServicePassword" not in credential for credential in listed)
    iam.delete_service_specific_credential(**who)
    missing = ("NoSuchEntity", f"No such credential {who['ServiceSpecificCredentialId']} exists")
    assert refused(iam.delete_service_specific_credential, **who) == missing


def test_a_role_is_passed_to_an_instance_profile_by_who_may_pass_it(aws: Aws, iam: Any, user: str) -> None:
    role = iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument=trust())["Role"]["RoleName"]
    profile = iam.create_instance_profile(InstanceProfileName=unique("profile"))["InstanceProfile"]
    names = {"InstanceProfileName": profile["InstanceProfileName"], "RoleName": role}
    key = iam.create_access_key(UserName=user)["AccessKey"]
    own = aws.client("iam", key["AccessKeyId"], key["SecretAccessKey"])
    actions = ["iam:AddRoleToInstanceProfile"]
    for expected in ("AccessDenied", None):
        text = document({**READ, "Action": actions})
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=text)
        if expected is None:
            own.add_role_to_instance_profile(**names)
        else:
            assert refused_code(own.add_role_to_instance_profile, **names) == expected
        actions.append("iam:PassRole")


def test_an_instance_profile_has_one_role(iam: Any) -> None:
    name, roles = unique("profile"), [unique("role") for _ in range(2)]
    for role in roles:
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    created = iam.create_instance_profile(InstanceProfileName=name, Path="/dogs/")["InstanceProfile"]
    assert (created["Arn"], created["Roles"]) == (arn("instance-profile", name, "/dogs/"), [])
    again = ("EntityAlreadyExists", f"Instance Profile {name} already exists.")
    assert refused(iam.create_instance_profile, InstanceProfileName=name) == again
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=roles[0])
    second = refused(iam.add_role_to_instance_profile, InstanceProfileName=name, RoleName=roles[1])
    assert second == ("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    profile = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert ([role["RoleName"] for role in profile["Roles"]], profile["Tags"]) == ([roles[0]], [])
    assert [
        known["InstanceProfileName"]
        for known in iam.list_instance_profiles_for_role(RoleName=roles[0])["InstanceProfiles"]
    ] == [name]
    foreign = ("NoSuchEntity", f"Role {roles[1]} in Instance Profile {name} cannot be found.")
    assert refused(iam.remove_role_from_instance_profile, InstanceProfileName=name, RoleName=roles[1]) == foreign
    conflict = ("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
    assert refused(iam.delete_instance_profile, InstanceProfileName=name) == conflict
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=roles[0])
    iam.delete_instance_profile(InstanceProfileName=name)
    missing = ("NoSuchEntity", f"Instance Profile {name} cannot be found.")
    for call in (iam.get_instance_profile, iam.delete_instance_profile, iam.list_instance_profile_tags):
        assert refused(call, InstanceProfileName=name) == missing
