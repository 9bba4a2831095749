/** The rules of the wire, and the tests that hold them: a test says by the start of its name which rule it holds. */
import type { SourceFile } from './repository.ts'
import { printRulePage, type RuleTest, rulesOf, ruleTests, testsOf } from './rule-page.ts'

const chapters: Readonly<Record<string, string>> = {
  F: 'Framing',
  T: 'Request target and methods',
  P: 'Paths',
  H: 'Headers',
  U: 'Upgrades and streams',
  C: 'Connections',
}

const sentences: Readonly<Record<string, string>> = {
  F0: 'A request refused for its framing never becomes a complete request at the service.',
  F1: 'Content-Length beside Transfer-Encoding is refused with 400.',
  F2: 'Several, empty, signed, hex or listed Content-Length are refused with 400; `010` is ten and goes on as `10`.',
  F3: 'A Transfer-Encoding other than `chunked` is refused: 501 for an unknown coding, 400 for chunked out of place; none is stripped.',
  F4: 'Transfer-Encoding in HTTP/1.0 is refused with 400.',
  F5: 'A chunk size with sign, prefix, space or overflow, bare CR or LF and a missing CRLF are refused with 400.',
  F6: 'Chunk extensions are bounded and not passed on.',
  F7: 'Space before a colon, a folded line, NUL and a name that is no token are refused with 400.',
  F8: 'Pipelined requests get their answers in order, also those before a malformed one.',
  F9: 'A body on GET, HEAD, OPTIONS or DELETE goes on with right framing, or is refused where the route says so.',
  F10: 'A final answer before the end of an upload is relayed at once.',
  F11: 'A version other than 1.0 and 1.1 is 505; a request line without one is 400.',
  F12: 'A service whose answer is framed in two ways, or has an impossible status, gives 502.',
  F13: 'An answer that breaks off breaks off at the client too, and is never stored.',
  F14: 'Surplus bytes of an answer never reach the next request.',
  T1: 'A missing, second or impossible Host is refused with 400.',
  T2: 'An absolute target replaces Host; two that differ are 400, an unknown host is 421.',
  T3: 'CONNECT is answered 405.',
  T4: '`OPTIONS *` is answered here.',
  T5: 'A fragment, raw non-ASCII, control bytes and spaces in the target are refused with 400.',
  T6: 'A target too long is 414, a head too large or with too many fields 431.',
  P1: 'One key decides everything, and the raw bytes are what goes on.',
  P2: 'A target that can be read in two ways is refused with 400, or counted where the host observes.',
  P3: 'A route may accept encoded slashes by name.',
  P4: 'A route may accept double slashes by name.',
  P5: 'Path parameters behind `;` never lead around a guard.',
  P6: 'A path that a service could read as another route must satisfy the guards of both.',
  P7: 'Malformed escapes, overlong UTF-8, NUL and double encoding are refused with 400.',
  P8: 'The query passes byte for byte.',
  P9: 'Edge and gateway read targets by one module.',
  H1: 'Fields of one connection are not passed on, in either direction.',
  H2: 'Connection cannot remove what the service must see.',
  H3: 'Proxy-Authorization, HTTP2-Settings and a bare Upgrade are dropped; TE is reduced to trailers.',
  H4: 'Via is written in both directions and ends loops.',
  H5: 'Forwarded and X-Forwarded fields are replaced, or continued for who is trusted.',
  H6: 'What only our programs may say is removed from what clients send.',
  H7: 'Host is the client’s, or the name that the deployment wants; SNI follows.',
  H8: 'Order, repetition and letter case of fields survive, in both directions.',
  H9: 'Expect: 100-continue is answered when the body is wanted; any other expectation is 417.',
  H10: 'No informational answer reaches an edge; direct clients get hints where the route says so.',
  H11: 'Trailers go on to clients that asked for them.',
  H12: 'TRACE is 405; Max-Forwards counts down and ends here at 0.',
  H13: 'Where a path is rewritten, Location and cookies are rewritten back.',
  H14: 'Ranges and conditions pass untouched.',
  U1: 'A WebSocket opens only after target, fence, limits and credentials, and ends in order.',
  U2: 'No other upgrade makes a tunnel.',
  U3: 'Streams are passed on at once, and have no total time.',
  U4: 'Whoever reads slowly is waited for, not stored for.',
  C1: 'A client that leaves ends the call at the service.',
  C2: 'What went wrong behind us is 502, 503 or 504 with a code, and no address.',
  C4: 'A connection that the service closes while idle costs no request, and no request twice.',
  C5: 'A process ends in order.',
  C6: 'Who is slow gives its place back.',
  C7: 'TLS to services is verified.',
  C8: 'A body above its limit is 413, also while it streams.',
  C9: 'No bytes of a client or service end the process.',
  C10: 'Bodies are passed on as they are coded.',
}

export const proxyRules = rulesOf(sentences)

export const proxyRuleTests = (files: readonly SourceFile[]): RuleTest[] =>
  ruleTests(files, String.raw`[FTPHUC]\d{1,2}`)

export const printProxyRules = (tests: readonly RuleTest[]): string =>
  printRulePage({
    title: 'Rules of the proxy',
    intro:
      'Written by `npm run generate` from the names of the tests; do not edit. Each test begins with the id of its rule.',
    chapters,
    rules: proxyRules,
    heldBy: (id) => testsOf(id, tests),
  })
