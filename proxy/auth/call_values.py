"""The values that the templates of a call name: secrets and the environment, read when the call is made.

What must not live here: the templates, the tokens of a session.
"""

from collections.abc import Callable, Collection, Mapping

from proxy.auth.field import value_problem
from proxy.auth.secret_rules import SecretReader, SecretUnavailable
from proxy.config.secret_model import SecretRef
from proxy.message.call import Call
from proxy.policy.call_template import ENVIRONMENT

__all__ = ["CallValues", "sendable"]


class CallValues:
    """Of the secrets, those among `names` alone: one that nobody names cannot stop a call."""

    __slots__ = ("_environ", "_readers", "_variables")

    def __init__(
        self,
        names: Collection[str],
        secrets: Mapping[str, SecretRef],
        open_: Callable[[SecretRef], SecretReader],
        environ: Mapping[str, str],
    ) -> None:
        self._environ = environ
        self._readers = {name: open_(ref) for name, ref in secrets.items() if name in names}
        self._variables = [name for name in names if name.startswith(ENVIRONMENT)]

    @property
    def readers(self) -> list[SecretReader]:
        return list(self._readers.values())

    async def read(self) -> dict[str, str]:
        """Raises SecretUnavailable."""
        values = {name: (await reader.read()).reveal() for name, reader in self._readers.items()}
        for name in self._variables:
            variable = name.removeprefix(ENVIRONMENT)
            value = self._environ.get(variable)
            if value is None:
                raise SecretUnavailable(f"the environment variable {variable} is not set")
            values[name] = value
        return values

    def forget(self) -> bool:
        """Read all of them again; False where that cannot change one."""
        forgotten = [reader.forget() for reader in self.readers]
        return any(forgotten)

    async def close(self) -> None:
        for reader in self.readers:
            await reader.close()


def sendable(call: Call) -> Call:
    """The call, if its fields can be sent. Raises SecretUnavailable."""
    for name, value in call.fields:
        if problem := value_problem(value):
            raise SecretUnavailable(f"the value for field {name} of the call {problem}")
    return call
