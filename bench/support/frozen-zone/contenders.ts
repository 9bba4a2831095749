import { Client } from 'memjs'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { MemcachedStore } from '../../../gateway/store/memcached-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { ZonedStore } from '../../../gateway/store/zoned-store.ts'

/** Two zones as a client of the cache sees them, nearest first. */
export interface Contender {
  readonly name: string
  put(key: string, value: Buffer): Promise<void>
  get(key: string): Promise<Buffer | 'nothing'>
  close(): Promise<void>
}

/** `readDeadlineMs`: what one zone gets for a read. */
export type OpenContender = (ports: readonly number[], readDeadlineMs: number) => Promise<Contender>

const namespace = 'proof'
/** A whole read has so much more time than one zone. */
const requestShare = 5

async function openStore(name: string, ports: readonly number[], readDeadlineMs: number): Promise<Contender> {
  const stamps = new StampClock(systemClock, 1)
  const newStamp = () => stamps.next()
  const parts = { clock: systemClock, random: systemRandom, log: silentLog }
  const background = new Background(silentLog)
  const zones = ports.map(
    (port, at) =>
      new MemcachedStore({
        ...parts,
        zone: `zone-${at}`,
        nodes: [{ host: '127.0.0.1', port }],
        ring: 'ketama',
        newStamp,
        writeDeadlineMs: 1_000,
      }),
  )
  const store = new ZonedStore({ ...parts, zones, writeAck: 'all', background, newStamp, readDeadlineMs })
  await Promise.all(zones.map((zone) => zone.opened()))
  return {
    name,
    put: async (key, value) => {
      const outcome = await store.put(namespace, key, value, { stamp: stamps.next(), ttlMs: 600_000 })
      if (outcome !== 'stored') throw new Error(`${key} is ${outcome}`)
    },
    get: async (key) => {
      const found = await store.get(namespace, key, { deadlineMs: readDeadlineMs * requestShare })
      return found.kind === 'hit' ? found.value : 'nothing'
    },
    close: () => store.close(),
  }
}

export const openTidegate: OpenContender = (ports, deadlineMs) => openStore('Tidegate', ports, deadlineMs)

/** Negative control: the same with the near zone alone, so that there is nobody to turn to. */
export const openNearAlone: OpenContender = (ports, deadlineMs) =>
  openStore('control: no second zone', ports.slice(0, 1), deadlineMs)

/** As programs do it that have memjs: the near one within its time-out, and at a failure the far one. */
export const openMemjsPair: OpenContender = async (ports, readDeadlineMs) => {
  const quiet = { log: () => undefined }
  const clients = ports.map((port) =>
    Client.create(`127.0.0.1:${port}`, { timeout: readDeadlineMs / 1000, conntimeout: 1, retries: 1, logger: quiet }),
  )
  for (const client of clients) await client.get('nobody')
  return {
    name: 'memjs 1.3.2',
    put: async (key, value) => {
      for (const client of clients) await client.set(key, value, { expires: 600 })
    },
    get: async (key) => {
      for (const client of clients) {
        try {
          return (await client.get(key)).value ?? 'nothing'
        } catch {
          // The next one is asked.
        }
      }
      return 'nothing'
    },
    close: async () => {
      for (const client of clients) client.close()
    },
  }
}
