import type { HeaderPairs } from '../header-pairs.ts'

/** Adds a field name to Vary, once. The list is the answer's own. RFC 9110 section 12.5.5. */
export function addVary(headers: HeaderPairs, name: string): void {
  for (let at = 0; at < headers.length; at += 2) {
    if ((headers[at] as string).toLowerCase() !== 'vary') continue
    for (const member of (headers[at + 1] as string).split(',')) {
      const said = member.trim().toLowerCase()
      if (said === '*' || said === name) return
    }
  }
  headers.push('vary', name)
}
