import { readSigned } from '#routes/signed-value.ts'
import type { Bindings } from './bindings.ts'
import type { Incoming } from './facts.ts'

/**
 * Takes the client at its word where the word is ours: the site to which a tester's reads go, signed by the control plane,
 * and the client's key, signed by a gateway. What does not verify is worth as much as none. `now`: ms since 1970.
 */
export async function believe(incoming: Incoming, { controlRing, gatewayRing }: Bindings, now: number): Promise<void> {
  const { forces, sticky } = incoming.claimed
  for (const force of forces) {
    if (force !== undefined) incoming.forced ??= await readSigned('force', force, controlRing, now)
  }
  if (sticky !== undefined) incoming.sticky = await readSigned('sticky', sticky, gatewayRing, now)
}
