/** `tidegate shadow`: copies of safe requests to another site, whose answers no client sees. */
import { refuseEmptyReason, shareOf, tellChange } from '../change.ts'
import { problems } from '../errors.ts'
import type { Session } from '../session.ts'

interface ShadowOptions {
  readonly to?: string
  readonly percent?: string
  readonly maxInFlight?: string
  readonly at?: 'edge' | 'gateway'
  readonly off?: boolean
  readonly reason: string
}

export async function shadow(session: Session, [unit = '']: readonly string[], options: ShadowOptions): Promise<void> {
  const { client } = session
  const { reason } = options
  refuseEmptyReason(reason)
  const copies = options.off === true ? undefined : copiesOf(options)
  // As for a flip: what somebody else changes in between is not overwritten unseen.
  const { placement } = await client.unit(unit)
  const answer =
    copies === undefined
      ? await client.endShadow(unit, reason, placement.epoch)
      : await client.shadow(unit, { ...copies, reason }, placement.epoch)
  tellChange(session, answer, copies === undefined ? 'Changed' : 'Copying')
}

function copiesOf({ to, percent, maxInFlight, at }: ShadowOptions) {
  if (to === undefined || percent === undefined) {
    throw usageWrong('Copies need a site and a share', 'Give --to SITE --percent N, or --off to end them')
  }
  const sample = shareOf(percent)
  if (sample === 0) throw usageWrong('--percent 0 copies nothing', 'Say --off to end the copies')
  const copies = { to, sample, ...(at === 'edge' && { at }) }
  if (maxInFlight === undefined) return copies
  if (!/^[1-9]\d{0,3}$/.test(maxInFlight) || Number(maxInFlight) > 1_000) {
    throw usageWrong(`--max-in-flight ${maxInFlight} is not a number of copies`, 'Give a whole number from 1 to 1000')
  }
  return { ...copies, maxInFlight: Number(maxInFlight) }
}

function usageWrong(reason: string, usage: string) {
  return problems['usage-wrong']({ reason, usage })
}
