import type { Site } from '#routes/vocabulary.ts'
import type { Clock } from '#server-kit/clock.ts'
import { type CacheStore, isStale } from '../store/cache-store.ts'
import type { PullPeer } from './pull-peer.ts'

/** How much of what is hot at another site is here. */
export interface Warmth {
  readonly from: Site
  /** Keys that were hit there in the last hour and were looked for here. */
  readonly sampled: number
  readonly present: number
  /** 0..1; absent: nothing was hit there, so there is nothing to compare. */
  readonly share?: number
}

/** Looks under way at once: what an operator asks must not be felt by clients. */
const atOnce = 32

/** `undefined`: the other site did not answer. Never rejects. */
export async function warmthOf(
  namespace: string,
  from: Site,
  peer: PullPeer,
  store: Pick<CacheStore, 'get'>,
  clock: Clock,
  deadlineMs: number,
): Promise<Warmth | undefined> {
  const keys = await peer.sample(namespace, deadlineMs)
  if (keys === undefined) return undefined
  let present = 0
  for (let at = 0; at < keys.length; at += atOnce) {
    const some = keys.slice(at, at + atOnce)
    const found = await Promise.all(some.map((key) => store.get(namespace, key, { deadlineMs })))
    present += found.filter((each) => each.kind === 'hit' && !isStale(each, clock.now())).length
  }
  return { from, sampled: keys.length, present, ...(keys.length === 0 ? {} : { share: present / keys.length }) }
}
