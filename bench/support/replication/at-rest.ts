import { setTimeout as wait } from 'node:timers/promises'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { type Hit, noExpiry, type Stamp } from '../../../gateway/store/cache-store.ts'
import { MemcachedStore } from '../../../gateway/store/memcached-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { later } from '../../../gateway/store/tag-record.ts'
import { keyUse, placeOf } from './key-space.ts'
import type { SideState } from './side-messages.ts'
import { apartMs, type SideRunner, type Surroundings } from './surroundings.ts'
import { hearValue } from './told-value.ts'
import { lifeToleranceMs, stampText, type Violation } from './workload.ts'

export interface AtRest {
  /** Everything was shipped, and no zone was owed anything, within the limit. */
  readonly drained: boolean
  /** Keys of which every zone has the same value, some have it and the others nothing, none has one. */
  readonly equal: number
  readonly missing: number
  readonly empty: number
  /** Of which two zones have different values. */
  readonly diverged: readonly string[]
  readonly violations: readonly Violation[]
  readonly text: string
}

const atOnce = 32
const readerWriter = 239

/** Waits until nobody has anything left to do, and then asks each Memcached by itself for each key. */
export async function lookAtRest({ sides, keys }: Surroundings, withinMs: number): Promise<AtRest> {
  const states = await waitForRest(sides, withinMs)
  const drained = states.every(isAtRest)
  const text = states.map(({ debt, zones }) => `${debt}; ${zones.join(', ')}`).join(' | ')
  const seen = await Promise.all(sides.map((side, at) => readZones(side, states[at]?.floors ?? {}, keys)))
  const zones = seen.flat()
  const clients = await Promise.all(sides.map((side) => side.process.ask<(Hit | undefined)[]>({ do: 'readAll' })))
  const violations: Violation[] = []
  const diverged: string[] = []
  const counts = { equal: 0, missing: 0, empty: 0 }
  for (let index = 0; index < keys; index++) {
    const found = zones.map(({ hits }) => hits[index])
    const versions = new Set(found.flatMap((hit) => (hit === undefined ? [] : [versionOf(index, hit, sides)])))
    if (versions.size > 1)
      diverged.push(`${placeOf(index).key}: ${zones.map(({ name, hits }) => `${name} ${sight(hits[index])}`).join()}`)
    else if (versions.size === 0) counts.empty++
    else if (found.includes(undefined)) counts.missing++
    else counts.equal++
    for (const hit of [...found, ...clients.map((hits) => hits?.[index])])
      if (hit !== undefined) judge(index, hit, sides, violations)
  }
  return { drained, ...counts, diverged, violations, text }
}

const sight = (hit: Hit | undefined): string => (hit === undefined ? 'nothing' : stampText(hit.stamp))

const isAtRest = ({ shipped, owed, zones }: SideState): boolean =>
  shipped && owed === 0 && zones.every((zone) => / (?:up|cold)$/.test(zone))

async function waitForRest(sides: readonly SideRunner[], withinMs: number): Promise<SideState[]> {
  for (const endsAt = performance.now() + withinMs; ; await wait(100)) {
    const states = await Promise.all(sides.map((side) => side.process.ask<SideState>({ do: 'state' })))
    const all = states.map((state, at) => state ?? lost(sides[at]))
    if (all.every(isAtRest) || performance.now() > endsAt) return all
  }
}

function lost(side: SideRunner | undefined): SideState {
  return { shipped: false, debt: `the side ${side?.fixed.site} ended`, owed: 0, zones: [], floors: {} }
}

interface SeenZone {
  readonly name: string
  readonly hits: readonly (Hit | undefined)[]
}

/** As a reader of that zone alone sees it, past the proxy. */
async function readZones(side: SideRunner, floors: SideState['floors'], keys: number): Promise<SeenZone[]> {
  return Promise.all(
    side.zones.map(async ({ name, port }) => {
      const stamps = new StampClock(systemClock, readerWriter)
      const store = new MemcachedStore({
        zone: name,
        nodes: [{ host: '127.0.0.1', port }],
        ring: 'ketama',
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
        newStamp: () => stamps.next(),
      })
      await store.opened()
      const hits: (Hit | undefined)[] = []
      for (let from = 0; from < keys; from += atOnce) {
        const some = Array.from({ length: Math.min(atOnce, keys - from) }, async (_, at) => {
          const { namespace, key } = placeOf(from + at)
          const found = await store.get(namespace, key, { deadlineMs: 1_000 })
          return found.kind === 'hit' && found.stamp >= (floors[name] ?? 0n) ? found : undefined
        })
        hits.push(...(await Promise.all(some)))
      }
      await store.close()
      return { name, hits }
    }),
  )
}

function versionOf(index: number, hit: Hit, [{ fixed }]: Surroundings['sides']): string {
  if (keyUse(index) !== 'counter') return String(hearValue(hit.value, hit.flags)?.version)
  return fixed.strategy === 'journal' ? `${hit.stamp} ${hit.value}` : String(hit.value)
}

/** The same as each read while it ran, and by now what one side acknowledged holds at the other as well. */
function judge(index: number, hit: Hit, sides: Surroundings['sides'], violations: Violation[]): void {
  const { strategy } = sides[0].fixed
  const told = keyUse(index) === 'counter' ? undefined : hearValue(hit.value, hit.flags)
  const found = (kind: Violation['kind'], text: string) =>
    violations.push({ kind, index, text: `at rest, ${hit.zone}: ${text}` })
  if (keyUse(index) !== 'counter') {
    const isItself = told?.index === index && (strategy !== 'journal' || told.version === hit.stamp)
    if (told === undefined || !isItself) {
      found('invented', `stamp ${hit.stamp}`)
      return
    }
    const untilMs = keyUse(index) === 'plain' ? told.untilMs : latest(sides, index)
    const leftMs = untilMs - systemClock.now() + lifeToleranceMs + apartMs
    if (untilMs > 0 && (hit.ttlMs === noExpiry || hit.ttlMs > leftMs))
      found('life grew', `${hit.ttlMs} of ${leftMs} ms`)
  } else if (strategy !== 'journal') return
  const version = told?.version ?? hit.stamp
  const invalidated = highest(sides, (side) => side.known.invalidatedBelow(index))
  const replaced = highest(sides, (side) => side.known.replacedBelow(index))
  if (version < invalidated) found('lost invalidation', `${stampText(version)} < ${stampText(invalidated)}`)
  else if (version < replaced) found('stale value', `${stampText(version)} < ${stampText(replaced)}`)
}

const latest = (sides: readonly SideRunner[], index: number): number =>
  Math.max(...sides.map(({ livesUntil }) => livesUntil.get(index) ?? 0))

const highest = (sides: readonly SideRunner[], of: (side: SideRunner) => Stamp): Stamp =>
  sides.map(of).reduce(later, 0n)
