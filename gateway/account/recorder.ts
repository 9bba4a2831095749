import type { RouteRecord } from '#routes/gateway-answers.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Ending, Phase } from '../phase.ts'
import { type Feature, featuresOf } from './features.ts'
import { redactedPath } from './redacted-path.ts'

const examplesLimit = 5
/** As many as the metrics' route label takes. */
const routesLimit = 1_500

interface Seen {
  count: number
  readonly firstSeen: number
  lastSeen: number
  readonly examples: string[]
}

interface Row {
  readonly unit: string
  readonly host: string
  readonly features: Map<Feature, Seen>
  requests: number
  largestRequestBytes: number
  largestAnswerBytes: number
  longestMs: number
}

/**
 * Which oddities of HTTP the traffic of each route really uses: what the next server of a unit must treat as this one
 * does. Examples have their values blotted out; routes, features and examples are bounded, so no client makes it grow.
 */
export class Recorder implements Phase {
  readonly name = 'recorder'
  readonly #clock: Clock
  readonly #rows = new Map<string, Row>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  closed(x: Exchange, answer: Answer, ending: Ending): void {
    const route = x.decision?.route
    // What was passed on is recorded where it was executed; what came from the store was executed by nobody (M1).
    if (route === undefined || x.forwardedTo !== undefined || x.storedBy !== undefined) return
    const row = this.#rowOf(route)
    if (row === undefined) return
    row.requests++
    row.largestRequestBytes = Math.max(row.largestRequestBytes, x.body.bytes)
    row.largestAnswerBytes = Math.max(row.largestAnswerBytes, x.bytesOut)
    row.longestMs = Math.max(row.longestMs, this.#clock.monotonic() - x.startedMs)
    for (const feature of featuresOf(x, answer, ending)) this.#note(row, feature, x, route)
  }

  /** Of a unit, or of all; the most used first. */
  records(unit?: string): RouteRecord[] {
    return [...this.#rows]
      .filter(([, row]) => unit === undefined || row.unit === unit)
      .map(([route, { features, ...row }]) => ({
        route,
        ...row,
        longestMs: Math.round(row.longestMs),
        features: [...features]
          .map(([feature, seen]) => ({ feature, ...seen, share: seen.count / row.requests }))
          .sort((a, b) => b.count - a.count),
      }))
      .sort((a, b) => b.requests - a.requests)
  }

  /** A route that left the table takes its record with it. */
  retain(routes: ReadonlyMap<string, unknown>): void {
    for (const route of this.#rows.keys()) if (!routes.has(route)) this.#rows.delete(route)
  }

  #rowOf({ id, unit, host = '' }: RouteFacts): Row | undefined {
    let row = this.#rows.get(id)
    if (row === undefined && this.#rows.size < routesLimit) {
      const none = { requests: 0, largestRequestBytes: 0, largestAnswerBytes: 0, longestMs: 0 }
      row = { unit, host, features: new Map(), ...none }
      this.#rows.set(id, row)
    }
    return row
  }

  #note(row: Row, feature: Feature, x: Exchange, route: RouteFacts): void {
    const now = this.#clock.now()
    let seen = row.features.get(feature)
    if (seen === undefined) {
      seen = { count: 0, firstSeen: now, lastSeen: now, examples: [] }
      row.features.set(feature, seen)
    }
    seen.count++
    seen.lastSeen = now
    if (seen.examples.length >= examplesLimit) return
    const example = `${x.method.slice(0, 32)} ${redactedPath(x.target, route.pattern)}`
    if (!seen.examples.includes(example)) seen.examples.push(example)
  }
}
