import { gzipSync } from 'node:zlib'
import { type EchoQuestion, readEchoValue } from '#routes/echo.ts'
import { headers as names } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import { readSigned } from '#routes/signed-value.ts'
import type { Log } from '#server-kit/log.ts'
import type { Counter } from '#server-kit/metrics.ts'
import type { Answer } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { EchoEvents } from './echo-events.ts'
import { echoSocket } from './echo-socket.ts'
import { type EchoFacts, echoed, readBody } from './echoed.ts'

export interface EchoOptions extends EchoFacts {
  /** Verifies doctor's question; undefined = nobody may ask. */
  readonly ring: KeyRing | undefined
  readonly log: Log
  readonly echoes: Counter<'outcome'>
}

export const echoOutcomes = ['answered', 'not-ours', 'too-many'] as const

/** Echoes that are being read or waited for, a process: a question may be asked again for as long as it is signed. */
const atOnce = 50

/**
 * Answers doctor's signed question by itself, for any method and any target that got so far. What is not signed, or not any more,
 * is ordinary traffic.
 */
export function echo(options: EchoOptions): Phase {
  const { ring, log, echoes, clock } = options
  let underWay = 0

  const answer = async (x: Exchange, by: KeyRing): Promise<Answer | undefined> => {
    const value = await readSigned('echo', x.header(names.echo) ?? '', by, clock.now())
    const question = value === undefined ? undefined : readEchoValue(value)
    if (question === undefined) {
      echoes.inc({ outcome: 'not-ours' })
      return undefined
    }
    if (underWay >= atOnce) {
      echoes.inc({ outcome: 'too-many' })
      throw problems['overloaded']({ what: 'the echoes of this gateway', retryAfterS: 1 })
    }
    underWay++
    try {
      const given = await answerTo(x, question, options)
      echoes.inc({ outcome: 'answered' })
      log.info({ requestId: x.requestId, behaviour: question.behaviour, address: x.client }, 'an echo was answered')
      return given
    } finally {
      underWay--
    }
  }

  return {
    name: 'echo',
    before(x: Exchange): undefined | Promise<Answer | undefined> {
      return ring !== undefined && x.names.includes(names.echo) ? answer(x, ring) : undefined
    },
  }
}

async function answerTo(x: Exchange, question: EchoQuestion, facts: EchoFacts): Promise<Answer> {
  const { behaviour, nonce, waitS } = question
  // No Link: there is nothing that anybody should fetch.
  if (behaviour === 'early' && x.isDirect) x.inform?.(103, ['x-echo', nonce])
  const body = await readBody(x)
  if (waitS > 0) await pause(x, waitS * 1_000)
  const text = (): string => JSON.stringify(echoed(x, nonce, body, facts))
  if (x.upgrade !== undefined) return echoSocket(x.header('sec-websocket-key') ?? '', text())
  const headers = ['x-content-type-options', 'nosniff']
  // Whoever asks without the question must not be given it from a cache in between.
  if (behaviour === 'cache') headers.push('cache-control', 'public, max-age=60', 'vary', names.echo)
  else headers.push('cache-control', 'no-store')
  if (behaviour === 'sse') {
    headers.push('content-type', 'text/event-stream')
    const events = x.method === 'HEAD' ? undefined : new EchoEvents(text)
    return { status: 200, reason: '', headers, body: events, events: true }
  }
  const plain = Buffer.from(text())
  const sent = behaviour === 'gzip' ? gzipSync(plain) : plain
  if (behaviour === 'gzip') headers.push('content-encoding', 'gzip', 'etag', `"${nonce}"`)
  headers.push('content-type', 'application/json', 'content-length', String(sent.length))
  return { status: 200, reason: '', headers, body: x.method === 'HEAD' ? undefined : sent }
}

/** Throws `client-gone` as soon as nobody waits for the answer. */
async function pause(x: Exchange, ms: number): Promise<void> {
  if (x.gone) throw problems['client-gone']()
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    x.whenGone = () => {
      clearTimeout(timer)
      resolve()
    }
  })
  x.whenGone = undefined
  if (x.gone) throw problems['client-gone']()
}
