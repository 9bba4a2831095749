/** Two sites in one process for tests of replication: stores, journals and what stands between them, without a gateway. */
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { Background } from '#server-kit/background.ts'
import { type Clock, systemClock } from '#server-kit/clock.ts'
import { type Log, silentLog } from '#server-kit/log.ts'
import { installProblemReplies } from '#server-kit/problem-reply.ts'
import { systemRandom } from '#server-kit/random.ts'
import { AppliedMark } from '../../../gateway/journal/applied-mark.ts'
import type { Journal } from '../../../gateway/journal/journal.ts'
import { MemoryJournal } from '../../../gateway/journal/memory-journal.ts'
import type { BandwidthCap } from '../../../gateway/replication/bandwidth-cap.ts'
import { type Batch, decodeBatch, encodeBatch } from '../../../gateway/replication/batch.ts'
import { MemoryLedger } from '../../../gateway/replication/memory-ledger.ts'
import { type ReplicationOptions, receiveBatch, replicationRoutes } from '../../../gateway/replication/receive.ts'
import type { ReplicationLedger } from '../../../gateway/replication/replication-ledger.ts'
import type { OutgoingBatch, ReplicationPeer, Sent } from '../../../gateway/replication/replication-peer.ts'
import { Shipper } from '../../../gateway/replication/shipper.ts'
import { Silence } from '../../../gateway/replication/silence.ts'
import { type CacheOperation, isInvalidation } from '../../../gateway/store/cache-operation.ts'
import type { CacheStore } from '../../../gateway/store/cache-store.ts'
import { DoubleWriter } from '../../../gateway/store/double-writer.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { encodeRecord } from '../../../gateway/store/operation-record.ts'
import { LoneZoneState } from '../../../gateway/store/shared-zone-state-lone.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'

export interface SideOptions {
  readonly store?: CacheStore
  readonly journal?: Journal
  readonly ledger?: ReplicationLedger
  readonly clock?: Clock
  readonly writer?: number
  readonly log?: Log
}

/** What receives at a site. */
export function receivingSide(options: SideOptions = {}) {
  const { clock = systemClock, writer = 2, log = silentLog } = options
  const store = options.store ?? new MemoryStore({ zone: 'there', clock })
  const stampClock = new StampClock(clock, writer)
  const newStamp = () => stampClock.next()
  const shared = new LoneZoneState(newStamp)
  const journal = options.journal ?? new MemoryJournal({ clock, random: systemRandom })
  const mark = new AppliedMark({ journal, health: () => store.health(), clock })
  const ledger = options.ledger ?? new MemoryLedger(clock)
  const background = new Background(silentLog)
  const silence = new Silence({ ledger, shared, newStamp, servesAlone: () => false, clock, log, background })
  const receiving: Omit<ReplicationOptions, 'announced' | 'verify'> = {
    store,
    journal,
    mark,
    clock,
    stampClock,
    log,
    ledger,
    silence,
    shared,
  }
  const read = async (key: string): Promise<string> => {
    const found = await store.get('shop', key, { deadlineMs: 1_000 })
    return found.kind === 'hit' ? found.value.toString() : found.because
  }
  const close = async (): Promise<void> => {
    mark.close()
    silence.close()
    await ledger.close()
  }
  return { clock, store, stampClock, shared, journal, mark, ledger, silence, receiving, read, close }
}

/** What writes at a site, and ships to `peer`. */
export function sendingSide(
  peer: ReplicationPeer,
  options: SideOptions & { readonly namespaces?: readonly string[]; readonly bandwidth?: BandwidthCap } = {},
) {
  const { clock = systemClock, writer = 1, log = silentLog } = options
  const stamps = new StampClock(clock, writer)
  const inner = options.store ?? new MemoryStore({ zone: 'here', clock })
  const journal = options.journal ?? new MemoryJournal({ clock, random: systemRandom })
  const shipper = new Shipper({
    to: 'there',
    site: 'here',
    writer,
    journal,
    reader: journal.reader('there'),
    peer,
    clock,
    random: systemRandom,
    log,
    background: new Background(silentLog),
    bandwidth: options.bandwidth,
  })
  const { namespaces = ['*'] } = options
  const store = new DoubleWriter({ inner, journal, shippers: [shipper], stamps, clock, namespaces })
  const put = (key: string, value: string, ttlMs = -1) =>
    store.put('shop', key, Buffer.from(value), { stamp: stamps.next(), ttlMs })
  const del = (key: string) => store.delete('shop', key, { stamp: stamps.next() })
  return { stamps, inner, journal, shipper, store, put, del }
}

/** One write, as it comes out at the other end of a wire. */
export function batchOfOne(operation: CacheOperation): Batch {
  const log = (count: 0 | 1) => ({ after: 0, first: count, count })
  const facts = { v: 2, site: 's', place: 'p', journal: 'j', writer: 1, lane: 0, head: 1 } as const
  const isTaking = isInvalidation(operation)
  const logs = { invalidations: log(isTaking ? 1 : 0), values: log(isTaking ? 0 : 1) }
  const header = { ...facts, debt: 0, waiting: 0, now: 0, ...logs, bumps: [] }
  return carried({ header, records: encodeRecord({ seq: 1, lane: 0, operation }) })
}

/** As it comes out at the other end of a wire. */
export function carried({ header, records }: OutgoingBatch): Batch {
  const decoded = decodeBatch(encodeBatch(header, records))
  if (decoded.kind === 'unreadable') throw new Error(decoded.because)
  return decoded.batch
}

/** The gateway of the other site, which can be away or silent. */
export class TestPeer implements ReplicationPeer {
  readonly side = receivingSide()
  /** Those with records or bumps, as they were taken. */
  readonly batches: Batch[] = []
  heartbeats = 0
  state: 'up' | 'away' | 'silent' | 'forgets to answer' = 'up'
  mostUnderWay = 0
  readonly #underWay = new Map<number, number>()

  async send(outgoing: OutgoingBatch): Promise<Sent> {
    const { lane } = outgoing.header
    const now = (this.#underWay.get(lane) ?? 0) + 1
    this.#underWay.set(lane, now)
    this.mostUnderWay = Math.max(this.mostUnderWay, now)
    try {
      if (this.state === 'silent') return await new Promise<never>(() => undefined)
      if (this.state === 'away') throw new Error('refused')
      const batch = carried(outgoing)
      const isHeartbeat = outgoing.records.length + batch.header.bumps.length === 0
      if (isHeartbeat) this.heartbeats++
      else this.batches.push(batch)
      const received = await receiveBatch(batch, { ...this.side.receiving, announced: () => true, verify: () => true })
      if (received.kind === 'refused') throw new Error(received.because)
      if (this.state === 'forgets to answer' && !isHeartbeat) throw new Error('cut')
      return { kind: 'taken', acknowledgement: received.acknowledgement, bytes: 0 }
    } finally {
      this.#underWay.set(lane, now - 1)
    }
  }

  close(): Promise<void> {
    return this.side.close()
  }
}

/** `receiving` on an HTTP port; who signs with `x-signed` may call. */
export async function listening(receiving: Omit<ReplicationOptions, 'announced' | 'verify'>) {
  const app: FastifyInstance = Fastify({ forceCloseConnections: true })
  installProblemReplies(app, { audience: 'operator', log: silentLog })
  const calls: string[] = []
  await app.register(replicationRoutes, {
    ...receiving,
    announced: ({ method, target, headers }) => String(headers['x-signed']).startsWith(`${method} ${target} `),
    verify: ({ method, target, headers, body }) => {
      calls.push(`${method} ${target}`)
      return headers['x-signed'] === signature(method, target, body)['x-signed']
    },
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return { app, port, calls, close: () => app.close() }
}

export const signature = (method: string, target: string, body: Uint8Array) => ({
  'x-signed': `${method} ${target} ${body.length}`,
})
