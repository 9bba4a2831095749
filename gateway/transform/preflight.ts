import { decide } from '#routes/decide.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Table } from '#routes/table.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import type { Phase } from '../phase.ts'
import { corsOf, writeCors } from './cors-headers.ts'
import { addVary } from './vary.ts'

/**
 * Answers a browser's question before it sends a request. It asks by OPTIONS, without credentials, about another method: so
 * the route is that of the method asked about, and the answer comes before match and authentication, at whichever site it is
 * asked. A route without a CORS policy gets its OPTIONS itself. Fetch section 3.2.2.
 */
export function preflight(current: () => Table | undefined): Phase {
  return {
    name: 'preflight',
    before(x: Exchange): Answer | undefined {
      if (x.method !== 'OPTIONS') return undefined
      const method = x.header('access-control-request-method')
      const origin = x.header('origin')
      const table = current()
      if (method === undefined || origin === undefined || table === undefined) return undefined
      const { host, target, address, country } = x
      const decision = decide(table, { method, host, target, address, country, header: (name) => x.header(name) })
      const policy = decision.route?.policy.cors
      // What must not be decided by its path is refused by the phase whose word that is.
      if (decision.route === undefined || policy === undefined || decision.refused) return undefined
      // No decision is left on the exchange: nobody's unit served this, so no counter may say so.
      return permission(corsOf(policy), decision.route, origin, method)
    },
  }
}

function permission(cors: ReturnType<typeof corsOf>, route: RouteFacts, origin: string, method: string): Answer {
  const headers: HeaderPairs = []
  const allowed = writeCors({ ...cors, exposes: undefined }, origin, headers)
  addVary(headers, 'access-control-request-method')
  addVary(headers, 'access-control-request-headers')
  if (allowed) {
    headers.push('access-control-allow-methods', cors.methods ?? route.methods?.join(', ') ?? method)
    if (cors.headers !== undefined) headers.push('access-control-allow-headers', cors.headers)
    if (cors.maxAge !== undefined) headers.push('access-control-max-age', cors.maxAge)
  }
  return { status: 204, reason: '', headers, body: undefined }
}
