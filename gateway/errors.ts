import { defineProblems } from '#routes/problem.ts'
import { cacheProblems } from './cache-problems.ts'

/** What can go wrong in a gateway, sorted by code; that of the cache stands in a file of its own. */
export const problems = defineProblems({
  ...cacheProblems,
  'address-denied': {
    status: 403,
    meaning: "The client's address is not one that the route lets in.",
    fix: 'Change `addresses` of the route, or look at trustedProxies: only a believed address counts.',
  },
  'auth-peer-away': {
    status: 503,
    meaning: 'The token is unknown here, and a site that may know it did not answer.',
    fix: "Check the interconnect and the other site's gateway; nobody is refused for good meanwhile, clients may try again.",
  },
  'auth-store-away': {
    status: 503,
    meaning: 'The token store did not answer in time.',
    fix: 'Check the Redis that the tokens section of the gateway configuration names.',
  },
  'body-invalid': {
    status: 400,
    meaning: 'The request body is not one that the route takes: {because}.',
    fix: 'The client must send what the route describes; see `validate` and `bodyWithoutMeaning` of the route.',
  },
  'body-too-large': {
    status: 413,
    meaning: 'The request body is larger than {limit} bytes.',
    fix: 'Raise `maxBody` of the route in the catalog if such uploads are meant.',
  },
  'breaker-open': {
    status: 503,
    meaning: 'Most requests to the service {service} fail, so none is sent for a moment.',
    fix: 'Mend the service; the gateway tries it again by itself. See `upstreams` of the gateway for its instances.',
  },
  'client-gone': {
    status: 499,
    meaning: 'The client went away before it had its answer.',
    fix: 'Nothing to do; many of these point at clients that wait too short, or at a slow service.',
  },
  'client-too-slow': {
    status: 408,
    meaning: 'The request head or body did not come in time, or comes too slowly.',
    fix: 'Nothing to do for single ones; many point at a bad network or an attack by slow connections.',
  },
  'coding-unknown': {
    status: 501,
    meaning: 'The request has a transfer coding other than chunked.',
    fix: 'The client must send its body plainly or chunked; a content coding belongs in Content-Encoding.',
  },
  'config-needs-restart': {
    status: 409,
    meaning: 'The configuration changes {keys}, which a running process cannot change.',
    fix: 'Take that back, or restart the gateway: SIGUSR2 to its supervisor does so without a refused connection. Until then all of the file waits.',
  },
  'connect-timeout': {
    status: 504,
    meaning: 'The service did not take the connection in time.',
    fix: 'Check that the deployment is up and that no firewall drops packets between it and this site.',
  },
  'control-plane-away': {
    status: 503,
    meaning: 'The control plane did not take a call: {because}.',
    fix: 'Traffic goes on by the table held here. Check the control plane, its address and the control-gateway keys.',
  },
  'edge-required': {
    status: 403,
    meaning: 'The request came without the signature of an edge.',
    fix: 'Send traffic through an edge, or set `edgeRequired: false`; check the edge-gateway keys and the clocks.',
  },
  'expectation-unknown': {
    status: 417,
    meaning: 'The request expects something other than 100-continue.',
    fix: 'The client must drop its Expect header.',
  },
  'extension-failed': {
    status: 500,
    meaning: 'The extension {extension} failed, or took longer than its budget.',
    fix: 'See its lines in the log; switch it off by POST /gateway/v1/extensions/{extension}/off, or let it be `whenFailed: skip`.',
  },
  'extension-unusable': {
    status: 500,
    meaning: 'The extension {extension} of {file} cannot be used: {because}.',
    fix: 'Its default export must be a function that gives a phase with a place; gateway/extensions/examples has two.',
  },
  'first-byte-timeout': {
    status: 504,
    meaning: 'The service did not begin its answer in time.',
    fix: "Look at the service's own latency, or raise `timeout.firstByte` of the route.",
  },
  'framing-invalid': {
    status: 400,
    meaning: "The request's framing can be read in more than one way: {because}.",
    fix: 'The client, or a proxy in front of it, must send one correct framing (RFC 9112 section 6).',
  },
  'gateway-config-contradictory': {
    status: 500,
    meaning: 'The configuration file {file} contradicts itself:\n{faults}',
    fix: 'Mend every line named above; what ran before keeps running.',
  },
  'gateway-failed': {
    status: 500,
    meaning: 'A phase of the gateway failed in a way that nobody foresaw.',
    fix: 'Find the cause in the log under this request id, and report it.',
  },
  'headers-too-large': {
    status: 431,
    meaning: 'The request head is larger than {limit} allows.',
    fix: 'The client must send fewer or shorter fields, mostly cookies; or raise `limits.head`.',
  },
  'gateway-removed': {
    status: 410,
    meaning: 'The control plane has declared this gateway process gone: {said}',
    fix: 'Nothing to do: it registers again as a new process. See `tidegate get gateways` for who removed it.',
  },
  held: {
    status: 503,
    meaning: 'Unit {unit} is not served here under epoch {epoch}, and a newer placement did not come in time.',
    fix: 'Nothing was executed, so clients may try again. If it lasts, compare the epochs in `tidegate status`.',
  },
  'idle-timeout': {
    status: 504,
    meaning: 'The service paused in the midst of its answer for longer than the route allows.',
    fix: "Look at the service's own latency, or raise `timeout.idle` of the route; a stream needs `stream: true`.",
  },
  'host-unknown': {
    status: 421,
    meaning: 'The request is for a host that the table does not have.',
    fix: 'Declare the host or an alias of it in sites.yaml, or point its name elsewhere.',
  },
  'identity-unsigned': {
    status: 404,
    meaning: 'This gateway signs no identities.',
    fix: 'Services read plain headers; `identity.form: token` of the gateway configuration would sign.',
  },
  'internal-call-refused': {
    status: 401,
    meaning: 'The call carries neither a valid signature nor a known token: {because}.',
    fix: 'Sign it with the key of its purpose, or use a token that the internal section of the configuration names.',
  },
  'internal-request-invalid': {
    status: 400,
    meaning: 'The call cannot be understood: {because}.',
    fix: 'Compare it with docs/reference; the body is JSON.',
  },
  'internal-scope-missing': {
    status: 403,
    meaning: 'The token does not have the scope {scope}.',
    fix: 'Add the scope to the token in the internal section of the gateway configuration.',
  },
  'jwt-keys-away': {
    status: 503,
    meaning: 'The public keys of the issuer could not be fetched, so the token can be neither believed nor refused.',
    fix: 'Check the `jwks` URL of the issuer in the jwt section of the gateway configuration; the log has the cause.',
  },
  'jwt-keys-unreadable': {
    status: 502,
    meaning: 'What {url} answered is no JSON Web Key Set: {because}.',
    fix: 'Check the `jwks` URL of the issuer in the jwt section of the gateway configuration.',
  },
  'key-file-invalid': {
    status: 500,
    meaning: 'The key file {path} cannot be used: {because}.',
    fix: 'Write it anew with `tidegate keys`, for the purpose {purpose}.',
  },
  'limits-store-away': {
    status: 503,
    meaning: 'Nobody could count this request, and its route does not let uncounted ones pass.',
    fix: 'Check the Redis that the rates section of the gateway configuration names, or let the route be `whenAway: open`.',
  },
  maintenance: {
    status: 503,
    meaning: 'The route answers that it is under maintenance.',
    fix: 'Nothing, if that is meant; else take `answer` from the route in the catalog.',
  },
  'memcached-port-misplaced': {
    status: 500,
    meaning: 'The socket that was handed down for {listen} is bound to port {bound}.',
    fix: 'Restart the gateway as a whole: the addresses of cache.ports cannot change while it runs.',
  },
  'method-refused': {
    status: 405,
    meaning: 'The method is not one that a gateway takes.',
    fix: 'CONNECT and TRACE are not served; use another method.',
  },
  'method-unknown': {
    status: 405,
    meaning: 'The path has routes for other methods alone: {allow}.',
    fix: 'See `tidegate explain METHOD URL`; add the method to a route of the service in the catalog.',
  },
  'no-endpoint': {
    status: 503,
    meaning: 'Unit {unit} has no deployment at site {site}.',
    fix: 'Add the deployment to the service in the catalog, or place the unit at a site that has one.',
  },
  'only-if-cached': {
    status: 504,
    meaning: 'The request wants a stored answer or none, and none may be given.',
    fix: 'The client must ask without `only-if-cached`.',
  },
  overloaded: {
    status: 503,
    meaning: 'As many requests as {what} may have are under way.',
    fix: 'Add capacity, or raise the limit in the limits section of the gateway configuration.',
  },
  'peer-refused': {
    status: 502,
    meaning: 'The gateway of site {site} answered a call with {status}.',
    fix: 'Check the gateway-to-gateway keys at both sites and their clocks.',
  },
  'peer-unknown': {
    status: 503,
    meaning: 'Site {site} has no gateway that this one may call.',
    fix: 'Name it under peers in the gateway configuration, with keys.peers.',
  },
  'quota-spent': {
    status: 429,
    meaning: 'The consumer has used its {limit} of the day or month.',
    fix: 'Nothing, if the quota is meant; else raise `limits.quota` of the route.',
  },
  'rate-limited': {
    status: 429,
    meaning: 'More requests came than the limit by {limit} allows.',
    fix: 'Nothing, if the limit is meant; else raise it in `limits` of the route, or in `rates` of the gateway configuration.',
  },
  'policy-unusable': {
    status: 500,
    meaning: "The route's policy {what} cannot be used, and a guard that cannot be read must not count as none.",
    fix: 'The log has the cause under this request id; mend the policy in the catalog.',
  },
  'route-mismatch': {
    status: 421,
    meaning: 'The edge signed route {signed}, and by the same structure the request is for {route}.',
    fix: 'Edge and gateway read it differently: see `tidegate edge doctor` for what is changed on the way between them.',
  },
  'route-unknown': {
    status: 404,
    meaning: 'No route matches the request.',
    fix: 'See `tidegate explain METHOD URL`; add the route to its service in the catalog.',
  },
  'scope-missing': {
    status: 403,
    meaning: 'The token does not have the scope {scope}.',
    fix: 'Grant the scope to the consumer, or change `auth.scopes` of the route.',
  },
  'stale-forbidden': {
    status: 504,
    meaning:
      'The service could not be asked whether the stored answer still holds, and says that it may not be given without.',
    fix: 'Mend the service or its connection. To bridge such times it must leave out must-revalidate, proxy-revalidate, s-maxage and no-cache, and state stale-if-error.',
  },
  'table-missing': {
    status: 503,
    meaning: 'This gateway has no table yet.',
    fix: 'Check the channel to the control plane in `tidegate status`; a table kept on disk would serve.',
  },
  'target-invalid': {
    status: 400,
    meaning: 'The request target is not one that can be served: it has {because}.',
    fix: 'The client must send a path or an absolute http URL, without a fragment.',
  },
  'target-too-long': {
    status: 414,
    meaning: 'The request target is longer than {limit} bytes.',
    fix: 'The client must send such data in a body; or raise `limits.target`.',
  },
  'token-file-invalid': {
    status: 500,
    meaning: 'The token file {path} cannot be used: {because}.',
    fix: 'Write a JSON list of objects with sha256, consumer and scopes.',
  },
  'token-invalid': {
    status: 401,
    meaning: 'The credential is unknown, expired or revoked, of a kind that the route does not take, or one of two.',
    fix: 'The client must get a new one, and send it alone; `auth.any` of the route says which kinds are taken.',
  },
  'token-missing': {
    status: 401,
    meaning: 'The request has no credential of a kind that its route takes.',
    fix: 'Send `Authorization: Bearer TOKEN`, or the header of the API key.',
  },
  'total-timeout': {
    status: 504,
    meaning: 'The answer was not complete in time.',
    fix: "Look at the service's own latency, or raise `timeout.total` of the route.",
  },
  'tracking-refused': {
    status: 503,
    meaning: 'Redis cannot tell this gateway of changed tokens: {because}.',
    fix: 'Nothing is wrong for clients: Redis is asked for each request. `tokens.memory: false` says that it is meant so.',
  },
  'upstream-dns': {
    status: 502,
    meaning: 'The name of the service could not be resolved.',
    fix: "Check the host in the deployment's URL and the name server of this site.",
  },
  'upstream-invalid': {
    status: 502,
    meaning: "The service's answer is not valid HTTP.",
    fix: 'Look at the service, or at a proxy between: the log has the fault under this request id.',
  },
  'upstream-missing': {
    status: 500,
    meaning: 'No phase answered the request.',
    fix: 'This is a fault of the program; report it.',
  },
  'upstream-refused': {
    status: 502,
    meaning: 'The service did not accept the connection.',
    fix: 'See `tidegate explain` for the deployment; check that it listens and that its port is open from this site.',
  },
  'upstream-reset': {
    status: 502,
    meaning: 'The service closed the connection before it answered.',
    fix: "Look at the service's log at that moment; if only idle connections are hit, lower `limits.upstreamIdle`.",
  },
  'upstream-tls': {
    status: 502,
    meaning: "The service's certificate is not trusted, or TLS failed otherwise.",
    fix: 'Renew the certificate or name its authority; the log has the cause under this request id.',
  },
  'version-unsupported': {
    status: 505,
    meaning: 'The request has the HTTP version {version}.',
    fix: 'The client must use HTTP/1.1.',
  },
  'worker-not-ready': {
    status: 500,
    meaning: 'A gateway worker did not become ready: {reason}.',
    fix: 'Mend what its log lines name; what served before goes on serving.',
  },
})
