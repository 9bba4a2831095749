/** `npm start`: the whole system on this machine, in the foreground, until Ctrl-C. */
import { join } from 'node:path'
import type { Client } from '../../api-client/client.ts'
import { connect } from '../connect.ts'
import { problems } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { root } from '../root.ts'
import { splitOf } from '../split.ts'
import { banner } from './banner.ts'
import { type Demo, readDemo } from './demo-file.ts'
import { forgetState, homeOf } from './home.ts'
import { isAlive } from './identity.ts'
import { defaultBase, wantedBase } from './ports.ts'
import { readRunning } from './running.ts'
import { describeStores, embedded, installedStores } from './stores.ts'
import { startLocalSystem } from './system.ts'

export interface StartOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly out: (text: string) => void
  readonly tell: (text: string) => void
  readonly fresh: boolean
  readonly embedded: boolean
  readonly workers: number
}

/** A terminal and npm both pass Ctrl-C on, so it comes twice; only a later one means impatience. */
const impatientAfterMs = 1_000

/** Resolves when the system was stopped; sets the exit code 130 when that was before it was ready. */
export async function start(options: StartOptions): Promise<void> {
  const { env, out, tell, workers } = options
  const home = homeOf(env)
  const running = await readRunning(home)
  if (running !== undefined && isAlive(running)) {
    if (options.fresh) throw problems['already-running']({ home, pid: running.pid, urls: running.urls.join('  ') })
    out(`Tidegate already runs from ${home} (process ${running.pid}):\n  ${running.urls.join('\n  ')}`)
    return
  }
  if (options.fresh) await forgetState(home)

  const stores = options.embedded ? embedded : await installedStores(env['PATH'] ?? '')
  const wanted = wantedBase(env['TIDEGATE_PORT_BASE']) ?? (await readDemo(home))?.base ?? defaultBase
  const asked = untilSignal(tell)
  tell(`starting Tidegate from ${home}`)
  try {
    const system = await startLocalSystem({ root, home, base: wanted, stores, workers, tell, signal: asked.signal })
    out(banner({ ...(await factsOf(system.demo)), stores: describeStores(stores), command: commandFor(home) }))
    await asked.came
    await system.stop()
    tell('stopped')
  } catch (cause) {
    if (!asked.signal.aborted) throw cause
    tell('stopped before it was ready')
    process.exitCode = exitCodes.interrupted
  } finally {
    asked.done()
  }
}

function untilSignal(tell: (text: string) => void) {
  const asked = new AbortController()
  const came = Promise.withResolvers<void>()
  let at = 0
  const onSignal = (): void => {
    if (at === 0) {
      at = performance.now()
      tell('stopping; a second Ctrl-C does not wait')
      asked.abort()
      came.resolve()
    } else if (performance.now() - at > impatientAfterMs) {
      // What is left is ended by the next start.
      process.exit(exitCodes.interrupted)
    }
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  const done = (): void => {
    for (const signal of signals) process.off(signal, onSignal)
  }
  return { signal: asked.signal, came: came.promise, done }
}

async function factsOf(demo: Demo) {
  const client = connect({ url: demo.console, token: demo.adminToken })
  const [{ url }, placements] = await Promise.all([client.createLoginLink(), awayFromHome(client)])
  // A route without a cache: the flip is to be seen at once.
  return { demo, link: url, placements, sample: { service: 'orders', path: '/v1/orders' } }
}

/** One line for each unit that is not wholly at its service's home. */
async function awayFromHome(client: Client): Promise<string[]> {
  const [units, services] = await Promise.all([client.units(), client.services()])
  const homes = new Map(services.map(({ service, home }) => [service, home]))
  return units
    .filter(({ service, placement: { owner, moving } }) => {
      const home = service === undefined ? undefined : homes.get(service)
      return home !== undefined && (owner !== home || moving !== undefined)
    })
    .map(({ unit, placement }) => `${unit}: ${splitOf(placement)} (epoch ${placement.epoch})`)
}

/** As one types it in the clone; a home of its own has to be named. */
function commandFor(home: string): string {
  return home === join(root, '.tidegate') ? 'npx tidegate' : `TIDEGATE_HOME=${shellWord(home)} npx tidegate`
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
