import { problems as common } from '#routes/errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'

/**
 * Ends a request that goes round in circles. Our pseudonym in Via stands twice at most when all is well: once from here,
 * once from the peer gateway of the single hop over the interconnect. RFC 9110 section 7.6.3.
 */
export function loopGuard(pseudonym: string): Phase {
  const ours = new RegExp(`(?:^|,)\\s*(?:HTTP/)?\\d(?:\\.\\d)? ${literal(pseudonym)}(?=\\s*(?:,|$|\\())`, 'gi')
  return {
    name: 'loop-guard',
    before(x: Exchange): undefined {
      if (!x.names.includes('via')) return undefined
      const seen = x.header('via')?.match(ours)?.length ?? 0
      if (seen > 2) throw common.loop()
      return undefined
    },
  }
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
