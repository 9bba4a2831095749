import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'

/** The caller must have every scope that the route asks for. RFC 6750 section 3.1. */
export const authorise: Phase = {
  name: 'authorise',
  before(x: Exchange): undefined {
    const auth = x.decision?.route?.policy.auth
    if (auth === undefined || auth === 'public') return undefined
    for (const scope of auth.scopes) {
      if (!x.caller?.scopes.includes(scope)) {
        const scopes = auth.scopes.join(' ')
        throw problems['scope-missing']({ scope, challenge: `Bearer error="insufficient_scope", scope="${scopes}"` })
      }
    }
    return undefined
  },
}
