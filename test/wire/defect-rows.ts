import type { DocumentedDifference } from './documented-differences.ts'

type Row = Exclude<DocumentedDifference['row'], ''>

/**
 * What became of each defect of the runtimes that the design lists. `cases` show it here, direct against the edge;
 * `tests` elsewhere; `probes` of `tidegate edge doctor` look for what only a real zone or a real gateway can show.
 */
export interface DefectRow {
  readonly defect: string
  readonly rule: string
  readonly cases?: readonly string[]
  readonly tests?: readonly string[]
  readonly probes?: readonly string[]
}

export const defectRows: Readonly<Record<Row, DefectRow>> = {
  D0: {
    defect: 'an upload that expects 100-continue fails',
    rule: 'the worker removes `Expect`',
    cases: [
      'Expect: what the service reads',
      'Expect: the client waits for 100 and gets its real answer',
      'Expect: a client that does not wait',
      'Expect: an origin that refuses without the body',
    ],
    probes: ['expect'],
  },
  D1: {
    defect: 'a 1xx of the origin is taken for the final answer',
    rule: 'gateways send an edge none; this runtime skips them',
    cases: ['103 before the answer', '102 twice before the answer', '100 that nobody asked for'],
    probes: ['early-hints'],
  },
  D2: {
    defect: 'an idle connection is used again while the origin closes it',
    rule: 'gateways and balancers keep idle connections longer than the edge does',
    cases: ['an idle connection that the origin has closed is not used again'],
    probes: ['idle', 'idle-watched'],
  },
  D3: {
    defect: 'the runtime calls a fault retryable although the request was delivered',
    rule: 'nothing but a safe request is ever tried twice',
    cases: [
      'a connection in use again that the origin resets: its POST is sent once',
      'an origin that resets before its answer',
    ],
  },
  D4: {
    defect: 'a failed fetch has used up the body',
    rule: 'no second try of a request with a body',
    cases: ['an origin that resets before its answer'],
    tests: ['test/edge-worker/failover.test.ts'],
  },
  D5: {
    defect: 'an uncaught fault is a bare 500',
    rule: '502 or 504 in problem+json; on Cloudflare `passThroughOnException` besides',
    cases: ['an answer that is no HTTP', 'a status of four digits', 'an origin that resets before its answer'],
    probes: ['fail-open'],
  },
  D6: {
    defect: 'a redirect is followed, with credentials',
    rule: '`redirect: manual`',
    cases: ["302 Found is the client's to follow", "308 Permanent Redirect is the client's to follow"],
  },
  D7: {
    defect: 'an answer that is built anew loses something',
    rule: 'built anew only to take a word of ours out; each exchange here is held as it is and once more built anew',
    cases: [
      'gzip unasked',
      'HEAD of zstd',
      '204 with headers',
      '304 to a conditional GET, with all its headers',
      'sixty Set-Cookie',
    ],
  },
  D8: {
    defect: 'bodies are recompressed, ETags weakened',
    rule: 'bodies are never read; compression rule of the zone off',
    cases: ['br asked for', 'zstd unasked', 'deflate asked for', 'a coding that lies'],
    probes: ['gzip', 'recompression'],
  },
  D9: {
    defect: 'two Cookie fields are joined with a comma',
    rule: 'joined again by `; `',
    cases: ['two Cookie fields', 'cookies of odd values'],
    probes: ['cookies'],
  },
  D10: {
    defect: 'hop-by-hop fields, trailers, order and capitals of names',
    rule: 'documented; no gRPC',
    cases: [
      'hop-by-hop headers, and what Connection names',
      'every name that HTTP knows, twice, in odd capitals, both ways',
      'answer in chunks with extensions and trailers',
      'PURGE without a body',
    ],
  },
  D11: {
    defect: 'absolute form, `OPTIONS *`, TAB and unknown methods',
    rule: 'refused with 400, 500 or 501, never cut; a front for clients that send such things',
    cases: [
      'absolute form',
      'OPTIONS of the whole server',
      'a TAB in a path',
      'a method that nobody knows',
      'HTTP/1.0 without Host',
    ],
    probes: ['absolute-form', 'path-tab'],
  },
  D12: {
    defect: 'raw dot segments are resolved before the worker or behind it',
    rule: 'the mark is over what leaves; nothing is ever parsed',
    cases: ['dots raw', 'dots raw above the root', 'dots encoded', 'backslashes, raw and encoded', 'double slashes'],
    probes: ['path-dots', 'path-backslash'],
  },
  D13: {
    defect: 'a zone normalises URLs before the worker',
    rule: 'scope `none`, looked at before cut-over',
    probes: ['path-slashes', 'path-dots', 'path-backslash', 'path-letter'],
  },
  D14: {
    defect: 'an out-of-zone `resolveOverride` is ignored silently',
    rule: 'in-zone names; the site that answers is compared',
    probes: ['host', 'site'],
  },
  D15: {
    defect: 'a fetch of the same zone loops',
    rule: '508 `loop` to a request that bears an edge’s valid mark',
    tests: ['test/wire/edge.test.ts'],
    probes: ['loop'],
  },
  D16: {
    defect: 'a fetch across zones changes client addresses',
    rule: 'only the signed address counts',
    cases: ['words that only a front may say'],
    probes: ['client-address'],
  },
  D17: {
    defect: 'a client that leaves before the answer is not always seen',
    rule: 'flags `enable_request_signal`, `request_signal_passthrough`; a time-out for the first byte, and behind it the gateway’s',
    cases: [
      'a client that resets before the answer',
      'a client that resets while a copy of its request is under way',
      'a client that ends before the answer',
      'a client that resets in its download',
      'a client that resets in its upload',
    ],
    probes: ['half-close'],
  },
  D18: {
    defect: 'memory is one isolate’s',
    rule: 'counters and budgets there are soft; nothing right depends on them',
    tests: ['test/edge-worker/outliers.test.ts'],
    probes: ['table'],
  },
  D19: {
    defect: 'over the quota of an account routes fail closed',
    rule: 'paid plan, fail open',
    probes: ['fail-open'],
  },
}
