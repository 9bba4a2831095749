import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { Pool } from 'undici'
import type {
  CacheStore,
  DeleteOptions,
  GetOptions,
  InvalidateOptions,
  ItemTags,
  PutOptions,
  Stamp,
  TouchOptions,
} from '../../../gateway/store/cache-store.ts'

/**
 * What others build: each write goes to the other site in a request of its own, there it holds from when it comes.
 * `drop`: a request that fails is forgotten. `spool-deletes`: a delete of its key is kept and sent when the other site
 * answers again. `retry`: it is sent again, ever more slowly, until it is answered.
 */
export type CarelessStrategy = 'drop' | 'spool-deletes' | 'retry'

export const carelessStrategies: readonly CarelessStrategy[] = ['drop', 'spool-deletes', 'retry']

const path = '/careless'
const deadlineMs = 500
const backOffMs = { first: 50, most: 2_000 }
const spoolEveryMs = 250
const spoolAtOnce = 32

type Sent =
  | {
      readonly kind: 'put'
      readonly namespace: string
      readonly key: string
      readonly value: string
      readonly flags: number
      readonly ttlMs: number
      readonly tags?: ItemTags
    }
  | { readonly kind: 'delete'; readonly namespace: string; readonly key: string }
  | { readonly kind: 'touch'; readonly namespace: string; readonly key: string; readonly ttlMs: number }
  | { readonly kind: 'invalidate'; readonly namespace: string; readonly key: string; readonly target: 'tag' | 'scope' }
  | { readonly kind: 'bump'; readonly namespace: string }

export interface CarelessWriterOptions {
  readonly strategy: CarelessStrategy
  readonly inner: CacheStore
  readonly origin: string
  readonly newStamp: () => Stamp
}

/** A double-write without order, journal and stamps. */
export class CarelessWriter implements CacheStore {
  readonly #options: CarelessWriterOptions
  readonly #pool: Pool
  readonly #underWay = new Set<Promise<void>>()
  readonly #spool: Sent[] = []
  readonly #spooling: NodeJS.Timeout
  #replaying = false
  #closed = false

  constructor(options: CarelessWriterOptions) {
    this.#options = options
    this.#pool = new Pool(options.origin, { connections: 64, pipelining: 1, connect: { timeout: deadlineMs } })
    this.#spooling = setInterval(() => void this.#replay(), spoolEveryMs)
  }

  prepare(namespace: string, tags: ItemTags) {
    return this.#options.inner.prepare(namespace, tags)
  }

  get(namespace: string, key: string, options: GetOptions) {
    return this.#options.inner.get(namespace, key, options)
  }

  async put(namespace: string, key: string, value: Buffer, put: PutOptions) {
    const outcome = await this.#options.inner.put(namespace, key, value, { ...put, stamp: this.#options.newStamp() })
    const { flags = 0, ttlMs, tags } = put
    if (outcome === 'stored') {
      const sent = { kind: 'put', namespace, key, value: value.toString('base64'), flags, ttlMs } as const
      this.#ship(tags === undefined ? sent : { ...sent, tags })
    }
    return outcome
  }

  async delete(namespace: string, key: string, del: DeleteOptions) {
    const outcome = await this.#options.inner.delete(namespace, key, { ...del, stamp: this.#options.newStamp() })
    if (outcome === 'deleted' || outcome === 'not-found') this.#ship({ kind: 'delete', namespace, key })
    return outcome
  }

  async touch(namespace: string, key: string, touch: TouchOptions) {
    const outcome = await this.#options.inner.touch(namespace, key, touch)
    if (outcome.kind === 'touched') this.#ship({ kind: 'touch', namespace, key, ttlMs: touch.ttlMs })
    return outcome
  }

  async invalidate(namespace: string, target: 'tag' | 'scope', key: string, _options: InvalidateOptions) {
    const outcome = await this.#options.inner.invalidate(namespace, target, key, { stamp: this.#options.newStamp() })
    if (outcome === 'applied') this.#ship({ kind: 'invalidate', namespace, target, key })
    return outcome
  }

  async bump(namespace: string, _options: InvalidateOptions) {
    const outcome = await this.#options.inner.bump(namespace, { stamp: this.#options.newStamp() })
    if (outcome === 'applied') this.#ship({ kind: 'bump', namespace })
    return outcome
  }

  health() {
    return this.#options.inner.health()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#spooling)
    await this.#pool.destroy()
    await Promise.all(this.#underWay)
    await this.#options.inner.close()
  }

  /** Requests that are not answered, and what is kept for later. */
  get waiting(): number {
    return this.#underWay.size + this.#spool.length
  }

  /** Whether all that was written before has gone its way. */
  async settled(ms: number): Promise<boolean> {
    const before = [...this.#underWay]
    const done = Promise.all(before).then(() => this.#spool.length === 0)
    return await Promise.race([done, pause(ms, false, { ref: false })])
  }

  #ship(sent: Sent): void {
    const work = this.#try(sent).finally(() => this.#underWay.delete(work))
    this.#underWay.add(work)
  }

  async #try(sent: Sent): Promise<void> {
    const { strategy } = this.#options
    if (await this.#send(sent)) return
    if (strategy === 'spool-deletes') this.#spool.push(asInvalidation(sent))
    if (strategy !== 'retry') return
    for (let waitMs = backOffMs.first; !this.#closed; waitMs = Math.min(backOffMs.most, waitMs * 2)) {
      await pause(waitMs, undefined, { ref: false })
      if (await this.#send(sent)) return
    }
  }

  async #replay(): Promise<void> {
    if (this.#replaying) return
    this.#replaying = true
    for (let whole = true; whole && this.#spool.length > 0; ) {
      const some = this.#spool.splice(0, spoolAtOnce)
      const sent = await Promise.all(some.map((one) => this.#send(one)))
      const left = some.filter((_, at) => !sent[at])
      this.#spool.unshift(...left)
      whole = left.length === 0
    }
    this.#replaying = false
  }

  async #send(sent: Sent): Promise<boolean> {
    try {
      const answer = await this.#pool.request({
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(sent),
        signal: AbortSignal.timeout(deadlineMs),
      })
      await answer.body.dump()
      return answer.statusCode === 200
    } catch {
      // No answer: what is made of it is the strategy.
      return false
    }
  }
}

function asInvalidation(sent: Sent): Sent {
  if (sent.kind === 'bump' || sent.kind === 'invalidate') return sent
  return { kind: 'delete', namespace: sent.namespace, key: sent.key }
}

/** Fastify plugin: does what it is told, when it is told. */
export async function carelessRoutes(
  app: FastifyInstance,
  { inner, newStamp }: Pick<CarelessWriterOptions, 'inner' | 'newStamp'>,
): Promise<void> {
  app.post<{ Body: Sent }>(path, async ({ body: sent }, reply) => {
    const outcome = await apply(inner, sent, newStamp())
    return reply.code(outcome === 'failed' ? 503 : 200).send()
  })
}

async function apply(inner: CacheStore, sent: Sent, stamp: Stamp): Promise<string> {
  const { namespace } = sent
  if (sent.kind === 'bump') return inner.bump(namespace, { stamp })
  if (sent.kind === 'delete') return inner.delete(namespace, sent.key, { stamp })
  if (sent.kind === 'invalidate') return inner.invalidate(namespace, sent.target, sent.key, { stamp })
  if (sent.kind === 'touch') return (await inner.touch(namespace, sent.key, { ttlMs: sent.ttlMs })).kind
  const { key, value, flags, ttlMs, tags } = sent
  const put = { stamp, flags, ttlMs, ...(tags === undefined ? {} : { tags }) }
  return inner.put(namespace, key, Buffer.from(value, 'base64'), put)
}
