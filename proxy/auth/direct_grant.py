"""Sessions whose grant can be asked again and again: `client_credentials`, `password`, `jwt_bearer`, `token_exchange`.

Where the server gives a refresh token too, that is what renews the session, because it spares the stronger credential;
once it is over the grant itself is asked. So nothing is lost with what is kept, and the store only spares calls:
without it, it goes on without. A refresh token is taken out of the store before it is presented, so that none is
presented twice whatever happens meanwhile. What must not live here: the endpoint, the store, any one grant.
"""

from dataclasses import replace

from proxy.auth.exec_secret import ExecReader
from proxy.auth.grant import Grant
from proxy.auth.kept_session import RenewableSession
from proxy.auth.record import Record, fingerprint
from proxy.auth.revocation import revoke
from proxy.auth.secret_rules import SecretReader
from proxy.auth.source import SessionFault, Tokens
from proxy.auth.store import SessionStore
from proxy.auth.supply import Failed, Fresh
from proxy.auth.token_answer import Granted, Refused
from proxy.auth.token_endpoint import Lost, TokenEndpoint
from proxy.clock import Clock

__all__ = ["DirectGrant"]

_PROOF_REFUSED = "invalid_client"
_GRANT_REFUSED = "invalid_grant"


class DirectGrant(RenewableSession):
    """Tokens that `grant` gets, kept under `profile`. `wall` is wall time."""

    __slots__ = ("_client", "_endpoint", "_grant")

    def __init__(
        self, profile: str, client: str, endpoint: TokenEndpoint, grant: Grant, store: SessionStore, wall: Clock
    ) -> None:
        readers = [*endpoint.readers, *grant.readers]
        super().__init__(profile, store, wall, readers, [*endpoint.readers, *_lasting(grant)])
        self._client = client
        self._endpoint = endpoint
        self._grant = grant

    @property
    def _form(self) -> str:
        return self._endpoint.form

    def _check(self, tokens: Tokens) -> None:
        if tokens.access is None or tokens.refresh is not None:
            raise SessionFault(
                "this grant takes no refresh token from outside, it gets its own; give an access token alone"
            )

    async def _tell_end(self, ended: Record | None) -> str:
        return await revoke(self._endpoint, ended)

    async def close(self) -> None:
        await self._endpoint.close()
        for reader in self._grant.readers:
            await reader.close()

    async def _seed(self) -> str:
        return fingerprint(self._client, *await self._grant.identity())

    async def _go_on(self, seed: str, record: Record | None) -> Fresh | Failed:
        if record is None or record.ended is not None:
            record = Record(seed)
        if record.refresh is None:
            return await self._begin(record)
        without = replace(record, refresh=None)

        async def take_out() -> None:
            await self._store.save(self._profile, without)

        pairs = [("grant_type", "refresh_token"), ("refresh_token", record.refresh.reveal())]
        # Without the scope: what is left out is what was granted (RFC 6749 §6), which may be less than was asked for.
        outcome = await self._endpoint.ask(pairs, take_out, scope=False)
        match outcome:
            case Granted():
                return await self._take(record, outcome)
            case Refused(busy=True):
                await self._store.save(self._profile, record)
                return self._failed(outcome)
            case Refused():
                return await self._begin(without)
            case Lost():
                if record.rotates is False:
                    await self._store.save(self._profile, record)
                return Failed(outcome.detail)

    async def _begin(self, record: Record, *, keep: bool = True) -> Fresh | Failed:
        outcome = await self._endpoint.ask(await self._grant.pairs())
        if isinstance(outcome, Refused) and self._read_again(outcome):
            # What was presented may have been replaced since it was read.
            outcome = await self._endpoint.ask(await self._grant.pairs())
        if isinstance(outcome, Refused) and outcome.code == _GRANT_REFUSED and self._grant.dated:
            outcome = outcome.of_its_time()
        match outcome:
            case Granted() if keep:
                return await self._take(record, outcome)
            case Granted():
                return Fresh(outcome.access, outcome.lifetime)
            case Refused():
                return self._failed(outcome)
            case Lost():
                return Failed(outcome.detail)

    def _read_again(self, refused: Refused) -> bool:
        if refused.code == _PROOF_REFUSED:
            return self._endpoint.forget()
        # All of them, also when the first one may have changed.
        return refused.code == _GRANT_REFUSED and sum(reader.forget() for reader in self._grant.readers) > 0


def _lasting(grant: Grant) -> list[SecretReader]:
    """The secrets whose other value is a sign that somebody wants an ended session back: a file that was written anew,
    and not a token that a command prints, which is another one each time."""
    return [reader for reader in grant.readers if not (grant.rotates and isinstance(reader, ExecReader))]
