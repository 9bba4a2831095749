import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'

/** A body of these means nothing to HTTP (RFC 9110 section 9.3), and some services read it all the same. */
const withoutMeaning: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE'])

/** Refuses such a body where the route, or another as which a service may read the path, says so; else it is forwarded. */
export const bodyMeaning: Phase = {
  name: 'body-meaning',
  before(x: Exchange): undefined {
    if (!x.body.present || !withoutMeaning.has(x.method)) return undefined
    const refuses = (route: { policy: { bodyWithoutMeaning?: 'refuse' } }) =>
      route.policy.bodyWithoutMeaning === 'refuse'
    const { route } = x.decision ?? {}
    if ((route !== undefined && refuses(route)) || x.readings.some(refuses))
      throw problems['body-invalid']({ because: `a body on ${x.method}` })
    return undefined
  },
}
