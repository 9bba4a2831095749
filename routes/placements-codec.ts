import { objectOf, positive, wordOf } from './object-of.ts'
import type { Failover, KeySource, Moving, Placement } from './placement.ts'
import type { Shadow } from './policy.ts'
import { array, bp, count, document, optional, record, text } from './shape.ts'
import type { PlacementSet } from './table.ts'

/** The text that is sealed. Sorted by unit, so that equal sets give equal bytes and digests. */
export function encodePlacements(set: PlacementSet): string {
  const placements = set.placements.toSorted((a, b) => (a.unit < b.unit ? -1 : a.unit > b.unit ? 1 : 0))
  return JSON.stringify({ v: 1, kind: 'placements', ...set, placements })
}

/** Undefined for any text that `encodePlacements` would not have written: wrong shapes, shares out of range, doubles. */
export function decodePlacements(body: string): PlacementSet | undefined {
  const root = document(body)
  if (root?.['v'] !== 1 || root['kind'] !== 'placements') return undefined
  const structure = record(root['structure'])
  const min = count(structure?.['min'])
  const max = count(structure?.['max'])
  const number = count(root['number'])
  const parent = text(root['parent'])
  const author = text(root['author'])
  const reason = text(root['reason'])
  const at = count(root['at'])
  const placements = array(root['placements'], decodePlacement)
  if (number === undefined || min === undefined || max === undefined || at === undefined) return undefined
  if (parent === undefined || author === undefined || reason === undefined || placements === undefined) return undefined
  if (new Set(placements.map(({ unit }) => unit)).size !== placements.length) return undefined
  return { number, structure: { min, max }, parent, author, reason, at, placements }
}

function decodePlacement(value: unknown): Placement | undefined {
  const fields = record(value)
  const unit = text(fields?.['unit'])
  const epoch = count(fields?.['epoch'])
  const owner = text(fields?.['owner'])
  const cohort = text(fields?.['cohort'])
  const key = array(fields?.['key'], keySource)
  const moving = optional(fields?.['moving'], decodeMoving)
  const shadow = optional(fields?.['shadow'], decodeShadow)
  const failover = optional(fields?.['failover'], decodeFailover)
  if (unit === undefined || epoch === undefined || owner === undefined) return undefined
  if (cohort === undefined || key === undefined || moving === null) return undefined
  if (shadow === null || failover === null) return undefined
  return {
    unit,
    epoch,
    owner,
    ...(moving === undefined ? {} : { moving }),
    cohort,
    key,
    ...(shadow === undefined ? {} : { shadow }),
    ...(failover === undefined ? {} : { failover }),
  }
}

function decodeMoving(value: unknown): Moving | undefined {
  const fields = record(value)
  const to = text(fields?.['to'])
  const reads = bp(fields?.['reads'])
  const writes = bp(fields?.['writes'])
  if (to === undefined || reads === undefined || writes === undefined || writes > reads) return undefined
  return { to, reads, writes }
}

const decodeShadow = objectOf<Shadow>(
  { to: text, sample: bp, again: bp, maxInFlight: positive },
  { at: wordOf('edge') },
)

const decodeFailover = objectOf<Failover>({ to: text, safeOnly: (value) => (value === true ? value : undefined) }, {})

const sourceForm = /^(?:authorization|address|sticky|(?:header|cookie|claim|param):[!-~]{1,128})$/

/** Also read by the structure: a service names the sources that its placements begin with. */
export function keySource(value: unknown): KeySource | undefined {
  return typeof value === 'string' && sourceForm.test(value) ? (value as KeySource) : undefined
}
