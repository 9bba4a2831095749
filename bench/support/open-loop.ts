import { setTimeout as wait } from 'node:timers/promises'
import { type Dispatcher, Pool } from 'undici'

/** One request, before it is sent. A loader may note more in it: the outcome brings it back. */
export interface Shot {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Outcome<Sent extends Shot = Shot> {
  readonly shot: Sent
  /** Ms since 1970, with fractions, at which it was due and left, and at which it was answered whole. */
  readonly sentAt: number
  readonly answeredAt: number
  /** 0 = no answer came. */
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  readonly error?: string
  /** Its connection ended before anything of an answer came. */
  readonly broken?: true
  /** It was sent a second time, since its connection broke: what is told is the second answer. */
  readonly again?: true
}

export interface LoadOptions<Sent extends Shot> {
  readonly url: string
  readonly perSecond: number
  /** At most; enough that none waits for another at the planned rate. Default 512. */
  readonly connections?: number
  /** How long the client keeps a connection that it does not use, ms. Default as the server says. */
  readonly idleMs?: number
  /** Sends a GET once more whose connection broke unanswered, as HTTP clients do (RFC 9110 section 9.2.2). Default false. */
  readonly again?: boolean
  readonly next: () => Sent
  readonly seen: (outcome: Outcome<Sent>) => void
}

/** A request that has no whole answer by then has failed. */
const timeoutMs = 10_000
const tickMs = 2

/**
 * Open-loop load: requests leave at their planned times whether or not earlier ones were answered, as clients of the
 * world do. A closed loop would slow down with the system and hide what its users see.
 */
export class OpenLoop<Sent extends Shot> {
  readonly #options: LoadOptions<Sent>
  readonly #pool: Pool
  readonly #underWay = new Set<Promise<void>>()
  #running = false
  #paused = false
  #loop: Promise<void> = Promise.resolve()
  sent = 0

  constructor(options: LoadOptions<Sent>) {
    this.#options = options
    const { idleMs } = options
    this.#pool = new Pool(options.url, {
      connections: options.connections ?? 512,
      pipelining: 1,
      ...(idleMs === undefined ? {} : { keepAliveTimeout: idleMs, keepAliveMaxTimeout: idleMs }),
    })
  }

  start(): this {
    this.#running = true
    this.#loop = this.#run()
    return this
  }

  /** Resolves when nothing is under way. What comes due until `resume` leaves then, all at once. */
  async pause(): Promise<void> {
    this.#paused = true
    await Promise.all(this.#underWay)
  }

  resume(): void {
    this.#paused = false
  }

  /** Sends no more and waits for what is under way. */
  async stop(): Promise<void> {
    this.#running = false
    await this.#loop
    await Promise.all(this.#underWay)
    await this.#pool.close()
  }

  async #run(): Promise<void> {
    const begun = performance.now()
    let planned = 0
    while (this.#running) {
      const due = Math.floor(((performance.now() - begun) / 1_000) * this.#options.perSecond)
      for (; planned < due && !this.#paused; planned++) this.#fire()
      await wait(tickMs)
    }
  }

  #fire(): void {
    this.sent++
    const work = this.#send(this.#options.next()).then((outcome) => {
      this.#underWay.delete(work)
      this.#options.seen(outcome)
    })
    this.#underWay.add(work)
  }

  async #send(shot: Sent): Promise<Outcome<Sent>> {
    const outcome = await send(this.#pool, shot)
    if (outcome.broken !== true || this.#options.again !== true || shot.method !== 'GET') return outcome
    return { ...(await send(this.#pool, shot)), sentAt: outcome.sentAt, again: true }
  }
}

/** The codes of undici and of the system for a connection that is gone. */
const brokenCodes: readonly unknown[] = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']

/** One request and all of its answer; never rejects. */
export async function send<Sent extends Shot>(pool: Dispatcher, shot: Sent): Promise<Outcome<Sent>> {
  const sentAt = nowMs()
  try {
    const { statusCode, headers, body } = await pool.request({
      method: shot.method as Dispatcher.HttpMethod,
      path: shot.path,
      headers: shot.headers,
      ...(shot.body === undefined ? {} : { body: shot.body }),
      signal: AbortSignal.timeout(timeoutMs),
    })
    const text = await body.text()
    return { shot, sentAt, answeredAt: nowMs(), status: statusCode, headers, body: text }
  } catch (cause) {
    // No answer is an outcome, and the worst one: it is counted as a failed request.
    const broken = brokenCodes.includes(Object(cause).code) && { broken: true as const }
    return { shot, sentAt, answeredAt: nowMs(), status: 0, headers: {}, body: '', error: String(cause), ...broken }
  }
}

/** Ms since 1970 with fractions, on a clock that never steps back within a process. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now()
}
