import { hash } from 'node:crypto'
import type { CachePolicy } from '#routes/policy.ts'
import type { Exchange } from '../exchange.ts'

/**
 * The key under which an answer is stored: all that may change it. Each part goes in with its length, so that no two
 * requests write the same text; hashed, so that the store's keys hold no token and are short.
 */
export function cacheKey(x: Exchange, policy: CachePolicy): string {
  const parts = [
    // As the service gets them, port and alias too: it may write them into its answer.
    x.scheme,
    x.host.toLowerCase(),
    x.decision?.target.key ?? '',
    x.decision?.target.query ?? '',
  ]
  for (const name of policy.vary) parts.push(name, x.header(name) ?? '\0absent')
  // One consumer's answer must never be another's: with `per: consumer` the identity is part of the key.
  if (policy.per === 'consumer') parts.push('consumer', x.caller?.consumer ?? '\0nobody')
  return hash('sha256', parts.map((part) => `${part.length}:${part}`).join(''), 'base64url')
}
