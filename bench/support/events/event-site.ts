import { Redis } from 'ioredis'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { hostAndPort } from '../../../gateway/address.ts'
import type { ItemTags } from '../../../gateway/store/cache-store.ts'
import { MemcachedStore } from '../../../gateway/store/memcached-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { startMemcached, startRedis, type TestServer } from '../../../test/support/servers.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import type { Item } from './items.ts'

/** One site: its Redis with the stream, two real zones, and a look into each of them that asks no process of ours. */
export class EventSite implements AsyncDisposable {
  readonly site: string
  readonly home: string
  readonly redisUrl: string
  readonly zoneAddresses: readonly string[]
  readonly redis: Redis
  readonly #zones: readonly MemcachedStore[]
  readonly #stamps: StampClock
  readonly #servers: readonly AsyncDisposable[]

  private constructor(
    site: string,
    home: string,
    redis: TestServer,
    zones: readonly TestServer[],
    folder: AsyncDisposable,
  ) {
    this.site = site
    this.home = home
    this.redisUrl = `redis://${redis.address}`
    this.zoneAddresses = zones.map(({ address }) => address)
    this.redis = new Redis(redis.port, { enableAutoPipelining: true })
    // The highest writer there is: no process of ours has it.
    const stamps = new StampClock(systemClock, 255)
    this.#stamps = stamps
    this.#zones = zones.map(
      ({ address }, at) =>
        new MemcachedStore({
          ...{ zone: `seen-${at}`, nodes: [hostAndPort(address)], ring: 'ketama', newStamp: () => stamps.next() },
          ...{ clock: systemClock, random: systemRandom, log: silentLog, writeDeadlineMs: 5_000 },
        }),
    )
    this.#servers = [redis, ...zones, folder]
  }

  static async open(site: string, megabytes: number): Promise<EventSite> {
    const folder = await temporaryFolder()
    const [redis, ...zones] = await Promise.all([
      startRedis(),
      ...[0, 1].map(() => startMemcached(['-m', `${megabytes}`])),
    ])
    const opened = new EventSite(site, folder.path, redis, zones, folder)
    await Promise.all(opened.#zones.map((zone) => zone.opened()))
    return opened
  }

  get stream(): string {
    return `tidegate:{${this.site}}:events`
  }

  /** In both zones, as a program of the site would have stored it before anything happened. */
  async put(items: readonly Item[]): Promise<void> {
    const ttlMs = 3_600_000
    await Promise.all(
      this.#zones.map((zone) =>
        inTurn(items, async ({ namespace, key, tag }) => {
          const tags: ItemTags | undefined = tag === undefined ? undefined : { exact: [tag], scopes: [] }
          const more = tags === undefined ? {} : { tags }
          if (tags !== undefined) await zone.prepare(namespace, tags)
          const outcome = await zone.put(namespace, key, value, { stamp: this.#stamps.next(), ttlMs, ...more })
          if (outcome !== 'stored') throw new Error(`a zone did not store ${key}: ${outcome}`)
        }),
      ),
    )
  }

  /** Those that some zone of the site still has. A zone that does not answer is asked again. */
  async old(items: readonly Item[]): Promise<readonly Item[]> {
    const old = new Set<Item>()
    for (const zone of this.#zones)
      await inTurn(items, async (item) => {
        if (await isThere(zone, item)) old.add(item)
      })
    return [...old]
  }

  /** Entries that nobody has read, or not finished; undefined: nobody has begun to read. */
  async waiting(): Promise<number | undefined> {
    if ((await this.redis.exists(this.stream)) === 0) return undefined
    const [group] = (await this.redis.xinfo('GROUPS', this.stream)) as unknown[][]
    if (group === undefined) return undefined
    const named = new Map(group.flatMap((name, at) => (at % 2 === 0 ? [[name, group[at + 1]] as const] : [])))
    return Number(named.get('pending')) + Number(named.get('lag') ?? 1)
  }

  /** The messages that became dead letters; each counts once, however often it did. */
  async dead(): Promise<ReadonlySet<string>> {
    const letters = await this.redis.xrange(`${this.stream}:dead`, '-', '+')
    return new Set(letters.map(([, fields]) => fields[fields.indexOf('was') + 1] ?? ''))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.redis.disconnect()
    await Promise.all(this.#zones.map((zone) => zone.close()))
    await Promise.all(this.#servers.map((server) => server[Symbol.asyncDispose]()))
  }
}

const value = Buffer.from('a value of some forty bytes, as small ones')
const atOnce = 256
const readTries = 100

async function isThere(zone: MemcachedStore, { namespace, key }: Item): Promise<boolean> {
  for (let left = readTries; left > 0; left--) {
    const found = await zone.get(namespace, key, { deadlineMs: 2_000 })
    if (found.kind === 'hit') return true
    if (['absent', 'expired', 'tombstone', 'invalidated', 'tag-missing'].includes(found.because)) return false
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`a zone does not answer for ${key}`)
}

async function inTurn<Thing>(things: readonly Thing[], work: (thing: Thing) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let thing = things[next++]; thing !== undefined; thing = things[next++]) await work(thing)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, things.length) }, worker))
}
