/** Which side of a move each user was on, and when: pure, over what users saw. */
import type { Seen } from './requests.ts'

/**
 * Users who were served by `to` and, in a request that they sent after they had that answer, by somebody else. While
 * a share rises there must be none.
 */
export function turnedBack(seen: readonly Seen[], to: string): string[] {
  const back: string[] = []
  for (const [track, answers] of Map.groupBy(executed(seen), trackOf)) {
    const first = Math.min(...answers.filter(({ site }) => site === to).map(({ answeredAt }) => answeredAt))
    if (answers.some(({ site, sentAt }) => site !== to && sentAt > first)) back.push(track)
  }
  return back
}

/** How many of the users who asked were served by `site` in the last request that each sent. */
export function shareAt(seen: readonly Seen[], site: string): { readonly there: number; readonly asked: number } {
  const tracks = tracksOf(seen)
  return { there: tracks.filter(({ last }) => last === site).length, asked: tracks.length }
}

/**
 * Of the users who ended at `site`: when the last request left that was executed elsewhere. Undefined = there is none.
 */
export function lastElsewhere(seen: readonly Seen[], site: string): number | undefined {
  const others = tracksOf(seen)
    .filter(({ last }) => last === site)
    .flatMap(({ answers }) => answers.filter((one) => one.site !== site))
  return others.length === 0 ? undefined : Math.max(...others.map(({ sentAt }) => sentAt))
}

interface Track {
  readonly answers: readonly Seen[]
  /** Who executed the request that was sent last. */
  readonly last: string | undefined
}

function tracksOf(seen: readonly Seen[]): Track[] {
  return [...Map.groupBy(executed(seen), trackOf).values()].map((answers) => ({
    answers,
    last: answers.reduce((a, b) => (b.sentAt > a.sentAt ? b : a)).site,
  }))
}

/** An answer from a cache says who executed it once, not who served it now. */
function executed(seen: readonly Seen[]): Seen[] {
  return seen.filter(
    ({ site, request, fault }) => site !== undefined && request.key !== undefined && fault === undefined,
  )
}

/** Reads may lead writes, so each goes its own way. */
function trackOf({ request: { unit, method, key } }: Seen): string {
  return `${unit} ${method} ${key}`
}
