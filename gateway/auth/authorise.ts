import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { guardOf, kindBit } from './guard.ts'
import { challenge } from './presented.ts'

/** The caller must have every scope that the route asks for, and every other route as which its path may be read. */
export function authorise(keyHeaders: ReadonlySet<string>): Phase {
  return {
    name: 'authorise',
    before(x: Exchange): undefined {
      const guard = guardOf(x)
      if (guard === undefined) return undefined
      if (x.explained !== undefined) {
        x.explained['authorise'] = { needs: guard.scopes, has: x.caller?.scopes }
      }
      for (const scope of guard.scopes) {
        if (x.caller?.scopes.includes(scope)) continue
        const kinds = kindBit[x.caller?.by ?? 'token']
        const said = challenge(kinds, keyHeaders, 'insufficient_scope', guard.scopes.join(' '))
        throw problems['scope-missing']({ scope, challenge: said })
      }
      return undefined
    },
  }
}
