/** The cache API on a listener, over a store that a test chooses, and a client that leaves targets as they are. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { Background } from '#server-kit/background.ts'
import { type Clock, HeldClock, systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { installProblemReplies } from '#server-kit/problem-reply.ts'
import { systemRandom } from '#server-kit/random.ts'
import {
  type CacheRoutesOptions,
  cacheRoutes,
  operationNames,
  operationResults,
} from '../../../gateway/cache-api/http.ts'
import { invalidation, purgeBuckets, purgeModes } from '../../../gateway/cache-api/invalidate.ts'
import { ItemCommands } from '../../../gateway/cache-api/item-commands.ts'
import type { CacheClient } from '../../../gateway/cache-api/namespace-access.ts'
import { Quotas } from '../../../gateway/cache-api/quotas.ts'
import { MemoryJournal } from '../../../gateway/journal/memory-journal.ts'
import type { CacheStore, ZoneStore } from '../../../gateway/store/cache-store.ts'
import { DoubleWriter } from '../../../gateway/store/double-writer.ts'
import { MemcachedStore } from '../../../gateway/store/memcached-store.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { ZonedStore } from '../../../gateway/store/zoned-store.ts'
import { eventually } from '../../support/eventually.ts'
import { startMemcached, type TestServer } from '../../support/servers.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** Of a problem. */
  readonly code: string | undefined
}

export interface Sent {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

export type Send = (method: string, path: string, sent?: Sent) => Promise<Answer>

export interface CacheApi<Store extends CacheStore> extends AsyncDisposable {
  readonly send: Send
  readonly store: Store
  readonly items: ItemCommands
  readonly stamps: StampClock
  readonly port: number
  readonly metrics: () => Promise<string>
}

const everything = ['read', 'write', 'delete'] as const

/** By their `authorization`; without one it is the monolith. */
export const clients: Readonly<Record<string, CacheClient>> = {
  monolith: { client: 'monolith', namespaces: ['shop', 'session-*'], verbs: everything },
  reader: { client: 'reader', namespaces: ['*'], verbs: ['read'] },
  greedy: { client: 'greedy', namespaces: ['*'], verbs: everything },
  slow: { client: 'slow', namespaces: ['*'], verbs: everything, quota: { operations: 2, burst: 1 } },
}

export interface Site<Store extends CacheStore> {
  /** Outermost. */
  readonly store: Store
  readonly zones: CacheStore
  readonly stamps: StampClock
}

export async function serveCacheApi<Store extends CacheStore>(
  { store, zones, stamps }: Site<Store>,
  clock: Clock,
  more: Pick<CacheRoutesOptions, 'stalledMs'> = {},
): Promise<CacheApi<Store>> {
  const metrics = createMetrics()
  const items = new ItemCommands({ store, zones, stamps, clock, deadlineMs: 500 })
  const app = Fastify()
  installProblemReplies(app, { audience: 'operator', log: silentLog })
  await app.register(cacheRoutes, {
    store,
    zones,
    items,
    stamps,
    clock,
    readDeadlineMs: 500,
    ...more,
    quotas: new Quotas(clock),
    operations: metrics.counter('tidegate_test_operations_total', 'Operations.', {
      op: operationNames,
      result: operationResults,
    }),
    authenticate: ({ headers }) => clients[headers['authorization'] as string],
    invalidate: invalidation({
      site: 'onprem',
      store,
      items,
      stamps,
      clock,
      log: silentLog,
      table: () => undefined,
      settled: async () => ({}),
      admit: async () => 'a test',
      seconds: metrics.histogram('tidegate_test_seconds', 'Seconds.', { mode: purgeModes }, purgeBuckets),
    }),
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return {
    send: sender(port),
    store,
    items,
    stamps,
    port,
    metrics: () => metrics.text(),
    [Symbol.asyncDispose]: async () => {
      await app.close()
      await store.close()
    },
  }
}

/** Over memory, with a clock that stands still; some of the store's answers may be other ones. */
export async function serveFromMemory(
  over: Partial<CacheStore> = {},
): Promise<CacheApi<CacheStore> & { clock: HeldClock }> {
  const clock = new HeldClock()
  const memory = new MemoryStore({ zone: 'zone-a', clock })
  const store: CacheStore = {
    prepare: (...args) => memory.prepare(...args),
    get: (...args) => (over.get ?? memory.get.bind(memory))(...args),
    put: (...args) => memory.put(...args),
    delete: (...args) => memory.delete(...args),
    touch: (...args) => memory.touch(...args),
    invalidate: (...args) => memory.invalidate(...args),
    bump: (...args) => memory.bump(...args),
    health: () => memory.health(),
    close: () => memory.close(),
    ...over,
  }
  return Object.assign(await serveCacheApi({ store, zones: store, stamps: new StampClock(clock, 1) }, clock), { clock })
}

export interface Zones extends AsyncDisposable {
  readonly servers: readonly TestServer[]
  /** The zones as a process with this writer id sees them. */
  site(writer: number): Promise<Site<DoubleWriter>>
}

/** Two memcached processes: the zones of a site. */
export async function startZones(): Promise<Zones> {
  const servers = await Promise.all([startMemcached(), startMemcached()])
  const background = new Background(silentLog)
  const parts = { clock: systemClock, random: systemRandom, log: silentLog }
  return {
    servers,
    site: async (writer) => {
      const stamps = new StampClock(systemClock, writer)
      const newStamp = () => stamps.next()
      const zones: ZoneStore[] = servers.map(
        ({ port }, at) =>
          new MemcachedStore({
            ...parts,
            zone: `zone-${at}`,
            ring: 'ketama',
            nodes: [{ host: '127.0.0.1', port }],
            newStamp,
            // A busy test machine may pause a healthy process for longer than production would wait.
            writeDeadlineMs: 2_000,
          }),
      )
      const zoned = new ZonedStore({ ...parts, zones, writeAck: 'all', background, newStamp, readDeadlineMs: 500 })
      await eventually(() => zoned.health().every(({ state }) => state === 'up'), { what: 'both zones up' })
      const journal = new MemoryJournal(parts)
      const store = new DoubleWriter({ inner: zoned, journal, shippers: [], stamps, clock: systemClock })
      return { store, zones: zoned, stamps }
    },
    [Symbol.asyncDispose]: async () => {
      for (const server of servers) await server[Symbol.asyncDispose]()
    },
  }
}

/** Not fetch: it would rewrite the targets that are the point here. */
export function sender(port: number): Send {
  return (method, path, { headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const sent = httpRequest({
        host: '127.0.0.1',
        port,
        method,
        path,
        headers: { authorization: 'monolith', ...headers },
      })
      sent.on('error', reject)
      sent.on('response', (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () => {
          const bytes = Buffer.concat(chunks)
          const isProblem = answer.headers['content-type']?.startsWith('application/problem+json') && bytes.length > 0
          const code = isProblem ? (JSON.parse(bytes.toString()) as { code: string }).code : undefined
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: bytes, code })
        })
      })
      // As bytes: Node writes a text together with the head, and then all of it as UTF-8.
      sent.end(body === undefined ? undefined : Buffer.from(body))
    })
}

export const json = ({ body }: Answer): Record<string, unknown> => JSON.parse(body.toString())
export const lines = ({ body }: Answer): Record<string, unknown>[] =>
  body
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
