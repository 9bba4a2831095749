/** `tidegate cache invalidate` and `tidegate cache bump`: cached answers made gone, or stale, at all sites. */
import { parseDuration } from '#routes/quantity.ts'
import type { InvalidateAnswer, InvalidateBody } from '../../api-client/cache-schema.ts'
import { problems } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { json, table } from '../print.ts'
import type { Session } from '../session.ts'

interface Mode {
  readonly soft?: string
  readonly reason?: string
}

interface Words extends Mode {
  readonly service: string
  readonly url?: readonly string[]
  readonly prefix?: readonly string[]
  readonly tag?: readonly string[]
  readonly group?: readonly string[]
  readonly route?: readonly string[]
}

export async function invalidate(session: Session, _: readonly string[], options: Words): Promise<void> {
  const { service, url, prefix, tag, group, route } = options
  const words = {
    ...(url && { urls: [...url] }),
    ...(prefix && { prefixes: [...prefix] }),
    ...(tag && { tags: [...tag] }),
    ...(group && { groups: [...group] }),
    ...(route && { routes: [...route] }),
  }
  if (Object.keys(words).length === 0) {
    throw problems['usage-wrong']({
      reason: 'Nothing is named that is to be invalidated',
      usage: `Give --url, --prefix, --tag, --group or --route; all of it: tidegate cache bump ${service}`,
    })
  }
  tellOutcome(session, service, await session.client.invalidate({ service, ...words, ...modeOf(options) }))
}

export async function bump(session: Session, [service = '']: readonly string[], options: Mode): Promise<void> {
  tellOutcome(session, service, await session.client.invalidate({ service, all: true, ...modeOf(options) }))
}

function modeOf({ soft, reason }: Mode): Pick<InvalidateBody, 'soft' | 'reason'> {
  const said = reason === undefined ? {} : { reason }
  if (soft === undefined) return said
  const ms = parseDuration(soft)
  if (ms === undefined || ms < 1_000 || ms > 86_400_000 || ms % 1_000 !== 0) {
    throw problems['usage-wrong']({
      reason: `--soft ${soft} is not a time`,
      usage: 'Give whole seconds, at most a day: --soft 60s',
    })
  }
  return { ...said, soft: ms / 1_000 }
}

function tellOutcome({ out, tell, format }: Session, service: string, answer: InvalidateAnswer): void {
  const { complete, mode, sites } = answer
  // What some sites took holds there: a script is told that it is not all of them.
  if (!complete) process.exitCode = exitCodes.failed
  if (format === 'json') {
    out(json(answer))
    return
  }
  out(
    table(sites, [
      { head: 'site', of: ({ site }) => site },
      { head: 'outcome', of: ({ outcome }) => outcome },
      { head: 'by', of: ({ instance }) => instance },
      { head: 'why not', of: ({ because }) => because },
    ]),
  )
  if (complete) out(`Invalidated answers of ${service} (${mode}) at every site.`)
  else tell('Not every site has taken it, and may serve what is old. Repeat the command: what is done does no harm.')
}
