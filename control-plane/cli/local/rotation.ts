/** The three steps by which a key gives way to a new one, on what key files hold. Pure: no step touches a disk. */
import type { Purpose, RingFile, SharedSecret } from '#routes/seal.ts'

/** Each is followed by a reload everywhere: only then is the next one safe. */
export const steps = ['add', 'use', 'retire'] as const
export type Step = (typeof steps)[number]

/** A key that says since when it is there. Files of earlier releases do not. */
export interface Aged {
  readonly id: string
  /** ISO 8601. */
  readonly createdAt?: string
}

export type AgedSecret = SharedSecret & Aged
export interface AgedRing extends RingFile {
  readonly purpose: Purpose
  readonly keys: readonly AgedSecret[]
}

export interface SealingPair extends Aged {
  readonly privateKey: string
  readonly publicKey: string
}

/** What seals tables: the pair that signs, the one that will, or the public half of the one that did. */
export interface SealingFile extends SealingPair {
  readonly next?: SealingPair
  readonly earlier?: OpenKey
}

export interface OpenKey extends Aged {
  readonly publicKey: string
}

/** Whose seals are believed. */
export interface OpenFile {
  readonly keys: readonly OpenKey[]
}

export type Refused = { readonly refused: string }

/** The ring after the step. With two keys the newer one tells how far the rotation is: second = added, first = in use. */
export function rotateRing(ring: AgedRing, step: Step, fresh: AgedSecret): AgedRing | Refused {
  const [first, second] = ring.keys
  if (first === undefined || ring.keys.length > 2)
    return { refused: `it holds ${ring.keys.length} keys, not one or two` }
  const expected = nextStep(ring.keys)
  if (typeof expected !== 'string') return expected
  if (step !== expected) return outOfOrder(step, expected)
  if (step === 'add') return { ...ring, keys: [first, fresh] }
  if (step === 'retire') return { ...ring, keys: [first] }
  return { ...ring, keys: second === undefined ? [first] : [second, first] }
}

/** The step that a ring waits for. */
export function nextStep(keys: readonly Aged[]): Step | Refused {
  const [first, second] = keys
  if (first === undefined || second === undefined) return 'add'
  const order = ageOf(first) - ageOf(second) || numberOf(first.id) - numberOf(second.id)
  if (order === 0) return { refused: `which of the keys ${first.id} and ${second.id} is newer cannot be told` }
  return order < 0 ? 'use' : 'retire'
}

export interface TableFiles {
  readonly sealing: SealingFile
  readonly open: OpenFile
}

/**
 * Both files after the step. A step that ended between its two files may be repeated: it then does what is left of it.
 */
export function rotateTables({ sealing, open }: TableFiles, step: Step, fresh: SealingPair): TableFiles | Refused {
  const expected = nextTableStep({ sealing, open })
  if (step !== expected) return outOfOrder(step, expected)
  const { next, earlier, ...signing } = sealing
  if (step === 'add') {
    const added = next ?? fresh
    return { sealing: { ...signing, next: added }, open: { keys: [opened(signing), opened(added)] } }
  }
  if (step === 'retire' || next === undefined) return { sealing: signing, open: { keys: [opened(signing)] } }
  return { sealing: { ...next, earlier: opened(signing) }, open: { keys: [opened(next), opened(signing)] } }
}

export function nextTableStep({ sealing: { next, earlier }, open }: TableFiles): Step {
  if (earlier !== undefined) return 'retire'
  return next !== undefined && open.keys.some(({ id }) => id === next.id) ? 'use' : 'add'
}

/** `k2` after `k1`: the number tells which is newer, where no date does. */
export function nextId(keys: readonly Aged[], letter: string): string {
  return `${letter}${Math.max(0, ...keys.map(({ id }) => numberOf(id))) + 1}`
}

function outOfOrder(step: Step, expected: Step): Refused {
  return { refused: `it is not at the step ${step}: ${expected} comes next` }
}

/** The half of a pair that all may know. */
export function opened({ id, createdAt, publicKey }: OpenKey): OpenKey {
  return { id, ...(createdAt === undefined ? {} : { createdAt }), publicKey }
}

/** Without a date a key is older than any with one. */
const ageOf = ({ createdAt }: Aged): number => (createdAt === undefined ? 0 : Date.parse(createdAt) || 0)
const numberOf = (id: string): number => Number(/(\d{1,9})$/.exec(id)?.[1] ?? 0)
