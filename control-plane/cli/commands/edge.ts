import type { EdgeStatus } from '#routes/messages.ts'
import { systemClock } from '#server-kit/clock.ts'
import { refuseEmptyReason } from '../change.ts'
import { askStatus } from '../edge-doctor/doctor.ts'
import { placeOf } from '../edge-doctor/place.ts'
import { problems } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { facts, json, table, time } from '../print.ts'
import type { Session } from '../session.ts'

/** `tidegate edge force`: a word by which one tester's reads go to a site. */
export async function force(
  { client, out, tell, format }: Session,
  _: readonly string[],
  { site, for: lasts, reason }: { site: string; for: string; reason: string },
): Promise<void> {
  refuseEmptyReason(reason)
  if (!/^[1-9]\d{0,3}[mh]$/.test(lasts)) {
    throw problems['usage-wrong']({
      reason: `"${lasts}" is no such time`,
      usage: 'Minutes or hours, at most 24h: --for 30m',
    })
  }
  const answer = await client.force({ site, for: lasts, reason })
  if (format === 'json') return out(json(answer))
  const { header, cookie, expiresAt } = answer
  out(facts({ header: `${header.name}: ${header.value}`, cookie: `${cookie.name}=${cookie.value}` }))
  tell(`Until ${time(expiresAt)} reads of whoever shows either go to ${site}; writes go where they always go.`)
  tell(`curl:    curl -H '${header.name}: ${header.value}' https://...`)
  tell(
    `browser: in the console of a page of that host, document.cookie = '${cookie.name}=${cookie.value}; path=/; secure'`,
  )
}

/** `tidegate edge status`: what each edge runs, or the one behind `--url`. */
export async function status(
  { client, out, format, folder }: Session,
  _: readonly string[],
  options: { url?: string; host?: string; ca?: string },
): Promise<void> {
  const rows = options.url === undefined ? await known(client) : [await asked(client, options, options.url, folder)]
  if (rows.some(({ status: told }) => told === undefined)) process.exitCode = exitCodes.failed
  if (format === 'json') return out(json(rows))
  out(
    table(rows, [
      { head: 'edge', of: ({ name }) => name },
      { head: 'structure', of: ({ status: told }) => told?.held?.structure.number, right: true },
      { head: 'placements', of: ({ status: told }) => told?.held?.placements.number, right: true },
      { head: 'source', of: ({ status: told }) => told?.source },
      { head: 'colo', of: ({ status: told }) => told?.colo },
      {
        head: 'heard',
        of: ({ status: told }) => told && (told.ageMs === undefined ? 'never' : `${told.ageMs}ms`),
        right: true,
      },
      { head: 'requests', of: ({ status: told }) => told?.counts?.requests, right: true },
      { head: 'failovers', of: ({ status: told }) => told?.counts?.failovers, right: true },
      { head: 'spared', of: ({ status: told }) => told?.counts?.failoversSpared, right: true },
      { head: 'shadows', of: ({ status: told }) => told?.counts?.shadows, right: true },
      { head: 'dropped', of: ({ status: told }) => told?.counts?.shadowsDropped, right: true },
      { head: 'forced', of: ({ status: told }) => told?.counts?.forced, right: true },
      { head: 'refusals', of: (row) => row.because ?? refusalsOf(row.status) },
    ]),
  )
}

interface Row {
  readonly name: string
  readonly url: string
  readonly status?: EdgeStatus
  readonly because?: string
}

async function known(client: Session['client']): Promise<readonly Row[]> {
  const { edges } = await client.status()
  return edges.map(({ name, url, status: told, because }) => ({
    name,
    url,
    ...(told === undefined ? {} : { status: told as EdgeStatus }),
    ...(because === undefined ? {} : { because }),
  }))
}

async function asked(
  client: Session['client'],
  { host, ca }: { host?: string; ca?: string },
  url: string,
  folder: string,
): Promise<Row> {
  const told = await askStatus(placeOf({ url, host, ca }, folder), client, systemClock)
  if (told === undefined) throw problems['edge-silent']({ url })
  return { name: told.name, url, status: told }
}

function refusalsOf(told: EdgeStatus | undefined): string {
  const rows = told?.refusals.map(({ kind, because, count }) => `${kind} ${because} (${count})`) ?? []
  return rows.length === 0 ? 'none' : rows.join(', ')
}
