import type { AdoptionRow } from '#routes/messages.ts'
import type { Site, TableNumber } from '#routes/vocabulary.ts'

/** What traffic showed: the newest request of a colo that was routed under a placements number. */
export interface Sighting {
  readonly colo: string
  readonly placements: TableNumber
  readonly lastSeen: number
  readonly requests: number
}

export interface GatewaySighting {
  readonly site: Site
  readonly instance: string
  readonly structure: TableNumber
  readonly placements: TableNumber
  /** When it said so; undefined = it has not acknowledged any table since we started. */
  readonly at?: number
}

export interface ColoAdoption {
  readonly colo: string
  /** Of the last 10 s, or of its last request when it is quiet. */
  readonly lowest: TableNumber
  readonly highest: TableNumber
  /** When a request below the number was last seen. */
  readonly lastBelow?: number
  readonly requests: number
}

export interface Straggler {
  readonly kind: 'gateway' | 'edge'
  readonly name: string
  readonly placements: TableNumber
}

export interface Adoption {
  readonly placements: TableNumber
  /** For 10 s no traffic below it, at least 10 s after it was published, and each gateway process runs it. */
  readonly confirmed: boolean
  /** When it became true of the fleet, which is told 10 s later: the last request below it, or its publication. */
  readonly confirmedAt?: number
  readonly gateways: readonly GatewaySighting[]
  readonly colos: readonly ColoAdoption[]
  readonly stragglers: readonly Straggler[]
}

export interface AdoptionEvidence {
  readonly placements: TableNumber
  readonly publishedAt: number
  readonly sightings: readonly Sighting[]
  readonly gateways: readonly GatewaySighting[]
  readonly now: number
}

const quietMs = 10_000

/** Who runs a placements number, by evidence alone: what gateways acknowledged and what edges' requests carried. */
export function adoptionOf(evidence: AdoptionEvidence): Adoption {
  const { placements, publishedAt, sightings, gateways, now } = evidence
  const colos = [...Map.groupBy(sightings, ({ colo }) => colo)]
    .map(([colo, rows]) => coloAdoption(colo, rows, placements, now))
    .sort((a, b) => (a.colo < b.colo ? -1 : 1))
  const stragglers: Straggler[] = [
    ...gateways
      .filter((gateway) => gateway.placements < placements)
      .map((gateway) => ({
        kind: 'gateway' as const,
        name: `${gateway.site}/${gateway.instance}`,
        placements: gateway.placements,
      })),
    ...colos
      .filter(({ lastBelow }) => lastBelow !== undefined && lastBelow > now - quietMs)
      .map(({ colo, lowest }) => ({ kind: 'edge' as const, name: colo, placements: lowest })),
  ]
  const since = Math.max(publishedAt, ...colos.map(({ lastBelow }) => lastBelow ?? 0))
  const confirmed = stragglers.length === 0 && since <= now - quietMs
  return { placements, confirmed, ...(confirmed ? { confirmedAt: since } : {}), gateways, colos, stragglers }
}

function coloAdoption(colo: string, rows: readonly Sighting[], placements: TableNumber, now: number): ColoAdoption {
  const recent = rows.filter(({ lastSeen }) => lastSeen > now - quietMs)
  const last = rows.reduce((a, b) => (b.lastSeen > a.lastSeen ? b : a))
  const below = rows.filter((row) => row.placements < placements).map(({ lastSeen }) => lastSeen)
  return {
    colo,
    lowest: recent.length === 0 ? last.placements : Math.min(...recent.map((row) => row.placements)),
    highest: Math.max(...rows.map((row) => row.placements)),
    ...(below.length === 0 ? {} : { lastBelow: Math.max(...below) }),
    requests: rows.reduce((sum, { requests }) => sum + requests, 0),
  }
}

const coloLimit = 1_000
const numberLimit = 32
/** A colo unseen for so long gives its place to one that is seen. */
const forgottenMs = 600_000

/** The sightings of all gateways, bounded: of each colo the most recently seen numbers. */
export class SightingLedger {
  readonly #colos = new Map<string, Map<TableNumber, Sighting>>()
  #refused = 0

  /** `skewMs` = our clock less the gateway's: rows are kept in our time. */
  note(rows: readonly AdoptionRow[], skewMs: number): void {
    for (const { colo, placements, lastSeen, requests } of rows) {
      const numbers = this.#numbersOf(colo, lastSeen + skewMs)
      if (numbers === undefined) continue
      const former = numbers.get(placements)
      numbers.set(placements, {
        colo,
        placements,
        lastSeen: Math.max(former?.lastSeen ?? 0, lastSeen + skewMs),
        requests: (former?.requests ?? 0) + requests,
      })
      if (numbers.size > numberLimit) numbers.delete(longestUnseen(numbers))
    }
  }

  /** Colos that were left out since all places were taken. */
  get refused(): number {
    return this.#refused
  }

  all(): readonly Sighting[] {
    return [...this.#colos.values()].flatMap((numbers) => [...numbers.values()])
  }

  #numbersOf(colo: string, now: number): Map<TableNumber, Sighting> | undefined {
    const known = this.#colos.get(colo)
    if (known !== undefined) return known
    if (this.#colos.size >= coloLimit) this.#forget(now - forgottenMs)
    if (this.#colos.size >= coloLimit) {
      this.#refused++
      return undefined
    }
    const numbers = new Map<TableNumber, Sighting>()
    this.#colos.set(colo, numbers)
    return numbers
  }

  #forget(before: number): void {
    for (const [colo, numbers] of this.#colos) if (newestOf(numbers) < before) this.#colos.delete(colo)
  }
}

function newestOf(numbers: ReadonlyMap<TableNumber, Sighting>): number {
  return Math.max(...[...numbers.values()].map(({ lastSeen }) => lastSeen))
}

function longestUnseen(numbers: ReadonlyMap<TableNumber, Sighting>): TableNumber {
  return [...numbers.values()].reduce((a, b) => (b.lastSeen < a.lastSeen ? b : a)).placements
}
