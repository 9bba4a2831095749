import type { EventStream } from '../live/event-stream.ts'
import type { TableFeed } from './feed.ts'
import type { Published } from './publish.ts'

/**
 * Offers tables to one gateway process over its stream: all there is at once, then what is new. A process that does
 * not keep up is not sent each step: when it has read what waits for it, it gets the present documents.
 */
export function offerTables(feed: TableFeed, stream: EventStream): void {
  let missed = false
  const offer = (published: Published): void => {
    if (stream.behind) {
      missed = true
      return
    }
    const { structure, placements } = published
    stream.send('offer', JSON.stringify({ structure: structure?.sealed, placements: placements?.sealed }))
  }
  const present = (): Published => ({
    ...(feed.structure === undefined ? {} : { structure: feed.structure }),
    ...(feed.placements === undefined ? {} : { placements: feed.placements }),
  })
  const unsubscribe = feed.subscribe(offer)
  stream.onClose(unsubscribe)
  stream.onDrain(() => {
    if (!missed) return
    missed = false
    offer(present())
  })
  offer(present())
}
