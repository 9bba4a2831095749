import type { TableOffer } from '#routes/messages.ts'
import type { EdgeFeed } from './edge-feed.ts'

export interface EdgePoll {
  /** Number of the structure that the edge holds; 0 = none. */
  readonly structure: number
  readonly ifNoneMatch: string | undefined
}

export type EdgeAnswer =
  | { readonly status: 304; readonly etag: string }
  | { readonly status: 200; readonly etag: string; readonly offer: TableOffer }

/** What a poll of an edge gets. The structure is long and changes seldom: only who holds another one gets it. */
export function answerPoll(feed: Pick<EdgeFeed, 'structure' | 'placements'>, poll: EdgePoll): EdgeAnswer {
  const { structure, placements } = feed
  const etag = `"${structure?.digest ?? ''}.${placements?.digest ?? ''}"`
  if (poll.ifNoneMatch === etag) return { status: 304, etag }
  const offer: TableOffer = {
    ...(structure === undefined || structure.number === poll.structure ? {} : { structure: structure.sealed }),
    ...(placements === undefined ? {} : { placements: placements.sealed }),
  }
  return { status: 200, etag, offer }
}
