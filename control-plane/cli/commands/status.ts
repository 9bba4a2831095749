import type { Placement, StatusAnswer } from '../../api-client/schema.ts'
import { facts, json, percent, table, time } from '../print.ts'
import type { Session } from '../session.ts'
import { splitOf } from '../split.ts'

/** `tidegate status [service]`: one screen for who is on call. */
export async function status(session: Session, [unit]: readonly string[]): Promise<void> {
  return unit === undefined ? wholeStatus(session) : unitStatus(session, unit)
}

async function wholeStatus({ client, out, tell, format }: Session): Promise<void> {
  const answer = await client.status()
  if (format === 'json') return out(json(answer))
  const { environment, version, startedAt, recovery, services, units, moving, sites, adoption, cloudflare } = answer
  out(
    facts({
      environment,
      'control plane': `${version}, since ${time(startedAt)}`,
      table: `structure ${answer.table.structure}, placements ${answer.table.placements}`,
      catalog: `${services} services, ${units} units at ${sites.join(' and ')}; ${moving} moving`,
      adoption: adoption === undefined ? undefined : adoptionOf(adoption),
      cloudflare: cloudflare && cloudflareOf(cloudflare),
      // Who was away when the control plane started is only of interest until it is done with that.
      recovery: recovery.state === 'done' ? undefined : `${recovery.state}: ${recovery.silent.join(', ')}`,
    }),
  )
  const gateways = answer.gateways.filter(({ state }) => state !== 'gone')
  out('')
  out(
    table(gateways, [
      { head: 'gateway', of: ({ site }) => site },
      { head: 'instance', of: ({ instance }) => instance },
      { head: 'state', of: ({ state }) => state },
      { head: 'structure', of: ({ structure }) => structure, right: true },
      { head: 'placements', of: ({ placements }) => placements, right: true },
      { head: 'refusals', of: ({ refusals }) => refusals.length, right: true },
      { head: 'debt', of: ({ debt }) => debt?.deletes, right: true },
      { head: 'heard', of: ({ heardAt }) => time(heardAt) },
    ]),
  )
  out('')
  out(
    table(answer.edges, [
      { head: 'edge', of: ({ name }) => name },
      { head: 'url', of: ({ url }) => url },
      { head: 'reachable', of: ({ reachable, because }) => (reachable ? 'yes' : `no: ${because}`) },
    ]),
  )
  if (answer.catalogBehind) {
    tell('The structure in force came from the fleet, and the catalog is behind it. Run: tidegate apply DIR')
  }
}

function adoptionOf({ placements, confirmed, stragglers }: NonNullable<StatusAnswer['adoption']>): string {
  const late = stragglers.map(({ kind, name, placements: held }) => `${kind} ${name} on ${held}`)
  if (late.length > 0) return `of ${placements}: waiting for ${late.join(', ')}`
  return confirmed ? `of ${placements}: confirmed` : `of ${placements}: by all that were heard, not yet confirmed`
}

function cloudflareOf({ script, kv }: NonNullable<StatusAnswer['cloudflare']>): string {
  const told = (health: string, because: string) => (because === '' ? health : `${health}: ${because}`)
  const newest = script.newest === undefined ? 'nothing published' : `newest version ${script.newest.state}`
  const values = kv === undefined ? [] : [`KV ${told(kv.health, kv.because)}, has placements ${kv.written}`]
  return [`script ${told(script.health, script.because)}, ${newest}`, ...values].join('; ')
}

async function unitStatus({ client, out, format }: Session, unit: string): Promise<void> {
  const answer = await client.unit(unit)
  if (format === 'json') return out(json(answer))
  const { placement, changed, traffic, history } = answer
  out(
    facts({
      unit,
      service: answer.service,
      team: answer.team,
      now: splitOf(placement),
      copies: placement.shadow && copiesOf(placement.shadow),
      failover: placement.failover && `reads, to ${placement.failover.to}, when ${placement.owner} gives no answer`,
      epoch: placement.epoch,
      changed: `${time(changed.at)} by ${changed.actor} (${changed.how}): ${changed.reason}`,
      'rollback to': answer.returnsTo === undefined ? 'nothing to take back' : `epoch ${answer.returnsTo}`,
    }),
  )
  if (traffic.length > 0) {
    out('')
    out(
      table(traffic, [
        { head: 'site', of: ({ site }) => site },
        { head: 'reads/s', of: ({ reads }) => reads.toFixed(1), right: true },
        { head: 'writes/s', of: ({ writes }) => writes.toFixed(1), right: true },
        { head: 'forwarded/s', of: ({ forwarded }) => forwarded.toFixed(1), right: true },
        { head: 'failed/s', of: ({ failed }) => failed.toFixed(1), right: true },
      ]),
    )
  }
  out('')
  out(
    table(history.slice(0, 10), [
      { head: 'epoch', of: ({ placement: then }) => then.epoch, right: true },
      { head: 'at', of: ({ at }) => time(at) },
      { head: 'was', of: ({ placement: then }) => splitOf(then) },
      { head: 'how', of: ({ how }) => how },
      { head: 'by', of: ({ actor }) => actor },
      { head: 'reason', of: ({ reason }) => reason },
    ]),
  )
}

function copiesOf({ to, sample, maxInFlight, at }: NonNullable<Placement['shadow']>): string {
  const who = at === 'edge' ? 'an isolate of the edge, only to warm' : 'a gateway process'
  return `safe requests of ${percent(sample)} of the clients, to ${to}; at most ${maxInFlight} at once, ${who}`
}
