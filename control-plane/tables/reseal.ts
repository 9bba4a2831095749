import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { record } from '../audit/chain.ts'
import type { TableFeed } from './feed.ts'
import { nextNumber, publishPlacements, publishStructure } from './publish.ts'
import type { Publisher } from './publisher.ts'

export interface ResealParts {
  readonly publisher: Publisher
  readonly feed: TableFeed
  readonly clock: Clock
  readonly log: Log
}

/**
 * Publishes both documents anew when another key than `sealingId` sealed one of them. Under new numbers, since a receiver
 * keeps what it holds under an old one: only so does nobody need the earlier key when it is retired.
 */
export function reseal({ publisher, feed, clock, log }: ResealParts, sealingId: string): Promise<void> {
  return publisher.exclusive(async () => {
    const { structure, placements } = feed
    const keyIds = [structure, placements].flatMap((held) => (held === undefined ? [] : [held.sealed.keyId]))
    const earlier = keyIds.find((id) => id !== sealingId)
    if (earlier === undefined || structure === undefined) return
    const author = { actor: 'control-plane', reason: `sealed anew by ${sealingId}`, at: clock.now() }
    const { published } = await publisher.commit(async ({ tables, audit }, sealer) => {
      const number = await nextNumber(tables, 'structure')
      const anew = {
        structure: await publishStructure(tables, sealer, author, { ...structure.value, number }),
        placements: await publishPlacements(tables, sealer, author, []),
      }
      await record(audit, {
        at: author.at,
        actor: author.actor,
        via: 'start',
        action: 'table.resealed',
        object: 'table',
        before: { key: earlier, structure: structure.number, placements: placements?.number ?? 0 },
        after: { key: sealingId, structure: number, placements: anew.placements.number },
        reason: author.reason,
        requestId: '',
        tableNumber: anew.placements.number,
      })
      return { published: anew }
    })
    const { structure: now, placements: then } = published
    log.info({ earlier, sealingId, structure: now.number, placements: then.number }, 'sealed anew')
  })
}
