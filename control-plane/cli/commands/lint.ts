import type { RouteRecord } from '#routes/gateway-answers.ts'
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
  const sites = await client.sites()
  const records = await Promise.all(
    sites.map(async ({ name }) => (await client.gateway<{ routes: RouteRecord[] }>(name, 'recorder')).routes),
  )
  const asked = records.flat().filter((record) => host === undefined || record.host === host || record.host === '')
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

function wordsOf({ requests, policy, routes }: PathAdvice): string {
  const seen = `Of ${requests} recorded requests`
  if (routes.length === 0) return `${seen} none has an unsafe target: unsafeTargets: reject refuses nobody.`
  return policy === 'reject'
    ? `${seen} some have unsafe targets that routes can accept by name; then unsafeTargets: reject refuses nobody.`
    : `${seen} some have unsafe targets that no route can accept: stay with unsafeTargets: observe until their clients are mended.`
}
