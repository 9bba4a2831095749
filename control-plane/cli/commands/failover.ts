/** `tidegate failover`: where edges send a safe request once more when its own site gives no answer. */
import { refuseEmptyReason, tellChange } from '../change.ts'
import { problems } from '../errors.ts'
import type { Session } from '../session.ts'

interface FailoverOptions {
  readonly to?: string
  readonly off?: boolean
  readonly reason: string
}

export async function failover(
  session: Session,
  [unit = '']: readonly string[],
  { to, off, reason }: FailoverOptions,
): Promise<void> {
  const { client } = session
  refuseEmptyReason(reason)
  if (to === undefined && off !== true) {
    throw problems['usage-wrong']({ reason: 'A failover needs a site', usage: 'Give --to SITE, or --off to end it' })
  }
  // As for a flip: what somebody else changes in between is not overwritten unseen.
  const { placement } = await client.unit(unit)
  const answer =
    to === undefined
      ? await client.endFailover(unit, reason, placement.epoch)
      : await client.failover(unit, { to, reason }, placement.epoch)
  tellChange(session, answer, 'Changed')
}
