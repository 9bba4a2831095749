import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { seededRandom } from '#server-kit/random.ts'
import { damageFile } from '../../../test/support/damaged-files.ts'
import type { FaultProxy } from '../../../test/support/fault-proxy.ts'
import type { PlannedFault } from './fault-plan.ts'
import { linkLatency, type SideRunner, type Surroundings, wrongByMs } from './surroundings.ts'

/** Cuts go on as long as the fault lasts: a client that comes back at once is cut again. */
const cutEveryMs = 200
const cutAfterBytes = 3_000

/** One fault, from its beginning until it is mended. */
export async function suffer({ sides }: Surroundings, fault: PlannedFault): Promise<void> {
  const { kind, forMs } = fault
  const side = sides[fault.side]
  const zone = side.zones[fault.zone]
  if (zone === undefined) return
  const links = fault.seed % 2 === 0 ? sides.map(({ link }) => link) : [side.link]
  switch (kind) {
    case 'zone killed':
      await zone.kill()
      await wait(forMs)
      return zone.start()
    case 'zone small':
      await zone.kill()
      await zone.start(['-m', '8'])
      await wait(forMs)
      await zone.kill()
      return zone.start()
    case 'zone frozen':
      await zone.freeze()
      await wait(forMs)
      return zone.thaw()
    case 'zone black-holed':
    case 'zone cut':
    case 'zone half-open':
    case 'zone slow':
      return misbehave([zone.proxy], fault)
    case 'link black-holed':
    case 'link cut':
    case 'link half-open':
    case 'link slow':
    case 'link refused':
    case 'link jitter':
      return misbehave(links, fault)
    case 'side killed':
      return cutOff(fault, side, () => restart(side, fault.seed % 2 === 0 ? 0 : forMs))
    case 'journal cut':
    case 'journal flipped':
      return cutOff(fault, side, () =>
        restart(side, 0, async () => {
          const how = kind === 'journal cut' ? 'cut' : 'flip'
          await damageFile(join(side.fixed.home, 'cache-journal'), how, seededRandom(fault.seed))
        }),
      )
    case 'disk full':
    case 'disk broken':
      await side.process.ask({ do: 'disk', state: kind === 'disk full' ? 'full' : 'broken' })
      await wait(forMs)
      await side.process.ask({ do: 'disk', state: 'well' })
      return
    case 'disk torn':
      await side.process.ask({ do: 'disk', state: 'torn' })
      await wait(tornForMs)
      return restart(side, 0)
    case 'clock wrong':
      await side.setClock(fault.seed % 2 === 0 ? wrongByMs : -wrongByMs)
      await wait(forMs / 2)
      // Half of them meet a process that begins anew with its wrong clock.
      if (fault.seed % 4 < 2) await restart(side, 0)
      await wait(forMs / 2)
      return side.setClock(0)
  }
}

/** Time for a write that ends in the middle. */
const tornForMs = 100

/**
 * A process that is well has told nearly everything when it is killed. So some are killed while they cannot reach the other
 * site, and others while they cannot reach a zone: what is lost with them is then known nowhere else.
 */
async function cutOff({ zone, forMs, seed }: PlannedFault, side: SideRunner, kill: () => Promise<void>): Promise<void> {
  const away = side.zones[zone]?.proxy
  const proxy = [undefined, side.link, away, away][seed % 4]
  await proxy?.set({ kind: 'black-hole' })
  if (proxy !== undefined) await wait(Math.min(forMs, cutOffForMs))
  await kill()
  await proxy?.set({ kind: 'none' })
}

const cutOffForMs = 1_000

async function restart(side: SideRunner, downMs: number, meanwhile?: () => Promise<void>): Promise<void> {
  await side.kill()
  await meanwhile?.()
  await wait(downMs)
  await side.start()
}

async function misbehave(proxies: readonly FaultProxy[], { kind, forMs, seed }: PlannedFault): Promise<void> {
  const what = kind.slice('zone '.length)
  const until = performance.now() + forMs
  const random = seededRandom(seed)
  while (what === 'cut' && performance.now() < until) {
    const afterBytes = Math.floor(random.next() * cutAfterBytes)
    await Promise.all(proxies.map((proxy) => proxy.set({ kind: 'cut', afterBytes })))
    await wait(cutEveryMs)
  }
  if (what !== 'cut') {
    await Promise.all(proxies.map((proxy) => proxy.set(asFault(what))))
    await wait(forMs)
  }
  await Promise.all(proxies.map((proxy) => proxy.set({ kind: 'none' })))
}

function asFault(what: string): Parameters<FaultProxy['set']>[0] {
  if (what === 'slow') return { kind: 'bandwidth', bytesPerSecond: 1 }
  if (what === 'half-open') return { kind: 'half-open' }
  if (what === 'refused') return { kind: 'refuse' }
  if (what === 'jitter') return { kind: 'latency', ...linkLatency, jitterMs: 40, stalls: { perMille: 10, ms: 500 } }
  return { kind: 'black-hole' }
}
