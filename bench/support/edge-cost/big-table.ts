/** The table that the edge's figures are promised for: 10,000 routes of 500 services, half of them under way. */
import { decide } from '#routes/decide.ts'
import type { TableOffer } from '#routes/messages.ts'
import type { Placement } from '#routes/placement.ts'
import type { Table } from '#routes/table.ts'
import { witnessesOf } from '#routes/witness.ts'
import { Random } from '../../../test/properties/generators/random.ts'
import { makeSealer, placement, placementSet, type Sealer, tableOf } from '../../../test/support/tables.ts'
import type { Question } from '../../../test/wire/decisions-worker.ts'
import { routeSet, structureOf } from '../route-sets.ts'

export interface BigTable {
  readonly sealer: Sealer
  readonly offer: TableOffer
  readonly table: Table
  /** One for each route, in no order: a request that this route is for. */
  readonly witnesses: readonly Question[]
  /** Units whose reads are split by device; the others are at one site. */
  readonly split: ReadonlySet<string>
}

export const host = 'api.example.com'
const devices = 256

export async function bigTable(seed: number): Promise<BigTable> {
  const sealer = await makeSealer()
  const structure = structureOf(routeSet('large', seed))
  const units = structure.services.map(({ id }) => id)
  const placements = placementSet(units.map(placementOf))
  const offer = { structure: await sealer.structure(structure), placements: await sealer.placements(placements) }
  const table = await tableOf(structure, placements, sealer)
  const split = new Set(units.filter((_, at) => at % 2 === 0))
  return { sealer, offer, table, witnesses: shuffled(witnessesIn(table), new Random(seed)), split }
}

/** Even ones move by device; of the odd ones each second has moved. */
function placementOf(unit: string, at: number): Placement {
  const facts = { epoch: 1 + at, key: ['header:x-device-id'] } as const
  if (at % 2 === 0) return placement(unit, { ...facts, moving: { to: 'cloud', reads: 5_000, writes: 0 } })
  return placement(unit, { ...facts, owner: at % 4 === 1 ? 'onprem' : 'cloud' })
}

function witnessesIn(table: Table): Question[] {
  return table.structure.value.routes.map((route, at) => {
    for (const { target, method } of witnessesOf(route)) {
      const question = questionOf(method, target, { 'x-device-id': `device-${at % devices}` })
      if (decide(table, { ...question, header: () => undefined }).position === at) return question
    }
    throw new Error(`no request reaches the route ${route.id}`)
  })
}

export function questionOf(method: string, target: string, headers: Question['headers']): Question {
  return { method, host, target, country: undefined, sticky: undefined, headers }
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const mixed = [...items]
  for (let at = mixed.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    ;[mixed[at], mixed[other]] = [mixed[other] as Item, mixed[at] as Item]
  }
  return mixed
}

const longest = 16 * 1024

/** The longest targets that Cloudflare lets through, each bad for another part of a decision. */
export function hostileTargets({ witnesses }: BigTable): Record<string, string> {
  const deepest = witnesses.map(({ target }) => target).reduce((a, b) => (slashes(b) > slashes(a) ? b : a))
  const fill = (piece: string, from = ''): string => from + piece.repeat((longest - from.length) / piece.length)
  return {
    'one long segment': fill('a', '/'),
    'empty segments': fill('/'),
    'segments below a route': fill('/x', deepest),
    'dot segments': fill('/..'),
    'letters encoded': fill('%61', '/'),
    'encoded twice': fill('%252e', '/'),
    'broken encoding': fill('%', '/'),
  }
}

const slashes = (target: string): number => target.split('/').length
