/**
 * All that may differ between a call through a self-hosted edge and a direct one. `docs/design/edge-wire.md` states the
 * same rows, and a test compares: neither changes alone. A row of edge defects (D0 to D19) stands where there is one.
 */
export const documentedDifferences = {
  'mark-added': {
    row: '',
    what: 'a request carries `x-tidegate-edge`',
    why: 'it says what was decided, under a signature; the gateway takes it out',
  },
  'trace-begun': {
    row: '',
    what: 'a request without a valid `traceparent` gets one, an invalid one is replaced; a valid one and `tracestate` pass',
    why: 'its way through the sites can be followed',
  },
  'words-of-the-front': {
    row: '',
    what: 'a client’s `x-tidegate-*`, `cf-*`, `x-forwarded-for`, `-host`, `-proto` and their underscore twins are removed, and the cookie `tidegate-force`',
    why: 'only our programs or a trusted front may say them',
  },
  'expect-ends-here': {
    row: 'D0',
    what: '`Expect` is removed, and the `100 Continue` that a client reads is the edge’s',
    why: 'older runtimes take the origin’s 100 for the final answer',
  },
  'informational-ends-here': {
    row: 'D1',
    what: '1xx answers of an origin do not reach the client; the final one does, whole',
    why: 'gateways send the edge none; an older runtime put the final answer into the body of a 103',
  },
  'origin-broken': {
    row: 'D5',
    what: 'an origin that refuses, resets before its head, or speaks no HTTP is a 502 in problem+json (in plain text where it accepts a WebSocket wrongly)',
    why: 'a client can tell it from its own network, and its code can be searched for',
  },
  'broken-chunks': {
    row: 'D5',
    what: 'an upload whose chunks are malformed is a 502',
    why: 'the runtime does not say whose fault it was; nothing is passed on behind the fault',
  },
  'cookies-joined': {
    row: 'D9',
    what: 'several `Cookie` fields become one, joined by `; `; also `, ` before a `name=` inside of one; what is written anew is read as UTF-8, and its other bytes are lost',
    why: 'the runtime joins them by `, `, which no server reads, and it has no bytes to give',
  },
  'hop-by-hop': {
    row: 'D10',
    what: '`Connection` and what it names, `Keep-Alive`, `TE`, `Trailer`, and any `Upgrade` but that of a WebSocket end here; the edge may say its own',
    why: 'they are between two neighbours only (RFC 9110 section 7.6.1)',
  },
  trailers: {
    row: 'D10',
    what: 'fields behind the last chunk are dropped, both ways',
    why: 'the runtime does not carry them; no gRPC',
  },
  'header-order': {
    row: 'D10',
    what: 'fields of different names change their order; those of one name keep theirs',
    why: 'the runtime writes the names that it knows first',
  },
  'known-names': {
    row: 'D10',
    what: 'the names that HTTP itself knows (below) are written in their usual capitals, repeated ones (but `Set-Cookie`) become one list joined by `, `, and empty ones go',
    why: 'the runtime keeps them by number (RFC 9110 section 5.3 allows it)',
  },
  'capitals-of-first': {
    row: 'D10',
    what: 'repeated fields of any other name stay apart, in the capitals of the first',
    why: 'the runtime keeps one name for them',
  },
  'host-in-lower-case': { row: 'D10', what: '`Host` is in lower case', why: 'the runtime normalises the authority' },
  framing: {
    row: 'D10',
    what: 'sizes and extensions of chunks, a length beside a coding, a coding before `chunked`, and whether an answer ends with its connection or by its last chunk',
    why: 'how an end is told is each connection’s own (RFC 9112 section 6)',
  },
  'length-of-nothing': {
    row: 'D10',
    what: '`Content-Length: 0` is added to a request without a body (not GET, HEAD) and removed from a GET; an answer that can have no body (204, 304, HEAD) loses a length or coding that promises none',
    why: 'nothing is promised, or what RFC 9112 section 6.3 forbids',
  },
  'chunked-body-of-get': {
    row: 'D10',
    what: 'a GET or HEAD with a chunked body loses it; one with a length keeps it',
    why: 'the runtime sends no coding with these methods; to refuse them would hit the empty ones that fronts with HTTP/2 make',
  },
  version: {
    row: 'D10',
    what: 'an HTTP/1.0 request leaves as 1.1, and its answer says 1.0',
    why: 'each connection has its own version (RFC 9110 section 2.5)',
  },
  'body-of-205': { row: 'D10', what: 'a 205 has no body', why: 'RFC 9110 section 15.3.6' },
  'reason-in-latin1': {
    row: 'D10',
    what: 'a reason phrase with a byte beyond ASCII becomes an empty one',
    why: 'the runtime takes it for no text; nobody may rely on it (RFC 9112 section 4)',
  },
  'absolute-form': {
    row: 'D11',
    what: 'a target in absolute form leaves as path; `Host` stays as it was sent',
    why: 'the mark is over what the gateway receives',
  },
  'refused-by-runtime': {
    row: 'D11',
    what: 'workerd answers by itself: 400 to a raw space, TAB, control or non-ASCII byte, `<`, `>`, a backtick in a target, a quote in a query, a folded field, no `Host`, lengths that differ or are no number, codings that do not end with chunked, a version other than 1.0 and 1.1; 501 to a method that it does not know; 500 to CONNECT',
    why: 'it parses more strictly than old services: clients that send such things need a front that encodes them',
  },
  'refused-by-edge': {
    row: 'D12',
    what: '400 `target-unsafe` to a target that could be read as another path where the host rejects such, and to `OPTIONS *`; 400 `host-invalid` to two Hosts, or one with a path, a user or an escape',
    why: 'edge and service must not read two different requests; a host that observes passes such targets',
  },
  'dot-segments': {
    row: 'D12',
    what: 'raw dot segments are resolved when the request leaves; encoded ones stay',
    why: 'the runtime resolves them; the mark is over what the gateway receives',
  },
  fragment: {
    row: 'D12',
    what: 'a fragment is cut off',
    why: 'it belongs to the client alone (RFC 9110 section 4.2.5)',
  },
  'leaving-by-fin': {
    row: 'D17',
    what: 'a client that ends its side is not seen by the origin, which answers; one that resets is',
    why: 'a FIN is no cancellation: it may be a client that has said all',
  },
  'reset-told-as-end': {
    row: 'D17',
    what: 'a reset in the middle of a body reaches the other side as an end before its time',
    why: 'the runtime has no way to send an RST; the missing rest tells it',
  },
  'websocket-keys': {
    row: 'D10',
    what: 'each side of a WebSocket has a key of its own',
    why: 'the runtime opens one WebSocket for the other; frames pass as they are, pings and fragments too',
  },
} as const satisfies Readonly<Record<string, DocumentedDifference>>

export interface DocumentedDifference {
  /** Row of the defects that the design names; empty = our own doing. */
  readonly row: `D${number}` | ''
  readonly what: string
  readonly why: string
}

export type DifferenceName = keyof typeof documentedDifferences

/** The names that workerd 1.20261102 knows by number, as it writes them. */
export const knownNames: readonly string[] = [
  'Accept',
  'Accept-Charset',
  'Accept-Encoding',
  'Accept-Language',
  'Accept-Ranges',
  'Access-Control-Allow-Origin',
  'Age',
  'Allow',
  'Authorization',
  'Cache-Control',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Language',
  'Content-Location',
  'Content-Range',
  'Content-Type',
  'Cookie',
  'Date',
  'ETag',
  'Expires',
  'From',
  'Host',
  'If-Match',
  'If-Modified-Since',
  'If-None-Match',
  'If-Range',
  'If-Unmodified-Since',
  'Last-Modified',
  'Link',
  'Location',
  'Max-Forwards',
  'Origin',
  'Pragma',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'Range',
  'Referer',
  'Refresh',
  'Retry-After',
  'Sec-WebSocket-Accept',
  'Sec-WebSocket-Extensions',
  'Sec-WebSocket-Key',
  'Sec-WebSocket-Protocol',
  'Sec-WebSocket-Version',
  'Server',
  'Set-Cookie',
  'Strict-Transport-Security',
  'User-Agent',
  'Vary',
  'Via',
  'WWW-Authenticate',
]
