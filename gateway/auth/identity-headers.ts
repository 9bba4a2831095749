import type { Caller } from '#routes/messages.ts'
import { ownPrefix } from '#routes/messages.ts'
import type { HeaderPairs } from '../header-pairs.ts'

/** Who the gateway says the caller is. A client's own field of this name, or its underscore twin, never passes. */
export const consumerHeader = `${ownPrefix}consumer`

export function identityHeaders(caller: Caller | undefined, into: HeaderPairs): void {
  if (caller !== undefined) into.push(consumerHeader, caller.consumer)
}
