import type { TrafficRow } from '#routes/messages.ts'
import type { Site, UnitId } from '#routes/vocabulary.ts'
import type { Clock } from '#server-kit/clock.ts'

/** Requests a second of one unit at one site. */
export interface SiteRates {
  readonly site: Site
  readonly reads: number
  readonly writes: number
  readonly forwarded: number
  readonly failed: number
}

type Sums = Omit<TrafficRow, 'unit' | 'epoch'>

const windowSeconds = 5
const unitLimit = 20_000

/** What gateways counted over the last 5 s: who really serves whom, as opposed to who should. */
export class ObservedTraffic {
  readonly #clock: Clock
  /** By unit and site: sums of single seconds, the present one last. */
  readonly #units = new Map<UnitId, Map<Site, Map<number, Sums>>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(site: Site, rows: readonly TrafficRow[]): void {
    const second = this.#second()
    for (const row of rows) {
      const seconds = this.#secondsOf(row.unit, site)
      if (seconds === undefined) continue
      const sums = seconds.get(second)
      seconds.set(second, sums === undefined ? row : added(sums, row))
      for (const old of seconds.keys()) if (old <= second - windowSeconds) seconds.delete(old)
    }
  }

  /** Sorted by site; sites without a request in the window are left out. */
  of(unit: UnitId): readonly SiteRates[] {
    const oldest = this.#second() - windowSeconds
    return [...(this.#units.get(unit) ?? [])]
      .flatMap(([site, seconds]) => {
        const recent = [...seconds].filter(([second]) => second > oldest).map(([, sums]) => sums)
        if (recent.length === 0) return []
        const { reads, writes, forwarded, failed } = recent.reduce(added)
        const rate = (sum: number) => sum / windowSeconds
        return [{ site, reads: rate(reads), writes: rate(writes), forwarded: rate(forwarded), failed: rate(failed) }]
      })
      .sort((a, b) => (a.site < b.site ? -1 : 1))
  }

  units(): readonly UnitId[] {
    return [...this.#units.keys()]
  }

  #second(): number {
    return Math.floor(this.#clock.monotonic() / 1_000)
  }

  #secondsOf(unit: UnitId, site: Site): Map<number, Sums> | undefined {
    let sites = this.#units.get(unit)
    if (sites === undefined) {
      // Only units of the catalog are counted by gateways; the limit holds against a gateway gone wrong.
      if (this.#units.size >= unitLimit) return undefined
      sites = new Map()
      this.#units.set(unit, sites)
    }
    let seconds = sites.get(site)
    if (seconds === undefined) {
      seconds = new Map()
      sites.set(site, seconds)
    }
    return seconds
  }
}

function added(a: Sums, b: Sums): Sums {
  return {
    reads: a.reads + b.reads,
    writes: a.writes + b.writes,
    forwarded: a.forwarded + b.forwarded,
    failed: a.failed + b.failed,
  }
}
