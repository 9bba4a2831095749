import { cookies } from '#routes/messages.ts'
import { takeCookie } from '#routes/own-cookie.ts'
import type { KeyRing } from '#routes/seal.ts'
import { readSigned } from '#routes/signed-value.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import type { Phase } from '../phase.ts'

/** Both names begin with it. */
const ours = 'tidegate-'

/**
 * Cookies of ours come no further: what a cache key, a service or a log sees of the Cookie field is what the client's own site
 * has set, byte for byte. The sticky one says its client's key, if `ring` signed it.
 */
export function ownCookies(ring: KeyRing | undefined, clock: Clock): Phase {
  const verify = async (x: Exchange, text: string, by: KeyRing): Promise<undefined> => {
    x.sticky = await readSigned('sticky', text, by, clock.now())
    if (x.sticky !== undefined) x.stickyCookie = text
  }
  return {
    name: 'own-cookies',
    before(x: Exchange): undefined | Promise<undefined> {
      const { names, headers } = x
      for (let field = 0; field < names.length; field++) {
        if (names[field] !== 'cookie' || !(headers[2 * field + 1] as string).includes(ours)) continue
        const text = takeOut(x)
        return text === undefined || ring === undefined ? undefined : verify(x, text, ring)
      }
      return undefined
    },
  }
}

/** The first value of the sticky cookie: the one that the edge reads. */
function takeOut(x: Exchange): string | undefined {
  const kept: HeaderPairs = []
  let sticky: string | undefined
  for (let field = 0; field < x.names.length; field++) {
    const name = x.headers[2 * field] as string
    const value = x.headers[2 * field + 1] as string
    if (x.names[field] !== 'cookie') {
      kept.push(name, value)
      continue
    }
    const taken = takeCookie(takeCookie(value, cookies.force).rest, cookies.sticky)
    sticky ??= taken.value
    if (taken.rest !== '') kept.push(name, taken.rest)
  }
  x.setHeaders(kept)
  return sticky
}
