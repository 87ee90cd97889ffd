"""The configuration: from a file to checked, frozen objects.

`load` is the door (files, texts and flags to a `LoadedConfig`, or `ConfigInvalid` with every problem); `model` and
`auth_model` are the shape; `schema` and `redact` show it. Nothing is imported here, since much of the program wants
one small part. What must not live in this package: reading a secret's value (`proxy.auth`), reading anything again.
"""

__all__: list[str] = []
