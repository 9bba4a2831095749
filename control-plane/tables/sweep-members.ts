import type { Part } from '#server-kit/lifecycle.ts'
import type { Plane } from '../plane.ts'

const everyMs = 60_000
/** Silence after which a killed process gives its writer number back. */
export const silenceMs = 10 * 60_000
/** How long a process that left is remembered, so that it cannot come back under its id. */
export const rememberedMs = 24 * 3_600_000

type Swept = Pick<Plane, 'store' | 'members' | 'clock' | 'background'>

/** Clears up after gateway processes that ended without a word: writer numbers are few, and memory has an end. */
export function sweepMembers(plane: Swept): Part {
  let timer: NodeJS.Timeout | undefined
  return {
    name: 'sweep of gateways',
    start: async () => {
      timer = setInterval(() => plane.background.run('sweep gateways', () => sweepOnce(plane)), everyMs).unref()
    },
    stop: async () => clearInterval(timer),
  }
}

export async function sweepOnce({ store, members, clock }: Omit<Swept, 'background'>): Promise<void> {
  const now = clock.now()
  const gone = members.all().filter(({ state }) => state === 'gone')
  for (const { entry, heardAt } of gone) {
    if (entry.removed !== undefined || now - heardAt < silenceMs) continue
    const removed = { ...entry, removed: { at: now, by: 'silence' as const } }
    await store.write(({ gateways }) => gateways.save(removed))
    members.put(removed)
  }
  await store.write(({ gateways }) => gateways.forgetRemovedBefore(now - rememberedMs))
  for (const { entry } of gone) if ((entry.removed?.at ?? now) < now - rememberedMs) members.forget(entry)
}
