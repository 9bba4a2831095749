/** `tidegate cache zones|debt|warmth|explain|zone|abandon`: what the caches of the sites hold, and what an operator turns there. */
import type {
  CacheItemAnswer,
  CacheItemRow,
  CacheWarmthAnswer,
  CacheWarmthRow,
  CacheZoneRow,
  CacheZonesAnswer,
} from '#routes/gateway-answers.ts'
import type { CacheDebtReport } from '#routes/messages.ts'
import { ApiProblem } from '../../api-client/client.ts'
import { exitCodes } from '../exit-codes.ts'
import { ofSites, tellRows } from '../of-sites.ts'
import { json, time } from '../print.ts'
import type { Session } from '../session.ts'

interface AtSite {
  readonly site?: string
}

export async function zones(session: Session, _: readonly string[], { site }: AtSite): Promise<void> {
  const rows = await ofSites<CacheZonesAnswer, CacheZoneRow>(session, site, 'cache/zones', (answer) => answer.zones)
  tellRows(session, rows, [
    { head: 'site', of: (row) => row.site },
    { head: 'zone', of: ({ zone }) => zone },
    { head: 'state', of: ({ state }) => state },
    { head: 'owed', of: ({ owed }) => owed, right: true },
    { head: 'empty since', of: ({ emptySince }) => emptySince && time(emptySince) },
  ])
}

/** Of each process: each has a journal of its own. */
export async function debt(session: Session, _: readonly string[], { site }: AtSite): Promise<void> {
  const { client, tell: say } = session
  const known = (await client.gateways()).filter((each) => each.state !== 'gone' && (site ?? each.site) === each.site)
  const answers = await Promise.all(
    known.map(async (each) => {
      const path = `cache/debt?instance=${encodeURIComponent(each.instance)}`
      try {
        return { ...(await client.gateway<CacheDebtReport>(each.site, path)), instance: each.instance }
      } catch (cause) {
        if (!(cause instanceof ApiProblem)) throw cause
        // Not known is not none.
        say(`${each.instance} of ${each.site} did not answer: ${cause.message}`)
        process.exitCode = exitCodes.failed
        return undefined
      }
    }),
  )
  const reports = answers.filter((report) => report !== undefined)
  if (session.format === 'json') return session.out(json(reports))
  tellRows(session, reports.flatMap(debtRows), [
    { head: 'site', of: (row) => row.site },
    { head: 'process', of: ({ instance }) => instance },
    { head: 'to', of: ({ to }) => to },
    { head: 'invalidations', of: ({ invalidations }) => invalidations, right: true },
    { head: 'oldest', of: ({ oldestAgeMs }) => (oldestAgeMs === 0 ? undefined : `${oldestAgeMs} ms`), right: true },
    { head: 'values', of: ({ values }) => values, right: true },
    { head: 'to give up whole', of: ({ dirty }) => dirty.join(' ') || undefined },
  ])
  for (const { site: at, writers } of reports)
    for (const { site: of, place, state, silentMs } of writers)
      if (state !== 'heard')
        say(`${at} waits for ${place} of ${of}: ${state}, last heard ${Math.round(silentMs / 1_000)} s ago`)
}

const debtRows = ({ destinations, ...report }: CacheDebtReport & { readonly instance: string }) =>
  destinations.map((row) => ({ ...report, ...row }))

export async function warmth(session: Session, [namespace = '']: readonly string[], { site }: AtSite): Promise<void> {
  const path = `cache/warmth?ns=${encodeURIComponent(namespace)}`
  const rows = await ofSites<CacheWarmthAnswer, CacheWarmthRow>(session, site, path, (answer) => answer.sites)
  tellRows(session, rows, [
    { head: 'site', of: (row) => row.site },
    { head: 'hot at', of: ({ from }) => from },
    { head: 'sampled', of: ({ sampled, away }) => (away ? 'no answer' : sampled), right: true },
    { head: 'here', of: ({ present, away }) => (away ? undefined : present), right: true },
    { head: 'share', of: ({ share }) => share && `${Math.round(share * 100)} %`, right: true },
  ])
}

export async function explainKey(
  session: Session,
  [key = '']: readonly string[],
  { site, namespace }: AtSite & { readonly namespace: string },
): Promise<void> {
  const path = `cache/item?ns=${encodeURIComponent(namespace)}&key=${encodeURIComponent(key)}`
  const rows = await ofSites<CacheItemAnswer, CacheItemRow>(session, site, path, (answer) => answer.zones)
  tellRows(session, rows, [
    { head: 'site', of: (row) => row.site },
    { head: 'zone', of: ({ zone }) => zone },
    { head: 'node', of: ({ node }) => node },
    { head: 'result', of: ({ result, staleSince }) => (staleSince === undefined ? result : `${result}, stale`) },
    { head: 'stamp', of: ({ stamp }) => stamp, right: true },
    { head: 'stamped', of: ({ stampedAt }) => stampedAt && time(stampedAt) },
    { head: 'ttl', of: ({ ttl }) => ttl && `${ttl}s`, right: true },
    { head: 'bytes', of: ({ bytes }) => bytes, right: true },
    { head: 'flags', of: ({ flags }) => flags, right: true },
    { head: 'tags', of: ({ tags }) => tags?.join(' ') },
  ])
}

export async function forceZone(
  { client, tell: say }: Session,
  [zone = '', state = '']: readonly string[],
  { site }: { readonly site: string },
): Promise<void> {
  await client.askGateway(site, `cache/zones/${encodeURIComponent(zone)}`, { state })
  say(`Zone ${zone} of ${site} is ${state} from now on; "tidegate cache zones" shows it.`)
}

export async function abandon(
  { client, tell: say }: Session,
  [place = '']: readonly string[],
  { site, of }: { readonly site: string; readonly of: string },
): Promise<void> {
  await client.askGateway(site, 'cache/abandon', { site: of, place })
  say(`${site} waits for ${place} of ${of} no longer. What it had cached before is gone: it will be fetched anew.`)
}
