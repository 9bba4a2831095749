/** Whether bodies pass untouched, in time, both ways (D0, D1, D8, D17). Pure. */
import type { Outcome } from './connection.ts'
import { type Judgement, ok, unknown, wrong } from './finding.ts'
import { fieldOf } from './raw-answer.ts'
import { type Reply, tell, unseen } from './reply.ts'

/** So long clients such as curl wait for the `100` before they send all the same. */
export const expectMs = 1_000

/** D0 */
export function judgeExpect(reply: Reply, sent: SentBody): Judgement {
  const fault = judgeUpload(reply, sent)
  if (fault !== undefined) {
    return wrong(
      `an upload that expects 100-continue fails: ${fault}`,
      'Put a front before the edge that answers `100 Continue` by itself and takes `Expect` away: nginx, HAProxy and Caddy do (docs/operate/edge.md).',
    )
  }
  if (reply.outcome.interim.some(({ status }) => status === 100))
    return ok('`100 Continue` came, and the body arrived whole')
  return wrong(
    `no \`100 Continue\` came within ${expectMs} ms: curl, Java and .NET wait that long before each upload`,
    'Put a front before the edge that answers `100 Continue` by itself (nginx, HAProxy, Caddy); one that takes `Expect` away without an answer does not do.',
  )
}

export interface SentBody {
  readonly bytes: number
  /** SHA-256, base64url. */
  readonly digest: string
}

/** Undefined: it arrived whole. */
function judgeUpload(reply: Reply, { bytes, digest }: SentBody): string | undefined {
  if (reply.kind !== 'echo') return tell(reply)
  const { bodyBytes, bodyDigest } = reply.echo
  if (bodyBytes !== bytes) return `of ${bytes} bytes ${bodyBytes} arrived`
  return bodyDigest === digest ? undefined : 'its bytes were changed'
}

export function judgeBodyLimit(reply: Reply, sent: SentBody): Judgement {
  const fault = judgeUpload(reply, sent)
  const size = `${Math.round(sent.bytes / 1024 / 1024)} MiB`
  if (fault === undefined) return ok(`${size} arrive whole; --body asks for more`)
  return wrong(
    `an upload of ${size} fails: ${fault}`,
    'Allow what clients send: nginx `client_max_body_size`; on Cloudflare the plan has the limit (100 to 500 MB), and larger uploads need another name past it.',
  )
}

/** D1 */
export function judgeEarlyHints(reply: Reply): Judgement {
  if (reply.kind === 'echo') {
    const came = reply.outcome.interim.some(({ status }) => status === 103)
    return ok(
      came ? 'the 103 comes before the answer, which is whole' : 'no 103 is sent to an edge, and the answer is whole',
    )
  }
  if (reply.kind === 'silence') return unseen(reply)
  return wrong(
    `behind a 103 the answer is not whole: ${tell(reply)}`,
    'Update the gateways: none sends 1xx to an edge. Else a service or balancer behind the edge does; take its 103 away.',
  )
}

/** D17 */
export function judgeHalfClose(reply: Reply): Judgement {
  if (reply.kind === 'echo') return ok('a client that has ended its sending side gets its answer')
  if (reply.kind === 'other') return unseen(reply)
  return unknown(
    `a client that ends its sending side behind the request gets no answer: ${reply.because}`,
    'Few clients do so. nginx takes it for one that left: `proxy_ignore_client_abort on` answers it, but then no abort reaches services.',
  )
}

/** D8, of an answer that the gateway compressed. */
export function judgeGzip(reply: Reply): Judgement {
  if (reply.kind !== 'echo') return unseen(reply)
  const { head } = reply.outcome
  const tag = fieldOf(head, 'etag')
  if (fieldOf(head, 'content-encoding') !== 'gzip') {
    return wrong('a compressed answer comes unpacked', 'Let the front pass bodies untouched: nginx `gunzip off`.')
  }
  if (tag === undefined || tag.startsWith('W/')) {
    return wrong(tag === undefined ? 'the strong ETag is gone' : `the strong ETag became weak: ${tag}`, compressionFix)
  }
  return ok('a compressed answer and its strong ETag pass untouched')
}

/** D8, of one that it did not, though the client takes gzip. */
export function judgeRecompression(reply: Reply): Judgement {
  if (reply.kind !== 'echo') return unseen(reply)
  const encoding = fieldOf(reply.outcome.head, 'content-encoding')
  if (encoding === undefined || encoding === 'identity') return ok('nobody compresses answers on their way')
  return wrong(`answers are compressed on their way (${encoding}), which weakens ETags`, compressionFix)
}

const compressionFix =
  'Compress at the gateways alone: nginx `gzip off`; Cloudflare: a compression rule "off" for this name, or `Cache-Control: no-transform`.'

/** Two equal GETs whose answers any cache may keep. */
export function judgeCache(first: Reply, second: Reply): Judgement {
  if (first.kind !== 'echo') return unseen(first)
  if (second.kind !== 'echo') return unseen(second)
  const said = ['age', 'cf-cache-status', 'x-cache', 'x-varnish']
    .flatMap((name) =>
      fieldOf(second.outcome.head, name) === undefined ? [] : [`${name}: ${fieldOf(second.outcome.head, name)}`],
    )
    .join(', ')
  if (first.echo.now === second.echo.now && first.outcome.body.equals(second.outcome.body)) {
    return wrong(
      `a cache before the gateways gave the second of two equal GETs its answer${said === '' ? '' : ` (${said})`}`,
      'Let nothing before the gateways cache this host: a Cloudflare cache rule "bypass", `proxy_cache off`. A cache in front hides a flip.',
    )
  }
  if (!/\bpublic\b/.test(fieldOf(first.outcome.head, 'cache-control') ?? '')) {
    return unknown('the answer did not come as one that a cache may keep', 'Update the gateways.')
  }
  return ok('two equal GETs both reached a gateway')
}

/** When the bytes came: of three events 100 ms apart. */
export function judgeEvents({ head, arrivals, bodyAt, body }: Outcome): Judgement {
  const events = body
    .toString('utf8')
    .split('\n\n')
    .filter((event) => event.includes('data:')).length
  if (head?.status !== 200 || events < 3) {
    return unknown(`of three events ${events} came`, 'See the line of the probe `echo` first.')
  }
  const parts = arrivals.filter(({ bytes }) => bytes > bodyAt)
  const span = (parts.at(-1)?.ms ?? 0) - (parts[0]?.ms ?? 0)
  if (span >= 100) return ok(`three events, sent over 200 ms, came over ${Math.round(span)} ms`)
  return wrong(
    `three events, sent over 200 ms, came at once`,
    'Do not buffer answers: nginx `proxy_buffering off`; HAProxy without `http-buffer-request` and compression.',
  )
}

export function judgeWebSocket({ head, body }: Outcome, reply: Reply): Judgement {
  if (head?.status === 101) {
    if (body.includes('"instance"')) return ok('the upgrade passes, and a message came')
    return wrong('the upgrade passes, and no message came', webSocketFix)
  }
  if (reply.kind === 'silence') return unseen(reply)
  return wrong(`the upgrade is answered ${head?.status ?? 'with nothing'}`, webSocketFix)
}

const webSocketFix =
  'Pass upgrades on: nginx `proxy_http_version 1.1`, `proxy_set_header Upgrade $http_upgrade` and `Connection $connection_upgrade`; Cloudflare: Network > WebSockets on.'

/** So long a gateway was asked to be silent. */
export const slowSeconds = 118
/** What the edge itself waits for an answer of no route, at the least. */
const ownLimitMs = 58_000

export function judgeLongRead(reply: Reply): Judgement {
  const seconds = Math.round(reply.outcome.ms / 1_000)
  if (reply.kind === 'echo') return ok(`an answer that began after ${slowSeconds} s came`)
  if (reply.kind === 'other' && reply.code === 'origin-timeout' && reply.outcome.ms >= ownLimitMs) {
    return ok(`all before the edge waited ${seconds} s, until its own limit for a path without a route`)
  }
  return wrong(
    `a slow answer fails after ${seconds} s: ${tell(reply)}`,
    'Let fronts and balancers wait longer than edge and gateways, whose limits follow the routes: nginx `proxy_read_timeout 130s`, HAProxy `timeout server 130s`.',
  )
}
