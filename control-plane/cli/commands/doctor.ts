import type { HopsAnswer, ProbedInstance } from '#routes/gateway-answers.ts'
import { exitCodes } from '../exit-codes.ts'
import { json, table } from '../print.ts'
import type { Session } from '../session.ts'

/** An instance as one site's gateway sees it, and what is wrong with that. */
interface Row extends ProbedInstance {
  readonly site: string
  readonly verdict: string
}

/** `tidegate doctor hops`: whether services keep idle connections for as long as the gateways use them. */
export async function doctorHops(
  { client, out, tell, format }: Session,
  _: readonly string[],
  { site, watch = '6s' }: { site?: string; watch?: string },
): Promise<void> {
  const sites = site === undefined ? (await client.sites()).map(({ name }) => name) : [site]
  tell(`Watching idle connections for ${watch} ...`)
  const answers = await Promise.all(
    sites.map(async (name) => ({
      name,
      answer: await client.gateway<HopsAnswer>(name, `hops?watch=${encodeURIComponent(watch)}`),
    })),
  )
  const rows = answers.flatMap(({ name, answer }) =>
    answer.instances.map((instance): Row => ({ site: name, ...instance, verdict: verdictOf(instance) })),
  )
  const wrong = rows.filter(({ verdict }) => verdict !== 'fine')
  process.exitCode = wrong.length === 0 ? exitCodes.ok : exitCodes.gate
  if (format === 'json') return out(json(rows))
  out(
    table(rows, [
      { head: 'site', of: (row) => row.site },
      { head: 'service', of: (row) => row.service },
      { head: 'instance', of: (row) => row.id },
      { head: 'connect', of: ({ probe }) => `${probe.connectMs}ms`, right: true },
      {
        head: 'answer',
        of: ({ probe }) => (probe.firstByteMs === undefined ? undefined : `${probe.firstByteMs}ms`),
        right: true,
      },
      { head: 'says', of: ({ probe }) => seconds(probe.saysIdleMs), right: true },
      { head: 'closed after', of: ({ probe }) => seconds(probe.closedAfterMs), right: true },
      { head: 'used for', of: ({ idleMs }) => seconds(idleMs), right: true },
      { head: 'verdict', of: (row) => row.verdict },
    ]),
  )
  for (const { name, answer } of answers)
    if (answer.leftOut > 0) tell(`${name}: ${answer.leftOut} further instances were not asked.`)
}

/** A connection that is used up to the moment at which it closes loses a request now and then. */
function verdictOf({ idleMs, probe }: ProbedInstance): string {
  if (probe.failed !== undefined) return `not reached: ${probe.failed}`
  const limit = Math.min(probe.closedAfterMs ?? Number.POSITIVE_INFINITY, probe.saysIdleMs ?? Number.POSITIVE_INFINITY)
  return limit < idleMs + 1_000 ? 'it closes before we do' : 'fine'
}

function seconds(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : `${(ms / 1_000).toFixed(1)}s`
}
