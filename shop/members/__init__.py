"""Members, their identities at the platforms, sign-ins and consents."""
