import type { CachePolicy } from '#routes/policy.ts'
import type { Problem } from '#routes/problem.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { PlacementSet, Table } from '#routes/table.ts'
import { Background } from '#server-kit/background.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { seededRandom } from '#server-kit/random.ts'
import { type Answer, type BodySink, type BodyStream, isStream } from '../../../gateway/answer.ts'
import { OwnChannel } from '../../../gateway/cache/event-channel.ts'
import { openResponseCache } from '../../../gateway/cache/open-response-cache.ts'
import type { Exchange } from '../../../gateway/exchange.ts'
import type { HeaderPairs } from '../../../gateway/header-pairs.ts'
import { MemoryJournal } from '../../../gateway/journal/memory-journal.ts'
import type { Ending, Phase } from '../../../gateway/phase.ts'
import { Pipeline } from '../../../gateway/pipeline.ts'
import { SharedParts } from '../../../gateway/reload/shared-parts.ts'
import type { CacheStore } from '../../../gateway/store/cache-store.ts'
import { DoubleWriter } from '../../../gateway/store/double-writer.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { eventually } from '../../support/eventually.ts'
import { placementSet, structure, tableOf } from '../../support/tables.ts'
import { type Asked as AskedLine, asked, cachedRoute } from './asked.ts'

/** The response cache in a pipeline of its own, in front of a service that a test writes. Time moves when the test says so. */

export interface Given {
  readonly status?: number
  readonly headers?: HeaderPairs
  readonly body?: string | Buffer | BodyStream
  readonly connection?: string
}

export interface Seen {
  readonly status: number
  readonly headers: HeaderPairs
  readonly text: string
  /** The body broke off. */
  readonly broken: boolean
  readonly cache: string | undefined
  readonly x: Exchange
  field(name: string): string | undefined
}

export interface Line extends Omit<AskedLine, 'target'> {
  readonly scopes?: readonly string[]
  readonly claims?: Readonly<Record<string, string>>
}

export interface CachedServiceOptions {
  readonly cache?: Partial<CachePolicy>
  readonly routes?: readonly RouteFacts[]
  readonly placements?: PlacementSet
  readonly memory?: boolean
  /** Headers with API keys that go to the service. */
  readonly keyHeaders?: readonly string[]
  /** Laid over the zone. */
  readonly zone?: (zone: CacheStore) => CacheStore
}

export type Script = (x: Exchange, count: number) => Given | Problem | Promise<Given | Problem>

export async function openCachedService(options: CachedServiceOptions = {}) {
  const { cache = {}, routes = [cachedRoute('/v1/**', cache)], placements = placementSet([]) } = options
  const clock = new HeldClock()
  const stamps = new StampClock(clock, 1)
  const zone = new MemoryStore({ zone: 'near', clock })
  const inner = options.zone?.(zone) ?? zone
  const journal = new MemoryJournal({ clock, random: seededRandom(1, clock) })
  const outer = new DoubleWriter({ inner, journal, shippers: [], stamps, clock })
  const metrics = createMetrics()
  const background = new Background(silentLog)
  const holder: { current: Table } = { current: await tableOf(structure(routes), placements) }
  const seenByService: Exchange[] = []
  const endings: Ending[] = []
  const told: number[] = []
  const bed = {
    clock,
    zone,
    holder,
    /** What the service was asked, in order. */
    asked: seenByService,
    /** How those exchanges ended for the phases behind the cache. */
    endings,
    /** Statuses of answers that refreshes got. */
    told,
    respond: (() => ({ body: 'hello' })) as Script,
    ask,
    send,
    settled: () => background.settle(2_000),
    metrics: () => metrics.text(),
    count: async (name: string) => {
      const escaped = name.replace(/[^\w ]/g, (one) => `\\${one}`)
      return Number(new RegExp(`^${escaped} (\\d+)`, 'm').exec(await metrics.text())?.[1] ?? 0)
    },
    eventually,
  }
  const service: Phase = {
    name: 'service',
    before: async (x) => {
      seenByService.push(x)
      const given = await bed.respond(x, seenByService.length)
      if (given instanceof Error) throw given
      return answerOf(x, given)
    },
    closed: (_, __, ending) => void endings.push(ending),
  }
  const { phase } = openResponseCache({
    site: 'onprem',
    yaml: {
      readDeadline: '50ms',
      responses: true,
      targeted: ['x-tidegate-cache-control', 'cdn-cache-control'],
      memory: { on: options.memory === true, limit: '16MiB', alone: true },
    },
    cache: { inner, outer, stamps, channel: new OwnChannel({ alone: true }) },
    keyHeaders: options.keyHeaders ?? [],
    head: { pseudonym: undefined, believes: () => false },
    holder,
    lease: new SharedParts().lease(),
    told: (_, answer) => void told.push(answer.status),
    clock,
    background,
    log: silentLog,
    metrics,
  })
  const pipeline = new Pipeline([phase, service], silentLog)
  return bed

  /** The exchange, and its answer as the front gets it. */
  function send(target: string, { scopes = [], claims = {}, ...line }: Line = {}) {
    const x = asked(holder.current, { target, ...line })
    if (x.caller !== undefined) x.caller = { ...x.caller, scopes, claims }
    const answer = pipeline.answer(x)
    return { x, answer, seen: answer.then((one) => read(x, one)) }
  }

  /** A request, read to its end, and all that is stored of it. */
  async function ask(target: string, line: Line = {}): Promise<Seen> {
    const seen = await send(target, line).seen
    await background.settle(2_000)
    return seen
  }
}

/** A store of which some parts do otherwise. */
export const failing = (zone: CacheStore, fault: Partial<CacheStore>): CacheStore =>
  new Proxy(zone, {
    get: (target, name) => {
      const own = fault[name as keyof CacheStore] ?? target[name as keyof CacheStore]
      return typeof own === 'function' ? own.bind(target) : own
    },
  })

export type CachedService = Awaited<ReturnType<typeof openCachedService>>

function answerOf(x: Exchange, { status = 200, headers = [], body, connection }: Given): Answer {
  const own = [...headers]
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const none = x.method === 'HEAD' || status === 204 || status === 304
  const told = own.some((name, at) => at % 2 === 0 && /^(?:content-length|transfer-encoding)$/i.test(name))
  if (Buffer.isBuffer(bytes) && !told && status !== 204) own.push('Content-Length', String(bytes.length))
  const stream = none || bytes === undefined ? undefined : Buffer.isBuffer(bytes) ? new WholeBody(bytes) : bytes
  const answer = { status, reason: '', headers: own, body: stream }
  return connection === undefined ? answer : { ...answer, connection }
}

/** As the upstream client gives a small answer: a stream that ends with its bytes. */
class WholeBody implements BodyStream {
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  flow(sink: BodySink): void {
    sink.end(this.#bytes)
  }

  resume(): void {}

  cancel(): void {}
}

async function read(x: Exchange, { status, headers, body }: Answer): Promise<Seen> {
  const chunks: Buffer[] = []
  let broken = false
  if (isStream(body)) {
    await new Promise<void>((resolve) => {
      body.flow({
        write: (chunk) => {
          chunks.push(chunk)
          return true
        },
        end: (last) => {
          if (last !== undefined) chunks.push(last)
          resolve()
        },
        fail: () => {
          broken = true
          resolve()
        },
      })
    })
  } else if (body !== undefined) chunks.push(body)
  const field = (name: string) => {
    const at = headers.findIndex((one, index) => index % 2 === 0 && one.toLowerCase() === name)
    return at < 0 ? undefined : headers[at + 1]
  }
  const text = Buffer.concat(chunks).toString('latin1')
  return { status, headers, text, broken, cache: field('cache-status'), x, field }
}
