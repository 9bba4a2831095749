import type { RouteRecord } from '#routes/gateway-answers.ts'
import type { Client } from '../../api-client/client.ts'
import { json, table } from '../print.ts'
import type { Session } from '../session.ts'
import { type PathAdvice, pathAdvice } from './path-advice.ts'

export { lintHops } from './lint-hops.ts'

/** `tidegate lint paths --host api.example.com`: from what the gateways of all sites recorded of real traffic. */
export async function lintPaths(
  { client, out, tell, format }: Session,
  _: readonly string[],
  { host }: { host?: string },
): Promise<void> {
  const records = await everyRecord(client)
  const asked = records.filter((record) => host === undefined || record.host === host || record.host === '')
  const advice = pathAdvice(asked)
  if (format === 'json') return out(json(advice))
  out(wordsOf(advice))
  if (advice.routes.length > 0) {
    out('')
    out(
      table(advice.routes, [
        { head: 'route', of: ({ route }) => route },
        { head: 'class', of: ({ unsafe }) => unsafe },
        { head: 'requests', of: ({ count }) => count, right: true },
        { head: 'write', of: ({ accepts, unsafe }) => (accepts ? `accepts: [${unsafe}]` : 'mend the client') },
        { head: 'example', of: ({ example }) => example },
      ]),
    )
  }
  tell('From what the gateways saw since their start: let them see a whole week before you trust it.')
}

/** Each process records what it served itself: of a site that has several, one tells but a part. */
async function everyRecord(client: Client): Promise<RouteRecord[]> {
  const [sites, gateways] = await Promise.all([client.sites(), client.gateways()])
  const asks = sites.flatMap(({ name }) => {
    const live = gateways.filter(({ site, state }) => site === name && state === 'live')
    // Where none is live the control plane chooses, or says why it cannot.
    if (live.length === 0) return [{ name, path: 'recorder' }]
    return live.map(({ instance }) => ({ name, path: `recorder?instance=${encodeURIComponent(instance)}` }))
  })
  const answers = await Promise.all(asks.map(({ name, path }) => client.gateway<{ routes: RouteRecord[] }>(name, path)))
  return answers.flatMap(({ routes }) => routes)
}

function wordsOf({ requests, policy, routes }: PathAdvice): string {
  const seen = `Of ${requests} recorded requests`
  if (routes.length === 0) return `${seen} none has an unsafe target: unsafeTargets: reject refuses nobody.`
  return policy === 'reject'
    ? `${seen} some have unsafe targets that routes can accept by name; then unsafeTargets: reject refuses nobody.`
    : `${seen} some have unsafe targets that no route can accept: stay with unsafeTargets: observe until their clients are mended.`
}
