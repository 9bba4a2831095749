import type { How, Kind, PartName, ScenarioResult, Seen } from './scenario.ts'

/** What clients see while all is well. */
const usual: Readonly<Record<Kind, string>> = { get: '200', post: '200', known: '200', unknown: '401 token-invalid' }

/** From this moment of a fault on a silent instance is left out, ms: 5 time-outs of 1 s each, mostly one after the other. */
export const ejectedByMs = 8_000

interface Declared {
  readonly says: string
  /** What it is instead of the usual, for some kinds; absent: the usual alone. */
  allows(seen: Seen): boolean
}

/** The policy for each outage, as the documentation tells it. */
export function declared(part: PartName, how: How): Declared {
  if (part === 'control plane') return { says: 'nobody notices', allows: () => false }
  if (part === 'redis')
    return {
      says: 'tokens: 503 auth-store-away, or what is remembered; never let in who is unknown; the rest goes on',
      allows: ({ kind, said }) => (kind === 'known' || kind === 'unknown') && said === '503 auth-store-away',
    }
  if (how === 'killed')
    return {
      says: 'reads go on; of writes only those under way at that moment fail, 502 upstream-reset',
      allows: ({ kind, said, atMs }) => kind === 'post' && said === '502 upstream-reset' && atMs < 500,
    }
  return {
    says: `504 first-byte-timeout at the silent one, for ${ejectedByMs / 1_000} s at most; then it is left out`,
    allows: ({ kind, said, atMs }) => kind !== 'unknown' && said === '504 first-byte-timeout' && atMs < ejectedByMs,
  }
}

/** What happened otherwise than declared; none = kept to the letter. */
export function breaches(result: ScenarioResult): string[] {
  const { part, how, before, during, after, recoveredMs, amplification } = result
  const { allows } = declared(part, how)
  const isUsual = ({ kind, said }: Seen) => said === usual[kind]
  const odd = (window: string, seen: readonly Seen[]) =>
    seen.map(({ kind, said, atMs }) => `${window} (${(atMs / 1_000).toFixed(1)} s): ${kind} got ${said}`)
  return [
    ...odd(
      'before',
      before.filter((seen) => !isUsual(seen)),
    ),
    ...odd(
      'during',
      during.filter((seen) => !isUsual(seen) && !allows(seen)),
    ),
    ...odd(
      'after',
      after.filter((seen) => !isUsual(seen)),
    ),
    ...(recoveredMs === undefined ? ['it did not come back'] : []),
    ...(amplification > 1.2 ? [`${amplification.toFixed(2)} sends a request`] : []),
  ]
}

/** `200 x 118, 504 first-byte-timeout x 3`, the usual first. */
export function counted(seen: readonly Seen[]): string {
  const counts = new Map<string, number>()
  for (const { said } of seen) counts.set(said, (counts.get(said) ?? 0) + 1)
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([said, count]) => `${said} x ${count}`)
    .join(', ')
}
