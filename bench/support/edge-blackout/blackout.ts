import { setTimeout as wait } from 'node:timers/promises'
import { seededRandom } from '#server-kit/random.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { nowMs } from '../open-loop.ts'
import type { EdgeHost } from './edge-hosts.ts'
import { Clients, type Seen } from './load.ts'
import { type Surroundings, units } from './surroundings.ts'

export interface Step {
  readonly name: string
  /** Parts that accept and never answer from here on. */
  readonly silent?: readonly string[]
  readonly cloudDown?: true
  /** New isolates; of a script with the table before the last one, or with the last. */
  readonly restart?: 'old script' | 'new script'
}

export interface StepResult {
  readonly name: string
  /** Of units that may be asked for anywhere: what had to be answered. */
  readonly due: readonly Seen[]
  /** Of the unit without a failover, which shares the fate of its site. */
  readonly bare: readonly Seen[]
  /** Through the edge that nothing happens to, to the site that stays, at the same time. */
  readonly calm: readonly Seen[]
  /** `10 kv`: number and origin of the tables that the isolates hold at its end. */
  readonly held: string
  readonly numbers: readonly number[]
}

export interface BlackoutResult {
  readonly host: string
  readonly steps: readonly StepResult[]
  /** From the return of everything until each isolate has the next table. */
  readonly adoptedMs: number
}

export interface BlackoutOptions {
  readonly seed: number
  /** To each of the two edges. */
  readonly perSecond: number
  readonly stepMs: number
}

const before = 10

/**
 * Leads an edge into the dark step by step, under load that never pauses. A second edge of the same kind, to which nothing
 * happens, gets the same load at the same moments: on a machine with other work its times are what to compare with.
 */
export async function blackout(
  around: Surroundings,
  open: (around: Surroundings, name: string) => Promise<EdgeHost>,
  host: string,
  steps: readonly Step[],
  { seed, perSecond, stepMs }: BlackoutOptions,
): Promise<BlackoutResult> {
  await using edge = await open(around, 'dark')
  await using twin = await open(around, 'calm')
  const scripts = { 'old script': await around.offer(before - 1), 'new script': await around.offer(before) }
  for (const one of [edge, twin]) await adopt(one, before, around)

  const clients = new Clients(edge.port, perSecond, units, seededRandom(seed))
  const calm = new Clients(twin.port, perSecond, ['users'], seededRandom(seed))
  const results: StepResult[] = []
  try {
    for (const { name, silent = [], cloudDown, restart } of steps) {
      const from = nowMs()
      for (const part of silent) await edge.ways[part]?.set({ kind: 'black-hole' })
      if (cloudDown) await around.gateways.cloud.process.stop('SIGKILL')
      if (restart !== undefined) await edge.restart(scripts[restart])
      await wait(stepMs)
      const statuses = await edge.statuses()
      const to = nowMs()
      await eventually(() => clients.seen.some(({ sentAt }) => sentAt > to), { deadlineMs: 15_000 })
      const during = ({ sentAt }: Seen) => sentAt >= from && sentAt < to
      const seen = clients.seen.filter(during)
      results.push({
        name,
        due: seen.filter(({ unit }) => unit !== 'carts'),
        bare: seen.filter(({ unit }) => unit === 'carts'),
        calm: calm.seen.filter(during),
        held: [...new Set(statuses.map((one) => `${one.held?.placements.number} ${one.source}`))].toSorted().join(', '),
        numbers: statuses.map((one) => one.held?.placements.number ?? 0),
      })
    }
    const backAt = nowMs()
    for (const way of Object.values(edge.ways)) await way.set({ kind: 'none' })
    await adopt(edge, before + 1, around)
    return { host, steps: results, adoptedMs: nowMs() - backAt }
  } finally {
    await Promise.all([clients.stop(), calm.stop()])
  }
}

async function adopt(edge: EdgeHost, number: number, around: Surroundings): Promise<void> {
  edge.publish(await around.offer(number))
  const all = async () => (await edge.statuses()).every(({ held }) => held?.placements.number === number)
  await eventually(all, { deadlineMs: 10_000, what: `table ${number} at each isolate` })
}
