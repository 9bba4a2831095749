/** `tidegate flip` and `tidegate rollback`: a placement set at once by hand, and taken back. */
import type { ChangeAnswer, FlipBody } from '../../api-client/schema.ts'
import { problems } from '../errors.ts'
import { count, json, percent } from '../print.ts'
import type { Session } from '../session.ts'
import { splitOf } from '../split.ts'

interface FlipOptions {
  readonly to: string
  readonly percent?: string
  readonly reason: string
}

export async function flip(session: Session, [unit = '']: readonly string[], options: FlipOptions): Promise<void> {
  const { client } = session
  const reads = shareOf(options.percent)
  if (options.reason.trim() === '') {
    throw problems['usage-wrong']({
      reason: 'The reason is empty',
      usage: 'Say why, for those who read the audit later: --reason "first tenth"',
    })
  }
  // The epoch that we see now: if somebody else changes the unit in between, theirs is not overwritten unseen.
  const { placement } = await client.unit(unit)
  const body: FlipBody = { to: options.to, reason: options.reason, ...(reads === undefined ? {} : { reads }) }
  const answer = await client.flip(unit, body, placement.epoch)
  tellChange(session, answer, 'Flipped', `Undo: ${answer.undo}`)
}

/** Without If-Match and before any look: nothing comes between an operator and the way back. */
export async function rollback(
  session: Session,
  [unit = '']: readonly string[],
  { reason }: { reason?: string },
): Promise<void> {
  const answer = await session.client.rollback(unit, reason)
  tellChange(session, answer, 'Rolled back', `Undo: ${answer.undo}`)
}

/** Basis points. What becomes of the writes is decided by the unit's state, at the control plane. */
function shareOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const bp = Number(text) * 100
  const whole = Math.round(bp)
  if (text.trim() !== '' && bp >= 0 && bp <= 10_000 && Math.abs(bp - whole) < 1e-6) return whole
  throw problems['usage-wrong']({
    reason: `--percent ${text} is not a share`,
    usage: 'Give a number from 0 to 100 with at most two digits after the point: 12.5',
  })
}

function tellChange({ out, tell, format }: Session, answer: ChangeAnswer, verb: string, next: string): void {
  if (format === 'json') {
    out(json(answer))
    return
  }
  const { unit, epoch, placement, table, gateways, waiting } = answer
  if (!answer.changed) {
    out(`Nothing to do: ${unit} is already at ${splitOf(placement)} (epoch ${epoch}).`)
    return
  }
  out(`${verb}: ${unit} is at ${splitOf(placement)} (epoch ${epoch}, table ${table}).`)
  if (placement.moving !== undefined && placement.moving.writes === 0) {
    out(`Writes stay whole at ${placement.owner}; ${percent(placement.moving.reads)} of the reads go.`)
  }
  if (gateways.length > 0) {
    const each = gateways.map(({ site, ackMs }) => `${site} ${ackMs} ms`).join(', ')
    out(`Acknowledged by ${count(gateways.length, 'gateway')}: ${each}. Edges follow within about a second.`)
  }
  if (waiting.length > 0) {
    const names = waiting.map(({ site, instance, because }) => `${site}/${instance} (${because})`).join(', ')
    tell(`Not yet acknowledged by ${names}: there the earlier placement holds until then.`)
  }
  out(next)
}
