import type { Caller } from '#routes/messages.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'

/** Who a token belongs to, here or at a site that is also asked; undefined = unknown everywhere. Throws when it cannot be known. */
export type FindCaller = (token: string) => Promise<Caller | undefined>

/** Finds who calls, on every route that is not public. RFC 6750. */
export function authenticate(find: FindCaller): Phase {
  const look = async (x: Exchange, token: string): Promise<undefined> => {
    x.caller = await find(token)
    if (x.caller === undefined) throw problems['token-invalid']({ challenge: 'Bearer error="invalid_token"' })
    return undefined
  }
  return {
    name: 'authenticate',
    before(x: Exchange): undefined | Promise<undefined> {
      if (x.decision?.route?.policy.auth === 'public') return undefined
      return look(x, bearer(x))
    },
  }
}

/** Longer ones are nobody's: a look-up and a question to another site should cost what a token costs. */
const longestToken = 4_096

/** The one bearer token of the request. Two credentials are an attempt to be read twice, and count as none that is valid. */
function bearer(x: Exchange): string {
  let found: string | undefined
  for (let field = 0; field < x.names.length; field++) {
    if (x.names[field] !== 'authorization') continue
    if (found !== undefined) throw problems['token-invalid']({ challenge: 'Bearer error="invalid_request"' })
    found = x.headers[2 * field + 1]
  }
  const token = found === undefined ? undefined : /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(found)?.[1]
  if (token === undefined) throw problems['token-missing']({ challenge: 'Bearer' })
  if (token.length > longestToken) throw problems['token-invalid']({ challenge: 'Bearer error="invalid_token"' })
  return token
}
