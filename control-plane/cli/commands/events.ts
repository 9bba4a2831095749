/** `tidegate events lag|dead|retry|replay`: what other programs tell the caches, and how far that is. */
import { setTimeout as pause } from 'node:timers/promises'
import type { DeadEventRow, DeadEventsAnswer, EventReplay, EventsAnswer } from '#routes/gateway-answers.ts'
import { parseDuration } from '#routes/quantity.ts'
import { problems } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { ofSites, tellRows } from '../of-sites.ts'
import { count, json, time } from '../print.ts'
import type { Session } from '../session.ts'

interface AtSite {
  readonly site?: string
}

type LagRow = Partial<Omit<EventsAnswer, 'state'>> & { readonly state: string }

export async function lag(session: Session, _: readonly string[], { site }: AtSite): Promise<void> {
  const rows = await ofSites<EventsAnswer, LagRow>(
    session,
    site,
    'events',
    (answer) => [answer],
    // It takes events by HTTP alone, which is no failure.
    ({ code }) => (code === 'events-source-absent' ? [{ state: 'no stream' }] : undefined),
  )
  tellRows(session, rows, [
    { head: 'site', of: (row) => row.site },
    { head: 'state', of: ({ state }) => state },
    { head: 'lag', of: ({ lag: behind }) => behind, right: true },
    { head: 'pending', of: ({ pending }) => pending, right: true },
    { head: 'oldest', of: ({ oldestPendingMs: ms }) => ms && `${(ms / 1_000).toFixed(1)}s`, right: true },
    { head: 'dead', of: ({ dead: given }) => given, right: true },
    { head: 'kept', of: ({ length }) => length, right: true },
    { head: 'consumers', of: ({ consumers }) => consumers?.length, right: true },
    { head: 'replay', of: ({ replay: now }) => now && `${now.state}, ${now.applied} applied` },
  ])
}

export async function dead(session: Session, _: readonly string[], { site }: AtSite): Promise<void> {
  const rows = await ofSites<DeadEventsAnswer, DeadEventRow>(
    session,
    site,
    'events/dead',
    (answer) => answer.dead,
    ({ code }) => (code === 'events-source-absent' ? [] : undefined),
  )
  tellRows(session, rows, [
    { head: 'site', of: (row) => row.site },
    { head: 'id', of: ({ id }) => id },
    { head: 'died', of: ({ id }) => time(Number(id.split('-', 1)[0])) },
    { head: 'tries', of: ({ deliveries }) => deliveries, right: true },
    { head: 'why', of: ({ because }) => because },
  ])
}

export async function retry(
  { client, tell }: Session,
  [id = '']: readonly string[],
  { site }: { readonly site: string },
): Promise<void> {
  await client.askGateway(site, `events/dead/${encodeURIComponent(id)}/retry`, {})
  tell(`${id} is a new event of ${site}; "tidegate events dead" shows it again if it still cannot be applied.`)
}

interface Range {
  readonly site: string
  readonly since?: string
  readonly from?: string
  readonly to?: string
}

const lookEveryMs = 500

export async function replay(session: Session, _: readonly string[], range: Range): Promise<void> {
  const { client, out, tell, format } = session
  const { site } = range
  const { from, to } = timesOf(range)
  // Of the process that is asked: another one of the site would not know of it.
  const { instance } = await client.gateway<EventsAnswer>(site, 'events')
  const at = `?instance=${encodeURIComponent(instance)}`
  let now = await client.askGateway<EventReplay>(site, `events/replay${at}`, { from, to })
  while (now.state === 'running') {
    await pause(lookEveryMs)
    now = (await client.gateway<EventsAnswer>(site, `events${at}`)).replay ?? now
  }
  if (format === 'json') out(json(now))
  else out(`Applied once more at ${site}: ${count(now.applied, 'event')} from ${time(from)} to ${time(to)}.`)
  if (now.failed > 0) tell(`${count(now.failed, 'event')} could not be applied this time either.`)
  if (now.state === 'failed') tell('The replay ended before its end. Repeat the command: what is done does no harm.')
  if (now.state === 'failed' || now.failed > 0) process.exitCode = exitCodes.failed
}

function timesOf({ since, from, to }: Range): { readonly from: number; readonly to: number } {
  const now = Date.now()
  const ago = since === undefined ? undefined : parseDuration(since)
  const begin = ago === undefined ? Date.parse(from ?? '') : now - ago
  const end = to === undefined ? now : Date.parse(to)
  const isOne = (since === undefined) !== (from === undefined)
  if (isOne && begin >= 0 && end >= begin) return { from: begin, to: end }
  throw problems['usage-wrong']({
    reason: 'It is not clear which events are meant',
    usage: 'Give --since 15m, or --from 2026-11-22T05:00:00Z, with --to where it is not now',
  })
}
