import { decodeBase64url } from './base64url.ts'
import type { KeySource } from './placement.ts'
import type { RequestFacts } from './request-facts.ts'

/** Longer values count as absent: a key is an id, and hashing an unbounded value would be the client's to choose. */
const limitChars = 256

/**
 * The sticky key that a source gives, or undefined. A value that is empty, too long, or holds a comma or a byte
 * outside 0x21-0x7E counts as absent: some runtimes join repeated fields by commas, and both readings must agree.
 * Opaque bearer tokens are taken as they are; nothing is verified here, since the key only chooses a side.
 */
export function stickyKey(
  source: KeySource,
  facts: RequestFacts,
  parameters: () => Readonly<Record<string, string>>,
): string | undefined {
  if (source === 'address') return usable(facts.address)
  if (source === 'authorization') return usable(bearer(facts.header('authorization')))
  if (source === 'sticky') return usable(facts.sticky)
  const { kind, name } = partsOf(source)
  switch (kind) {
    case 'header':
      return usable(facts.header(name))
    case 'cookie':
      return usable(cookieValue(facts.header('cookie'), name))
    case 'claim':
      return usable(claim(bearer(facts.header('authorization')), name))
    case 'param':
      return usable(parameters()[name])
    default:
      return undefined
  }
}

interface Parts {
  readonly kind: string
  readonly name: string
}

const parts = new Map<KeySource, Parts>()
/** Far more than one table has: those of earlier ones must not stay for ever. */
const mostParts = 1_000

/** Cut once: a name that is cut anew each time must be hashed anew to be looked up, a fifth of a whole decision. */
function partsOf(source: KeySource): Parts {
  let found = parts.get(source)
  if (found === undefined) {
    const colon = source.indexOf(':')
    found = { kind: source.slice(0, colon), name: source.slice(colon + 1) }
    if (parts.size === mostParts) parts.clear()
    parts.set(source, found)
  }
  return found
}

function usable(value: string | undefined): string | undefined {
  if (value === undefined || value.length > limitChars) return undefined
  return /^[!-+\--~]+$/.test(value) ? value : undefined
}

/** The credential without its scheme, so that `Bearer x` and `bearer x` are one key. RFC 6750 section 2.1. */
function bearer(authorization: string | undefined): string | undefined {
  const match = authorization === undefined ? null : /^[A-Za-z]+ +([!-~]+)$/.exec(authorization)
  return match?.[1]
}

/** The first cookie of a name, as it is written. */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  // Two Cookie fields reach us joined by `, ` in one runtime and `; ` in another: both part cookies here.
  for (const pair of header.split(/[;,] */)) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals) === name) return pair.slice(equals + 1)
  }
  return undefined
}

/** A string or number claim of a JWT's payload (RFC 7519), unverified: it chooses a side and grants nothing. */
function claim(token: string | undefined, name: string): string | undefined {
  const payload = token?.split('.')[1]
  if (payload === undefined || payload.length > 8_192) return undefined
  const bytes = decodeBase64url(payload)
  if (bytes === undefined) return undefined
  try {
    const claims: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes))
    const value =
      typeof claims === 'object' && claims !== null && Object.hasOwn(claims, name)
        ? Reflect.get(claims, name)
        : undefined
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
  } catch {
    // Not a JWT after all: an opaque token with dots. The next source is asked.
    return undefined
  }
}
