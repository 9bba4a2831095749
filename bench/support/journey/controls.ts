/** Would the journey notice? Each control takes one guard away and must then see exactly the harm that it prevents. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parse } from 'yaml'
import { writeConfig } from '../../../control-plane/cli/local/configs.ts'
import { Random } from '../../../test/properties/generators/random.ts'
import { eventually } from '../../../test/support/eventually.ts'
import type { RunningSystem } from '../start-system.ts'
import { Clients } from './clients.ts'
import { openDesk } from './journey.ts'
import { startRepeatingProxy } from './repeating-proxy.ts'
import { makeUsers } from './users.ts'
import { usersAt, warm, warmHits } from './warmth.ts'

/** What a short move showed. */
export interface Harm {
  /** Answered 401, though each token is good at onprem. */
  readonly refused: number
  /** Answers that onprem had cached and the cloud had not. */
  readonly cold: number
  readonly doubled: number
  readonly lost: number
}

export interface ControlResult {
  readonly name: string
  readonly harm: Harm
  /** Whether the harm is the one that the missing guard prevents, and no other. */
  readonly noticed: boolean
}

interface Control {
  readonly name: string
  readonly noticed: (harm: Harm) => boolean
  /** Takes the guard away for the time of `during`. */
  readonly without: (system: RunningSystem, during: () => Promise<Harm>) => Promise<Harm>
}

const none = (...counts: readonly number[]): boolean => counts.every((count) => count === 0)

const controls: readonly Control[] = [
  {
    name: 'nothing taken away',
    noticed: ({ refused, cold, doubled, lost }) => none(refused, cold, doubled, lost),
    without: (_, during) => during(),
  },
  {
    name: 'the cloud does not ask onprem about tokens',
    // A refused user has no warm answer either, and a refused write is no write.
    noticed: ({ refused, doubled, lost }) => refused > 0 && none(doubled, lost),
    without: (system, during) =>
      altered(system, 'gateway-cloud', 'cloud', ({ tokens }) => void delete tokens?.['alsoAsk'], during),
  },
  {
    name: 'onprem does not double-write its cache',
    noticed: ({ refused, cold, doubled, lost }) => cold > 0 && none(refused, doubled, lost),
    without: (system, during) =>
      altered(system, 'gateway-onprem', 'onprem', ({ cache }) => void delete cache?.['doubleWrite'], during),
  },
  {
    name: 'a proxy behind the edge repeats one POST in ten',
    noticed: ({ refused, cold, doubled, lost }) => doubled > 0 && none(refused, cold, lost),
    without: async (system, during) => {
      await using proxy = await startRepeatingProxy(system.demo.gateways.onprem.public, 10)
      const { url } = proxy
      return await altered(
        system,
        'edge',
        'edge',
        ({ sites }) => void Object.assign(sites ?? {}, { onprem: url }),
        during,
      )
    },
  },
]

const perSecond = 300
const userCount = 40
const warmOrders = 5
const unit = 'orders'

/** Runs all of them, one after the other, on a system whose units are at onprem; it is left as it was. */
export async function runControls(system: RunningSystem, seed: number): Promise<ControlResult[]> {
  const results: ControlResult[] = []
  for (const [at, { name, without, noticed }] of controls.entries()) {
    const harm = await without(system, () => shortMove(system, seed, `control-${seed}-${at}`))
    results.push({ name, harm, noticed: noticed(harm) })
  }
  return results
}

/** The core of the journey in a few seconds: users of onprem, a flip of everything, and back. */
async function shortMove(system: RunningSystem, seed: number, run: string): Promise<Harm> {
  const { client } = system
  const random = new Random(seed)
  const users = makeUsers(userCount, random, run)
  await using desk = await openDesk(system)
  await desk.issue(...users)
  await using clients = new Clients(system, { perSecond, users, random, run })
  const readers = await usersAt(clients, users, 'onprem', warmOrders)
  await warm(system, clients, readers, run)
  await client.flip(unit, { to: 'cloud', reason: run }, '*')
  const hits = await warmHits(system, clients, readers, { id: run, site: 'cloud' })
  await wait(1_500)
  await clients.stop()
  await client.rollback(unit, run, '*')
  const { doubled, lost } = clients.audit()
  return {
    refused: clients.seen.filter(({ status }) => status === 401).length,
    cold: readers.length - hits,
    doubled: doubled.length,
    lost: lost.length,
  }
}

type Config = Readonly<Record<string, Record<string, unknown> | undefined>>

/** Runs a program with a changed configuration, and afterwards with its own again. */
export async function altered<Result>(
  system: RunningSystem,
  program: string,
  config: string,
  alter: (config: Config) => void,
  during: () => Promise<Result>,
): Promise<Result> {
  const file = join(system.home, 'config', `${config}.yaml`)
  const text = await readFile(file, 'utf8')
  const changed = parse(text) as Config
  alter(changed)
  try {
    await restart(system, program, () => writeConfig(file, changed))
    return await during()
  } finally {
    await restart(system, program, () => writeConfig(file, parse(text) as Config))
  }
}

/** Resolves when it is part of the system again: both gateways hold the newest table. */
async function restart(system: RunningSystem, name: string, between: () => Promise<unknown>): Promise<void> {
  const program = system.program(name)
  await program.end('SIGTERM')
  await between()
  await program.start()
  const { client } = system
  const whole = async () => {
    const [{ table }, gateways] = await Promise.all([client.status(), client.gateways()])
    const live = gateways.filter(({ state, placements }) => state === 'live' && placements === table.placements)
    return live.length === 2 && gateways.every(({ state }) => state === 'live' || state === 'gone')
  }
  await eventually(whole, { what: `${name} being back` })
}
