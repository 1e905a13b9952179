"""One request from the caller's last byte to the receipt: asked of the law, sent, tried elsewhere, counted.

It waits in no coroutine: what happens next is a call from the caller's connection, or from the upstream's answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from offtake.adapters.upstream_http import Request
from offtake.adapters.wire.bodies import Body
from offtake.adapters.wire.dialects import Operation, Tongue
from offtake.entrypoints.gateway.answers import error_answer, limit_headers, refusal_status, refusal_text
from offtake.entrypoints.gateway.connection import Connection, Incoming
from offtake.entrypoints.gateway.relay import Relay
from offtake.entrypoints.gateway.state import LONGEST_ID, RespondingRelay
from offtake.entrypoints.gateway.translating import TranslatedRelay, Translation
from offtake.router.balances import NO_TOKENS
from offtake.router.choose import Asked, Passed, Refused, Route, choose
from offtake.router.receipts import Outcome, Receipt
from offtake.router.table import Tokens

if TYPE_CHECKING:
    from offtake.adapters.upstream_http.connection import Connection as UpstreamConnection
    from offtake.adapters.upstream_http.pool import Pool
    from offtake.adapters.wire.translation import Untranslatable
    from offtake.adapters.wire.upstreams import Upstream
    from offtake.entrypoints.gateway.callers import Caller
    from offtake.entrypoints.gateway.limits import Limits
    from offtake.entrypoints.gateway.service import Service
    from offtake.router.affinity import State
    from offtake.router.allowances import Allowance, Short, Taken
    from offtake.router.balances import Hold
    from offtake.router.sharing import Sharing
    from offtake.router.table import Candidate

# Two more tokens than events, and half as many again, for upstreams that put several tokens into an event.
_PER_EVENT: Final = 1.5
_MAY_PASS: Final = frozenset(("full", "meter", "down"))  # Reasons that time alone may mend.
# What a caller is told of an upstream's status, where it would take the status for its own: a key that is not known
# there is the gateway's, and a model's failure (424 at Bedrock) is no fault of the request.
_SHOWN: Final = {401: 502, 403: 502, 424: 502, 500: 503, 529: 503}


class Exchange:
    """A request under way."""

    __slots__ = (
        "_allowance",
        "_asked",
        "_attempts",
        "_begun_at",
        "_candidate",
        "_connection",
        "_hold",
        "_key",
        "_lacking",
        "_over",
        "_pool",
        "_relay",
        "_request",
        "_retry_after",
        "_route",
        "_service",
        "_stale",
        "_taken",
        "_translation",
        "_untold",
        "_waited",
        "body",
        "id",
        "incoming",
        "limits",
        "operation",
        "passed",
        "tongue",
    )

    def __init__(
        self,
        service: Service,
        connection: Connection,
        incoming: Incoming,
        operation: Operation,
        tongue: Tongue,
        key: Caller,
        body: Body,
        asked: Asked,
    ) -> None:
        self._service = service
        self._connection = connection
        self.limits: Limits = service.limits
        self.incoming = incoming
        self.operation: Operation = operation
        self.tongue: Tongue = tongue
        self._key = key
        self.body = body
        self._asked = asked
        self.id = service.next_id()
        self._begun_at = service.now()
        self._attempts = 0
        self._stale = False
        self._over = False
        self._hold: Hold | None = None
        self._allowance: Allowance | None = None
        self._taken: Taken | None = None
        self._waited = False
        self._route: Route | None = None
        self._candidate: Candidate | None = None
        self._relay: Relay | None = None
        self._pool: Pool | None = None
        self._request: Request | None = None
        self._retry_after: float | None = None
        self._translation: Translation | None = None
        self._lacking: tuple[str, ...] = ()  # Upstreams that could not be asked this, and why.
        self._untold: Untranslatable | None = (
            None  # What kept it from an upstream that speaks another dialect.
        )
        self.passed: list[tuple[str, str, tuple[str, ...]]] = []

    # The way there.

    def begin(self) -> bool:
        """Asks the key's limits and the law, and sends the request; whether anything is still to come."""
        service, allowed = self._service, self._key.allowed
        if allowed is not None:
            self._allowance = allowance = service.allowances.of(self._key.id, allowed, service.wall())
            short = allowance.short(self._asked.most.total, service.wall())
            if short is not None:
                return self._limited(short)
        found = self._choose()
        if service.shadow:
            found = self._shadowed(found)
        if isinstance(found, Refused):
            if found.why in ("meter", "full") and self._waits():
                return True
            self._refuse(found)
            return False
        if self._allowance is not None:
            short = self._allowance.short_of_money(self._may_cost(found), service.wall())
            if short is not None:
                return self._limited(short)
            self._taken = self._allowance.take(self._asked.most.total, service.wall())
        if found.passed and service.sharing is not None:
            service.pressed(self, waits=False)
        self._dispatch(found)
        return not self._over

    def begin_again(self) -> None:
        """Others were asked for headroom that this request found none of."""
        if not self._over:
            self.begin()

    def press(self, sharing: Sharing) -> bool:
        """Notes what this request found no room for; whether others may hold some."""
        service, asked = self._service, self._asked
        now = service.wall()
        candidates = [c for entry in asked.entries for c in entry.candidates if c.id not in asked.excluded]
        hopeful = service.balances.press(candidates, asked.expected, asked.most, now)
        if self._allowance is not None:
            short = self._allowance.short(asked.most.total, now)
            if short is None and candidates:
                most = max(service.balances.cost(c, asked.most, now) for c in candidates)
                short = self._allowance.short_of_money(most, now)
            if short is not None:
                hopeful = sharing.press(((short.counter, short.amount),), now) or hopeful
        return hopeful

    def _waits(self) -> bool:
        """Whether the request begins again once others were asked for headroom; it waits once."""
        if self._waited:
            return False
        self._waited = self._service.pressed(self, waits=True)
        return self._waited

    def _may_cost(self, route: Route) -> int:
        return self._service.balances.cost(route.candidate, self._asked.most, self._service.wall())

    def _limited(self, short: Short) -> bool:
        """A limit of the key would be passed; whether the request waits for what others may hold of it."""
        if self._waits():
            return True
        self.passed.append(("", f"key: {short.kind}", ()))
        code = "insufficient_quota" if short.kind == "spend" else "rate_limit_exceeded"
        self._respond_error(429, short.text, code, short.retry_after_s)
        self._record("refused", 429, None)
        self._end()
        return False

    def _choose(self) -> Route | Refused:
        """What the law and the load say, of the upstreams that can be told what is asked and to whom we are proven."""
        service = self._service
        while True:
            found = choose(service.table, self._asked, service.balances, service.wall())
            if isinstance(found, Refused):
                return found
            upstream = service.upstreams[found.candidate.supply.deployment or ""]
            if self.operation in upstream.native and upstream.proof is None:
                return found
            lack = self._lack(upstream)
            if lack is None:
                return found
            # Each turn leaves out one deployment at least, so there is an end.
            self._lacking += (f"{found.candidate.id} {lack}",)
            self.passed.append((found.candidate.id, lack, ()))
            self._asked = with_excluded(self._asked, self._at(found.candidate))

    def _lack(self, upstream: Upstream) -> str | None:
        """Why an upstream cannot be asked this; None if it can."""
        if upstream.proof is not None and (lack := upstream.proof.lack) is not None:
            return lack
        if self.operation in upstream.native:
            return None
        if self._translation is None:
            self._translation = Translation(self)
        untold = self._translation.prepare(upstream)
        if untold is None:
            return None
        self._untold = self._untold or untold
        return "speaks another dialect, which cannot say it"

    def _shadowed(self, found: Route | Refused) -> Route | Refused:
        """Where the caller asked to go, with what the choice would have done noted beside it."""
        service = self._service
        asked = service.table.as_asked.get(self.body.model)
        if asked is None:
            return found
        self._note(found)
        if isinstance(found, Refused):
            self.passed.append(("", "would refuse", found.clauses))
        else:
            self.passed.append((found.candidate.id, "would", ()))
        service.metrics.shadowed(isinstance(found, Route) and found.candidate.id == asked.id)
        upstream = service.upstreams.get(asked.supply.deployment or "")
        lack = "has no secret" if upstream is None else self._lack(upstream)
        if lack is not None:
            return Refused("law", (Passed(asked.id, "tried", (), lack),))
        return Route(self._asked.entries[0], asked, ())

    def _dispatch(self, route: Route) -> None:
        service, candidate = self._service, route.candidate
        self._route, self._candidate = route, candidate
        asked, limits = self._asked, self.limits
        self._hold = service.balances.hold(
            candidate, asked.expected, asked.most, service.wall(), route.captive, route.amounts
        )
        if self._taken is not None:
            self._taken.allowance.spend(self._taken, self._may_cost(route), service.wall())
        upstream = service.upstreams[candidate.supply.deployment or ""]
        if self.operation in upstream.native:
            head, raw, hides = upstream.request(self.operation, self.body, self.incoming.headers)
            kind = RespondingRelay if self.operation == "responses" else Relay
            relay = kind(self, self._connection, hides=hides)
        else:
            translation = self._translation or Translation(self)
            head, raw = translation.told(upstream)
            relay = TranslatedRelay(self, self._connection, translation, upstream)
        self._attempts += 1
        self._relay = relay
        request = Request(head, raw, relay, limits.first_byte_within_s, limits.between_bytes_within_s)
        self._request, self._pool = request, service.pool(upstream.origin)
        self._pool.send(request, self._started)

    def _started(self, upstream: UpstreamConnection) -> None:
        if self._relay is not None:
            self._relay.upstream = upstream

    # What the caller's connection calls.

    def paused(self) -> None:
        """The caller does not read: nor is the upstream read."""
        if self._relay is not None and self._relay.upstream is not None:
            self._relay.upstream.pause()

    def resumed(self) -> None:
        """The caller reads again."""
        if self._relay is not None and self._relay.upstream is not None:
            self._relay.upstream.resume()

    def left(self) -> None:
        """The caller is gone: the upstream is left, and what it wrote is estimated."""
        if self._over:
            return
        relay = self._relay
        if relay is not None:
            if relay.upstream is None and self._pool is not None and self._request is not None:
                self._pool.withdraw(self._request)
            relay.leave()
        self._service.abandoned(self._candidate)
        used = None if relay is None or relay.watch is None else relay.watch.usage
        self._finish("left", used, nothing=relay is None)

    # What the answer's relay calls.

    def now(self) -> float:
        """Seconds of the process's clock."""
        return self._service.now()

    def wall_s(self) -> int:
        """Seconds since the epoch."""
        return int(self._service.wall())

    def headers(self) -> bytes:
        """The gateway's own headers of an answer."""
        candidate = self._candidate
        if self._allowance is None:
            left = self._service.rate_headers(candidate)
        else:
            now = self._service.wall()
            left = limit_headers(self.tongue, self._allowance.left(now), now)
        return b"x-request-id: %b\r\nx-offtake-route: %b\r\n%b%b" % (
            self.id.encode(),
            b"" if candidate is None else candidate.id.encode(),
            b"" if self.incoming.head.keep_alive else b"connection: close\r\n",
            left,
        )

    def sent_again(self) -> bool:
        """Whether the request goes to the same upstream once more: its connection had been closed meanwhile."""
        if self._stale or self._request is None or self._pool is None:
            return False
        self._stale = True
        self._pool.send(self._request, self._started)
        return True

    def ended_whole(self, used: Tokens | None, *, served: bool) -> None:
        """An answer has come to its end: `served`, or an error that no other upstream would mend."""
        self._service.succeeded(self._candidate)
        if served and "prompt_cache_key" in self.body:
            id = self.body.value("prompt_cache_key")
            self.lives_here("cache", id[:LONGEST_ID] if isinstance(id, str) else "")
        self._finish("served" if served else "refused", used, nothing=not served)

    def ended_early(self, used: Tokens | None) -> None:
        """An answer that had begun will not end."""
        self._service.broke(self._candidate, None)
        self._finish("cut", used)

    def lives_here(self, state: State, id: str) -> None:
        """A state that the answer names, or that the request does, lives where it was answered."""
        candidate = self._candidate
        if candidate is not None and 0 < len(id) <= LONGEST_ID:
            service, deployment = self._service, candidate.supply.deployment or ""
            service.affinity.note(state, id, deployment, self._key.id, service.wall())

    def told_otherwise(self, status: int, text: str, code: str, used: Tokens | None) -> None:
        """An answer that is an error to the caller, said here in its dialect; what was used for it is counted."""
        self._service.succeeded(self._candidate)
        self._respond_error(status, text, code, None)
        self._finish("refused" if status < 500 else "failed", used, nothing=used is None, status=status)
        self._connection.done(self.incoming.keep_alive)

    def without_secret(self, text: bytes) -> bytes:
        """A text of the upstream's without the secret that it may repeat."""
        candidate = self._candidate
        if candidate is None:
            return text
        return self._service.upstreams[candidate.supply.deployment or ""].without_secret(text)

    def failed_there(self, status: int, retry_after_s: float | None) -> None:
        """An upstream failed before anything was given on: the law is asked for another."""
        service, candidate = self._service, self._candidate
        service.broke(candidate, retry_after_s if status == 429 else None)
        if self._hold is not None and candidate is not None:
            service.balances.settle(self._hold, None, service.wall())
            self._hold = None
        if candidate is not None:
            self.passed.append((candidate.id, f"answered {status}", ()))
            self._asked = with_excluded(self._asked, self._tried(candidate, status))
        if retry_after_s is not None:
            self._retry_after = min(retry_after_s, self._retry_after or retry_after_s)
        limits = self.limits
        late = service.now() - self._begun_at > limits.request_within_s
        if self._attempts >= limits.attempts or late or service.shadow:
            self._give_up(status)
            return
        found = self._choose()
        if isinstance(found, Refused):
            self._give_up(status, found)
        else:
            self._dispatch(found)

    # What a new table calls.

    @property
    def route(self) -> Route | None:
        """The route that is in use."""
        return self._route

    def cut_by_law(self, clauses: tuple[str, ...]) -> None:
        """A clause has closed the route of an answer under way, and says that what runs is cut."""
        self.passed.append((self._candidate.id if self._candidate else "", "law", clauses))
        relay = self._relay
        if relay is None:
            return
        upstream, relay.upstream = relay.upstream, None
        if upstream is not None:
            upstream.abandon()
        elif self._pool is not None and self._request is not None:
            self._pool.withdraw(self._request)
        if relay.begun:
            relay.cut("closed")
        else:
            self.failed_there(503, None)

    # Endings.

    def _tried(self, candidate: Candidate, status: int) -> frozenset[str]:
        """What need not be asked again: the supply and, unless it was only full, all at the same endpoint."""
        if status == 429:
            return frozenset((candidate.id,))
        return self._at(candidate)

    def _at(self, candidate: Candidate) -> frozenset[str]:
        """All supplies at the endpoint of one."""
        deployment = candidate.supply.deployment
        return frozenset(
            c.id for e in self._asked.entries for c in e.candidates if c.supply.deployment == deployment
        )

    def _give_up(self, status: int, found: Refused | None = None) -> None:
        if found is not None:
            self._note(found)
        shown = _SHOWN.get(status, status)
        answered = self._relay.status if self._relay is not None else 0
        if answered == 0 and shown not in (502, 504):
            shown = 502
        clauses = () if found is None else found.clauses
        why = (
            f" and {', '.join(clauses)} leaves nothing else"
            if clauses
            else ", and there is nothing else to ask"
        )
        text = f"every upstream that may take the request failed (the last answered {status}){why}"
        self._respond_error(
            shown, text, "upstream_failed", self._retry_after or (1.0 if shown != 502 else None)
        )
        self._record("failed", shown, None)
        self._end()

    def _refuse(self, found: Refused) -> None:
        self._note(found)
        status, code = refusal_status(found)
        text, wait, param = refusal_text(found), found.retry_after_s, None
        sharing = self._service.sharing
        if sharing is not None and sharing.lapsed and found.why in ("meter", "full"):
            status, code, wait = 503, "headroom_unknown", 1.0
            text = (
                f"what others use of these bounds cannot be known now, so nothing is granted on them; {text}"
            )
        untold = self._untold
        if untold is not None and not any(
            p.why in ("full", "meter") or (p.why == "down" and not p.text) for p in found.passed
        ):
            # Nothing but the field keeps it from an upstream, so it is the field that the caller is told.
            status, code, param = 400, "untranslatable", untold.field[:120]
            text = f"the upstream that may take the request speaks another dialect, in which {untold}"
        elif self._lacking:
            text = "; ".join((text, *self._lacking[:4]))
        self._respond_error(status, text, code, wait, param)
        self._record("refused", status, None)
        self._end()

    def _respond_error(
        self, status: int, text: str, code: str, retry_after_s: float | None, param: str | None = None
    ) -> None:
        keep = self.incoming.keep_alive
        more = b""
        if self._allowance is not None:
            now = self._service.wall()
            more = limit_headers(self.tongue, self._allowance.left(now), now)
        answer = error_answer(
            self.tongue, status, text, code, param, self.id, retry_after_s, keep=keep, more=more
        )
        self._connection.write(answer)

    def _give_back(self, used: Tokens | None, cost: int) -> None:
        """Settles what was held of the key's limits."""
        if self._taken is not None:
            tokens = 0 if used is None else used.total
            self._taken.allowance.settle(self._taken, tokens, cost, self._service.wall())
            self._taken = None

    def _end(self) -> None:
        self._give_back(None, 0)
        self._let_go()
        self._connection.done(self.incoming.keep_alive)

    def _finish(
        self, outcome: Outcome, used: Tokens | None, *, nothing: bool = False, status: int | None = None
    ) -> None:
        """Settles and records; the caller is answered by whoever calls."""
        service, candidate = self._service, self._candidate
        measured = used is not None
        bound = 0
        if used is None and not nothing:
            used, bound = self._estimate()
        if self._hold is not None and candidate is not None:
            cost = service.balances.settle(self._hold, used, service.wall())
            self._hold = None
        else:
            cost = 0
        if measured and used is not None and candidate is not None:
            service.seen(self._key.profile, candidate, used)
        self._give_back(used, cost)
        if status is None:
            status = 0 if self._relay is None else self._relay.status
        self._record(outcome, status, used, cost, bound, measured=measured)
        self._let_go()

    def _let_go(self) -> None:
        """It is over. What refers back to it is let go, so that nothing is left for the collector of garbage."""
        self._over = True
        self._relay = self._request = self._pool = None
        self._service.ended(self)

    # The receipt.

    def _estimate(self) -> tuple[Tokens, int]:
        """What was used where nothing says so: the input by its bytes, the output by its events or bytes."""
        read, relay = self._asked.expected, self._relay
        if relay is not None and relay.watch is not None:
            out = relay.watch.events
            return Tokens(read.fresh, 0, out), int(out * (_PER_EVENT - 1)) + 2 + read.fresh // 2
        out = 0 if relay is None else -(-relay.bytes // 4)
        return Tokens(read.fresh, 0, out), out + read.fresh // 2

    def _note(self, found: Route | Refused) -> None:
        for passed in found.passed:
            clauses = tuple(dict.fromkeys(r.origin.clause for r in passed.reasons))
            self.passed.append((passed.supply, passed.why, clauses))

    def _record(
        self,
        outcome: Outcome,
        status: int,
        used: Tokens | None,
        cost: int = 0,
        bound: int = 0,
        *,
        measured: bool = False,
    ) -> None:
        service, route, candidate = self._service, self._route, self._candidate
        now = service.now()
        tokens = used or NO_TOKENS
        first_at = 0.0 if self._relay is None else self._relay.first_at
        if route is not None and route.passed and outcome != "failed":
            self._note(route)
        clauses: tuple[str, ...] = () if route is None else route.offered
        if self.passed:
            named = {clause for _, _, each in self.passed for clause in each}
            clauses = tuple(sorted(named.union(clauses)))
        service.record(
            Receipt(
                self.id,
                int(service.wall() * 1000),
                self._key.id,
                self._key.profile,
                self.operation,
                self.body.model[:64],
                None if candidate is None else candidate.model,
                None if candidate is None else candidate.id,
                None if candidate is None else candidate.supply.region,
                outcome,
                status,
                tokens.fresh,
                tokens.cached,
                tokens.out,
                "none" if used is None else "measured" if measured else "estimated",
                bound,
                cost,
                self._attempts,
                int((first_at - self._begun_at) * 1e6) if first_at else 0,
                int((now - self._begun_at) * 1e6),
                clauses,
                tuple(self.passed),
            ),
            self.incoming.headers.get(b"traceparent"),
        )


def with_excluded(asked: Asked, tried: frozenset[str]) -> Asked:
    """What is asked once supplies have been tried."""
    return asked._replace(excluded=asked.excluded | tried)
