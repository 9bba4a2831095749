/** `tidegate flip` and `tidegate rollback`: a placement set at once by hand, and taken back. */
import type { FlipBody } from '../../api-client/schema.ts'
import { refuseEmptyReason, shareOf, tellChange } from '../change.ts'
import type { Session } from '../session.ts'

interface FlipOptions {
  readonly to: string
  readonly percent?: string
  readonly reason: string
}

export async function flip(session: Session, [unit = '']: readonly string[], options: FlipOptions): Promise<void> {
  const { client } = session
  const reads = options.percent === undefined ? undefined : shareOf(options.percent)
  refuseEmptyReason(options.reason)
  // The epoch that we see now: if somebody else changes the unit in between, theirs is not overwritten unseen.
  const { placement } = await client.unit(unit)
  const body: FlipBody = { to: options.to, reason: options.reason, ...(reads === undefined ? {} : { reads }) }
  const answer = await client.flip(unit, body, placement.epoch)
  tellChange(session, answer, 'Flipped')
}

/** Without If-Match and before any look: nothing comes between an operator and the way back. */
export async function rollback(
  session: Session,
  [unit = '']: readonly string[],
  { reason }: { reason?: string },
): Promise<void> {
  const answer = await session.client.rollback(unit, reason)
  tellChange(session, answer, 'Rolled back')
}
