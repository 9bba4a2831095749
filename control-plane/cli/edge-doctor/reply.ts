/** Who answered: one of our gateways with what arrived there, somebody else, or nobody. Pure. */
import { gunzipSync } from 'node:zlib'
import { type EchoAnswer, readEchoAnswer } from '#routes/echo.ts'
import type { Outcome } from './connection.ts'
import { type Judgement, unknown } from './finding.ts'
import { fieldOf } from './raw-answer.ts'

export type Reply = Echoed | Other | Silence

export interface Echoed {
  readonly kind: 'echo'
  readonly echo: EchoAnswer
  readonly outcome: Outcome
}

export interface Other {
  readonly kind: 'other'
  readonly status: number
  /** Of a problem document: then one of our programs refused. */
  readonly code: string | undefined
  /** `nginx/1.22.1`, as it says. */
  readonly server: string
  readonly outcome: Outcome
}

export interface Silence {
  readonly kind: 'silence'
  readonly because: string
  readonly outcome: Outcome
}

export function replyOf(outcome: Outcome): Reply {
  const { head, ended, failure, ms } = outcome
  if (head === undefined) {
    const late = `no answer came within ${(ms / 1_000).toFixed(1)} s`
    const because = failure ?? (ended === 'late' ? late : 'the connection was closed without an answer')
    return { kind: 'silence', because, outcome }
  }
  const text = plainText(outcome)
  const echo = head.status === 200 ? readEchoAnswer(text) : undefined
  if (echo !== undefined) return { kind: 'echo', echo, outcome }
  const code = /"code":\s*"([a-z0-9-]{1,64})"/.exec(text.slice(0, 4_096))?.[1]
  return {
    kind: 'other',
    status: head.status,
    code,
    server: fieldOf(head, 'server') ?? 'a server without a name',
    outcome,
  }
}

/** `answered 403 (edge-required)`: what came instead of an echo. */
export function tell(reply: Other | Silence): string {
  if (reply.kind === 'silence') return reply.because
  return reply.code === undefined
    ? `${reply.server} answered ${reply.status}`
    : `answered ${reply.status} (${reply.code})`
}

/** For probes of which nothing can be said without an echo. */
export function unseen(reply: Other | Silence): Judgement {
  return unknown(`no gateway echoed it: ${tell(reply)}`, 'See the line of the probe `echo` first.')
}

function plainText({ head, body }: Outcome): string {
  if (fieldOf(head, 'content-encoding') !== 'gzip') return body.toString('utf8')
  try {
    return gunzipSync(body, { maxOutputLength: 4 * 1024 * 1024 }).toString('utf8')
  } catch {
    // Said to be gzip and is not: then no echo can be read, which is what is told.
    return ''
  }
}
