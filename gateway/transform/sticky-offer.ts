import { hash } from 'node:crypto'
import { headers } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import { writeSigned } from '#routes/signed-value.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Random } from '#server-kit/random.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import { firstValue, joinedValue, lowerNames } from '../header-pairs.ts'
import type { Phase } from '../phase.ts'

export interface StickyOfferOptions {
  /** Signs what edges set as a cookie; undefined = nobody gets one. */
  readonly ring: KeyRing | undefined
  readonly clock: Clock
  readonly random: Random
}

/** As long as the edge's Max-Age. */
const lifeMs = 30 * 24 * 3_600_000
const keyLength = 22

/**
 * Gives clients of a host with `stickyCookie` a signed key, for the edge to set as a cookie: who is known gets the same one on
 * each of their devices and at each site, anybody else one by chance. One that grows old, or whose signing key is replaced, is
 * signed anew, never changed: its client stays on its side.
 */
export function stickyOffer({ ring, clock, random }: StickyOfferOptions): Phase {
  const offers = new WeakMap<Exchange, string>()

  const offer = async (x: Exchange, by: KeyRing): Promise<undefined> => {
    const now = clock.now()
    if (x.stickyCookie !== undefined && isFresh(x.stickyCookie, by, now)) return
    const key =
      x.sticky ?? (x.caller === undefined ? random.bytes(16) : hash('sha256', label + x.caller.consumer, 'buffer'))
    offers.set(x, await writeSigned('sticky', typeof key === 'string' ? key : written(key), now + lifeMs, by))
  }

  return {
    name: 'sticky-offer',
    before(x: Exchange): undefined | Promise<undefined> {
      if (ring === undefined || x.markKind !== 'edge' || x.decision?.host?.stickyCookie !== true) return undefined
      return x.isCopy || x.upgrade !== undefined ? undefined : offer(x, ring)
    },
    after(x: Exchange, answer: Answer): Answer {
      if (x.markKind !== 'edge') return answer
      const offered = offers.get(x)
      if (offered !== undefined && !isShared(answer)) answer.headers.push(headers.sticky, offered)
      return answer
    },
  }
}

/** No site has another one, and no other hash of a consumer's name equals it. */
const label = 'tidegate-sticky-key-1\n'

function written(key: Uint8Array): string {
  return Buffer.from(key).toString('base64url').slice(0, keyLength)
}

/** `signed` is a verified `<value>.<expiry, s>.<key id>.<mac>`. One by a key that is about to be retired would soon be worth nothing. */
function isFresh(signed: string, ring: KeyRing, now: number): boolean {
  const [, expiry, keyId] = signed.split('.')
  return keyId === ring.signingId && Number(expiry) * 1_000 - now > lifeMs / 2
}

/**
 * What caches in front may give to others must not bear one client's key: a `Set-Cookie` alone keeps none from storing (RFC 9111
 * section 7.3), and with it all who get the stored answer would stand in one bucket.
 */
function isShared({ headers: fields }: Answer): boolean {
  const said = joinedValue(fields, lowerNames(fields), 'cache-control')
  if (said === undefined) return firstValue(fields, 'expires') !== undefined
  return /\b(?:public|s-maxage)\b/i.test(said) || (/\bmax-age="?0*[1-9]/i.test(said) && !ofOne.test(said))
}

/** With fields named it guards these alone. Section 5.2.2.7. */
const ofOne = /\b(?:private|no-store)\b(?!=)/i
