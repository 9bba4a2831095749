/** The journey's first step through another edge before the same system: everything to the other site, and back. */
import { Random } from '../../../test/properties/generators/random.ts'
import type { RunningSystem } from '../start-system.ts'
import { Clients } from './clients.ts'
import { FlipClock } from './flip-clock.ts'
import { openDesk } from './journey.ts'
import { noneFailed, writesOnce } from './outcome.ts'
import { type PlacementLimits, PlacementSteps } from './placement-steps.ts'
import { Report } from './report.ts'
import { listOrders } from './requests.ts'
import { makeUsers, type User } from './users.ts'

export interface FirstStepOptions {
  readonly url: string
  readonly seed: number
  readonly perSecond: number
  /** How long each placement stays, ms. */
  readonly holdMs: number
  readonly limits: PlacementLimits
  readonly tell: (line: string) => void
}

/** All that its users have a side for. */
const units = ['carts', 'orders'] as const
const userCount = 30

/** Leaves its units at onprem, where they were. Resolves with what was not as claimed. */
export async function firstStep(system: RunningSystem, options: FirstStepOptions): Promise<readonly string[]> {
  const { url, seed, perSecond, holdMs, limits, tell } = options
  const { client } = system
  const random = new Random(seed)
  const run = `first-step-${seed}`
  const users = makeUsers(userCount, random, run)
  await using desk = await openDesk(system)
  await desk.issue(...users)
  await using clients = new Clients(system, { perSecond, users, random, run, url })
  const steps = new PlacementSteps(await FlipClock.open(system, url), clients, { units, holdMs, limits })
  const report = new Report(tell)

  await report.step('a token of onprem: 200 from onprem', async () => {
    const { status, site } = await clients.ask(listOrders(users[0] as User))
    return { figures: `${status} from ${site}`, faults: status === 200 && site === 'onprem' ? [] : ['not so'] }
  })
  const flip = (unit: string) => client.flip(unit, { to: 'cloud', reason: run }, '*')
  await report.step('flip to the cloud', () => steps.run({ change: flip, to: 'cloud', whole: true }))
  const rollback = (unit: string) => client.rollback(unit, run, '*')
  await report.step('rollback to onprem', () => steps.run({ change: rollback, to: 'onprem', whole: true }))
  await clients.stop()
  await report.step('no request failed', () => noneFailed(clients))
  await report.step('each write executed once, at the site that answered', () => writesOnce(clients))
  return report.faults
}
