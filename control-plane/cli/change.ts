/** What commands that change a placement have in common. */
import type { ChangeAnswer } from '../api-client/schema.ts'
import { problems } from './errors.ts'
import { count, json, percent } from './print.ts'
import type { Session } from './session.ts'
import { splitOf } from './split.ts'

export function refuseEmptyReason(reason: string): void {
  if (reason.trim() !== '') return
  throw problems['usage-wrong']({
    reason: 'The reason is empty',
    usage: 'Say why, for those who read the audit later: --reason "first tenth"',
  })
}

/** `--percent` in basis points. What becomes of writes is decided by the unit's state, at the control plane. */
export function shareOf(text: string): number {
  const bp = Number(text) * 100
  const whole = Math.round(bp)
  if (text.trim() !== '' && bp >= 0 && bp <= 10_000 && Math.abs(bp - whole) < 1e-6) return whole
  throw problems['usage-wrong']({
    reason: `--percent ${text} is not a share`,
    usage: 'Give a number from 0 to 100 with at most two digits after the point: 12.5',
  })
}

/** What changed, where it is in force, and how it is undone. */
export function tellChange({ out, tell, format }: Session, answer: ChangeAnswer, verb: string): void {
  if (format === 'json') {
    out(json(answer))
    return
  }
  const { unit, epoch, placement, table, ended, gateways, waiting } = answer
  if (!answer.changed) {
    out(`Nothing to do: ${unit} is already at ${splitOf(placement)} (epoch ${epoch}).`)
    return
  }
  out(`${verb}: ${unit} is at ${splitOf(placement)} (epoch ${epoch}, table ${table}).`)
  if (placement.moving !== undefined && placement.moving.writes === 0) {
    out(`Writes stay whole at ${placement.owner}; ${percent(placement.moving.reads)} of the reads go.`)
  }
  if (ended?.shadow !== undefined) out(`Copies to ${ended.shadow.to} have ended.`)
  if (ended?.failover !== undefined) out(`Failover to ${ended.failover.to} has ended.`)
  if (gateways.length > 0) {
    const each = gateways.map(({ site, ackMs }) => `${site} ${ackMs} ms`).join(', ')
    out(`Acknowledged by ${count(gateways.length, 'gateway')}: ${each}. Edges follow within about a second.`)
  }
  if (waiting.length > 0) {
    const names = waiting.map(({ site, instance, because }) => `${site}/${instance} (${because})`).join(', ')
    tell(`Not yet acknowledged by ${names}: there the earlier placement holds until then.`)
  }
  out(`Undo: ${answer.undo}`)
}
