/** Whether what one site cached is there for users when the other site serves them. */
import { type GatewayStatus, paths } from '#routes/messages.ts'
import { eventually } from '../../../test/support/eventually.ts'
import type { RunningSystem } from '../start-system.ts'
import type { Clients } from './clients.ts'
import { answeredBy } from './gateway-logs.ts'
import { listOrders, order, type Seen } from './requests.ts'
import type { User } from './users.ts'

/** Users who are served by onprem now read an order each, until it is cached there and nothing waits to be copied. */
export async function warm(system: RunningSystem, clients: Clients, users: readonly User[], id: string): Promise<void> {
  await Promise.all(users.map((user) => untilHit(clients, user, id)))
  await eventually(async () => (await setsWaiting(system)) === 0, { what: 'all copies at the other site' })
}

/** How many of them get that order from the cache of `site`, by the log of its gateway; each asks once. */
export async function warmHits(
  system: RunningSystem,
  clients: Clients,
  users: readonly User[],
  { id, site }: { readonly id: string; readonly site: string },
): Promise<number> {
  const seen = await Promise.all(users.map((user) => clients.ask(order(user, id))))
  const logged = await Promise.all(
    seen.map(async ({ hit, requestId }) => (hit ? await answeredBy(system, requestId) : undefined)),
  )
  return logged.filter((line) => line?.site === site).length
}

/** It is stored behind the answer, so the second request may still be a miss. */
export function untilHit(clients: Clients, user: User, id: string): Promise<Seen> {
  return eventually(
    async () => {
      const seen = await clients.ask(order(user, id))
      return seen.hit ? seen : undefined
    },
    { what: `order ${id} from the cache` },
  )
}

/** The first `count` users whom `site` serves now. */
export async function usersAt(
  clients: Clients,
  users: readonly User[],
  site: string,
  count: number,
): Promise<readonly User[]> {
  const found: User[] = []
  for (const user of users) {
    if (found.length === count) break
    if ((await clients.ask(listOrders(user))).site === site) found.push(user)
  }
  if (found.length < count) throw new Error(`only ${found.length} of ${count} users are at ${site}`)
  return found
}

async function setsWaiting({ demo }: RunningSystem): Promise<number> {
  const answer = await fetch(demo.gateways.onprem.internal + paths.gatewayStatus, {
    headers: { authorization: `Bearer ${demo.opsToken}` },
  })
  return ((await answer.json()) as GatewayStatus).cache.debt.sets
}
