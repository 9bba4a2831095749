import { eventually } from '../../../test/support/eventually.ts'
import { percentile } from '../../plot.ts'
import type { SideState } from './side-messages.ts'
import type { SideRunner, Surroundings } from './surroundings.ts'

export interface WriteRounds {
  /** p99 in ms of each pair of rounds: with the link as it should be, and with the link a black hole. */
  readonly rounds: readonly (readonly [healthy: number, blackHoled: number])[]
  /** The lowest of each: noise only adds. */
  readonly healthy: number
  readonly blackHoled: number
  readonly control: { readonly healthy: number; readonly blackHoled: number }
}

/** What the writer's clients wait, in rounds that take turns. */
export async function compareWrites(
  { sides: [side] }: Surroundings,
  { perSecond, rounds, roundMs }: { readonly perSecond: number; readonly rounds: number; readonly roundMs: number },
): Promise<WriteRounds> {
  const pairs: [number, number][] = []
  for (let round = 0; round < rounds; round++) {
    const first = round % 2 === 0
    const one = await oneRound(side, perSecond, roundMs, !first, false)
    const two = await oneRound(side, perSecond, roundMs, first, false)
    pairs.push(first ? [one, two] : [two, one])
  }
  const control = {
    healthy: await oneRound(side, controlPerSecond, controlMs, false, true),
    blackHoled: await oneRound(side, controlPerSecond, controlMs, true, true),
  }
  const lowest = (at: 0 | 1) => Math.min(...pairs.map((pair) => pair[at]))
  return { rounds: pairs, healthy: lowest(0), blackHoled: lowest(1), control }
}

const controlPerSecond = 50
const controlMs = 2_000

async function oneRound(
  side: SideRunner,
  perSecond: number,
  forMs: number,
  blackHoled: boolean,
  waits: boolean,
): Promise<number> {
  if (blackHoled) await side.link.set({ kind: 'black-hole' })
  const taken = await side.process.ask<Float64Array>({
    do: 'measure',
    measure: { what: 'write', perSecond, forMs, waits },
  })
  if (taken === undefined) throw new Error('the side that was writing ended')
  await side.link.set({ kind: 'none' })
  // The next round must not pay for what this one left behind.
  await shipped(side, 60_000)
  return percentile(taken.toSorted(), 0.99)
}

/** How long it took until nothing waited for the other site, ms. */
export async function shipped(side: SideRunner, deadlineMs: number): Promise<number> {
  const begun = performance.now()
  const isShipped = async () => (await side.process.ask<SideState>({ do: 'state' }))?.shipped
  await eventually(isShipped, { deadlineMs, everyMs: 20, what: 'a link on which nothing waits' })
  return performance.now() - begun
}
