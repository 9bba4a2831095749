import type { Mark } from '#routes/hop.ts'
import { writeMark } from '#routes/hop.ts'
import { cookies, headers } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Answer } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { call, type Line } from '../upstream/call.ts'
import { openPool } from '../upstream/peer-pool.ts'
import { type HeadOptions, requestHead } from '../upstream/request-head.ts'
import type { Crossing } from './fence.ts'

export interface InterconnectOptions extends HeadOptions {
  readonly site: Site
  /** Public listener of each other site's gateway. */
  readonly peers: Readonly<Record<Site, { readonly public: string }>>
  readonly ring: KeyRing | undefined
  readonly clock: Clock
  /** Requests on their way to one site at once. */
  readonly inFlight: number
  readonly connections: number
}

/** A peer's listener keeps idle connections 910 s; ours go long before. */
const idleMs = 60_000
const connectMs = 1_000
/** The executing gateway has the route's own limits and 2 s of holding; ours only end what it cannot. */
const allowanceMs = 3_000

/** Carries a request to the gateway of another site, with our signed word for where it was decided to go. */
export class Interconnect implements Crossing {
  readonly #options: InterconnectOptions
  readonly #lines = new Map<Site, Line & { close(): Promise<void> }>()

  constructor(options: InterconnectOptions) {
    this.#options = options
    for (const [site, peer] of Object.entries(options.peers)) {
      const pool = openPool(new URL(peer.public).origin, { connections: options.connections, idleMs, connectMs })
      this.#lines.set(site, { pool, inFlight: 0, close: () => pool.destroy() })
    }
  }

  async send(x: Exchange, to: Site): Promise<Answer> {
    const { ring, inFlight } = this.#options
    const line = this.#lines.get(to)
    const policy = x.decision?.route?.policy
    if (line === undefined || ring === undefined || policy === undefined)
      throw problems['peer-unknown']({ site: to, retryAfterS: 5 })
    if (line.inFlight >= inFlight) throw problems['overloaded']({ what: 'the interconnect', retryAfterS: 1 })
    const head = requestHead(x, this.#options)
    // Taken out of the client's own field here: the peer decides by it, too.
    if (x.stickyCookie !== undefined) head.push('cookie', `${cookies.sticky}=${x.stickyCookie}`)
    head.push(headers.hop, await writeMark('hop', this.#mark(x), x, ring), headers.attempt, String(x.attempt))
    const now = this.#options.clock.monotonic()
    const totalMs = policy.stream ? Number.POSITIVE_INFINITY : policy.timeout.totalMs - (now - x.startedMs)
    const leftMs = Math.min(totalMs, x.deadlineMs - now)
    if (Number.isFinite(leftMs)) head.push(headers.deadline, String(Math.max(1, Math.floor(leftMs))))
    const outcome = await call(line, x, {
      path: x.target,
      headers: head,
      body: x.body.forward(policy.maxBodyBytes, policy.timeout.idleMs),
      firstByteMs: policy.timeout.firstByteMs + allowanceMs,
      totalMs: totalMs + allowanceMs,
    })
    if (!outcome.ok) throw outcome.failure.problem
    return outcome.answer
  }

  get inFlight(): number {
    return [...this.#lines.values()].reduce((sum, line) => sum + line.inFlight, 0)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => line.close()))
  }

  #mark(x: Exchange): Mark {
    const { decision, table, mark } = x
    const { country } = mark ?? {}
    return {
      at: this.#options.clock.now(),
      requestId: x.requestId,
      structure: table?.structure.number ?? 0,
      placements: table?.placements.number ?? 0,
      because: decision?.because ?? '',
      from: this.#options.site,
      flags: mark?.flags ?? [],
      ...(x.address === undefined ? {} : { address: x.address }),
      ...(country === undefined ? {} : { country }),
      ...(decision?.route === undefined
        ? {}
        : { route: decision.route.id, unit: decision.route.unit, epoch: decision.epoch }),
      ...(decision?.bucket === undefined ? {} : { bucket: decision.bucket }),
    }
  }
}
