"""The service ``sts``: sessions of roles and users."""
