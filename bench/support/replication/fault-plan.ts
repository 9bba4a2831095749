import { seededRandom } from '#server-kit/random.ts'

/** Of a Memcached process, of the way to it, of the link of a site to the other one, of a site's process and its disk. */
export const faultKinds = [
  'zone killed',
  'zone frozen',
  'zone small',
  'zone black-holed',
  'zone cut',
  'zone half-open',
  'zone slow',
  'link black-holed',
  'link cut',
  'link half-open',
  'link slow',
  'link refused',
  'link jitter',
  'side killed',
  'journal cut',
  'journal flipped',
  'disk full',
  'disk broken',
  'disk torn',
  'clock wrong',
] as const

export type FaultKind = (typeof faultKinds)[number]

export interface PlannedFault {
  /** Since the beginning. */
  readonly atMs: number
  readonly forMs: number
  readonly kind: FaultKind
  readonly side: 0 | 1
  readonly zone: 0 | 1
  /** For whatever the fault decides by itself. */
  readonly seed: number
}

export interface PlanOptions {
  readonly seed: number
  readonly faults: number
  /** Between the beginnings of two, on average, ms. */
  readonly everyMs: number
  readonly shortestMs: number
  readonly longestMs: number
  /** Default: each of them, equally often. */
  readonly kinds?: readonly FaultKind[]
}

/** A pure function of its options. Faults of different parts overlap; those of one part come one after the other. */
export function planFaults(options: PlanOptions): PlannedFault[] {
  const { seed, faults, everyMs, shortestMs, longestMs, kinds = faultKinds } = options
  const random = seededRandom(seed)
  const below = (count: number): number => Math.floor(random.next() * count)
  const freeAt = new Map<string, number>()
  let decks: FaultKind[] = []
  let atMs = everyMs
  const planned = Array.from({ length: faults }, (): PlannedFault => {
    // Like cards: each kind comes once before any comes again.
    if (decks.length === 0) decks = [...kinds]
    const kind = decks.splice(below(decks.length), 1)[0] ?? 'zone killed'
    const side = below(2) === 0 ? 0 : 1
    const zone = below(2) === 0 ? 0 : 1
    // Many short ones and a few long ones.
    const forMs = Math.round(shortestMs * (longestMs / shortestMs) ** random.next())
    const part = partOf(kind, side, zone)
    const startMs = Math.max(atMs, freeAt.get(part) ?? 0)
    freeAt.set(part, startMs + forMs + pauseMs)
    atMs += -Math.log(1 - random.next()) * everyMs
    return { atMs: Math.round(startMs), forMs, kind, side, zone, seed: below(2 ** 31) }
  })
  return planned.toSorted((a, b) => a.atMs - b.atMs)
}

/** A part that was mended is well for a moment, ms. */
const pauseMs = 250

/** Parts suffer independently of each other. */
export function partOf(kind: FaultKind, side: number, zone: number): string {
  if (kind.startsWith('zone')) return `zone ${side} ${zone}`
  return kind.startsWith('link') ? 'link' : `side ${side}`
}
