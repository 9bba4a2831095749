import { write } from 'node:fs'
import type { Clock } from '#server-kit/clock.ts'
import type { Counter } from '#server-kit/metrics.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Ending, Phase } from '../phase.ts'

/** Lines that wait for a slow disk; beyond it they are dropped and counted, and no request waits. */
const waitingLimit = 1024 * 1024
const flushEveryMs = 100
const targetLimit = 1_024
/** Of what else a client writes freely: a line must not cost more than its request. */
const wordLimit = 256

export interface AccessLogOptions {
  readonly site: string
  readonly clock: Clock
  readonly dropped: Counter
  /** File descriptor; default standard output. */
  readonly fd?: number
}

/** One JSON line a request, written in batches. Queries are left out: they hold what their senders call secrets. */
export class AccessLog implements Phase {
  readonly name = 'access-log'
  readonly #options: AccessLogOptions
  readonly #fd: number
  #waiting = ''
  #writing = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: AccessLogOptions) {
    this.#options = options
    this.#fd = options.fd ?? 1
  }

  closed(x: Exchange, answer: Answer, ending: Ending): void {
    if (this.#waiting.length > waitingLimit) {
      this.#options.dropped.inc()
      return
    }
    this.#waiting += `${this.#line(x, answer, ending)}\n`
    this.#timer ??= setTimeout(() => this.#flush(), flushEveryMs)
  }

  /** Resolves when everything that waited is written. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#waiting !== '' || this.#writing) {
      this.#flush()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #flush(): void {
    this.#timer = undefined
    if (this.#writing || this.#waiting === '') return
    const bytes = Buffer.from(this.#waiting)
    this.#waiting = ''
    this.#writing = true
    this.#write(bytes, 0)
  }

  #write(bytes: Buffer, from: number): void {
    write(this.#fd, bytes, from, bytes.length - from, null, (fault, written) => {
      // A pipe that is full says EAGAIN: the rest is tried again. Any other fault loses these lines, which is counted.
      if (fault?.code === 'EAGAIN') return void setTimeout(() => this.#write(bytes, from), 10)
      if (fault !== null) this.#options.dropped.inc()
      else if (from + written < bytes.length) return this.#write(bytes, from + written)
      this.#writing = false
      if (this.#waiting !== '') this.#timer ??= setTimeout(() => this.#flush(), flushEveryMs)
    })
  }

  #line(x: Exchange, answer: Answer, ending: Ending): string {
    const { decision, table } = x
    const now = this.#options.clock.monotonic()
    const key = decision?.target.key ?? x.target.split('?', 1)[0] ?? ''
    const facts = {
      text: 'request',
      time: new Date(this.#options.clock.now()).toISOString(),
      requestId: x.requestId,
      trace: x.trace === '' ? x.header('traceparent')?.slice(0, wordLimit) : x.trace,
      site: this.#options.site,
      structure: table?.structure.number,
      placements: table?.placements.number,
      unit: decision?.route?.unit,
      route: decision?.route?.id,
      epoch: decision?.epoch,
      bucket: decision?.bucket,
      because: decision?.because,
      method: x.method,
      host: x.host.slice(0, wordLimit),
      path: key.slice(0, targetLimit),
      status: answer.status,
      reason: answer.problem?.code ?? (ending === 'done' ? undefined : ending),
      bytesIn: x.body.bytes,
      bytesOut: x.bytesOut,
      ms: rounded(now - x.startedMs),
      firstByteMs: x.firstByteMs === 0 ? undefined : rounded(x.firstByteMs - x.startedMs),
      attempt: x.attempt,
      endpoint: x.endpoint,
      cache: x.cacheStatus,
      consumer: x.caller?.consumer,
      address: x.client,
      edge: x.markKind === 'edge' ? x.mark?.from : undefined,
      hop: x.markKind === 'hop' ? x.mark?.from : undefined,
      flags: flagsOf(x),
      markFault: x.markFault,
      forwardedTo: x.forwardedTo,
    }
    return JSON.stringify(facts)
  }
}

/** What else than its placement brought the request here: `failover`, `force`, `shadow`. Mostly nothing. */
function flagsOf({ mark }: Exchange): string | undefined {
  return mark === undefined || mark.flags.length === 0 ? undefined : mark.flags.join()
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
