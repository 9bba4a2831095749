/** Rolling restarts of a gateway under its visitors, and the same by stopping and starting it. */
import { eventually } from '../../../test/support/eventually.ts'
import { type LivingGateway, openLivingGateway } from './living-gateway.ts'
import { type Seen, Visitors } from './visitors.ts'

export interface RollingOptions {
  readonly restarts: number
  readonly perSecond: number
  readonly sockets: number
  readonly streams: number
  /** Told each restart as it ends. */
  readonly tell: (line: string) => void
}

export interface RollingResult {
  readonly seen: Seen
  /** Of each restart of all processes, ms. */
  readonly tookMs: readonly number[]
}

const notice = '1s'
const workers = 2
/** What the supervisor says after each restart. */
const replaced = `"replaced":${workers},"of":${workers}`

/** Each restart replaces both processes, one after the other, on the socket that their supervisor holds. */
export async function rollingRestarts(options: RollingOptions): Promise<RollingResult> {
  await using living = await openLivingGateway()
  const gateway = await living.start({ drain: { notice, limit: '10s' } }, ['--workers', String(workers)])
  await using visitors = new Visitors({ url: gateway.public, ...options })
  await settled(visitors, options)
  const tookMs: number[] = []
  for (let at = 1; at <= options.restarts; at++) {
    const from = performance.now()
    gateway.process.signal('SIGUSR2')
    const done = () => gateway.process.output().split(replaced).length > at
    await eventually(done, { deadlineMs: 60_000, everyMs: 50, what: `restart ${at}` })
    tookMs.push(performance.now() - from)
    options.tell(`restart ${at}: ${Math.round(tookMs.at(-1) ?? 0)} ms, ${visitors.failed} failures`)
  }
  await settled(visitors, options)
  await visitors.stop()
  return { seen: visitors.seen, tookMs }
}

/** The control: one process that is stopped in order, and the next one started on the port that it gave back. */
export async function stopsAndStarts(options: RollingOptions): Promise<RollingResult> {
  await using living: LivingGateway = await openLivingGateway()
  let gateway = await living.start({ drain: { notice, limit: '10s' } })
  const listen = { public: `127.0.0.1:${gateway.port}`, internal: '127.0.0.1:0' }
  await using visitors = new Visitors({ url: gateway.public, ...options })
  await settled(visitors, options)
  const tookMs: number[] = []
  for (let at = 1; at <= options.restarts; at++) {
    const from = performance.now()
    await gateway.process.stop('SIGTERM', 20_000)
    gateway = await living.start({ listen, drain: { notice, limit: '10s' } })
    tookMs.push(performance.now() - from)
  }
  await settled(visitors, options)
  await visitors.stop()
  return { seen: visitors.seen, tookMs }
}

/** Everybody is connected and has had an answer. */
async function settled({ seen }: Visitors, { perSecond }: RollingOptions): Promise<void> {
  const from = seen.requests
  while (seen.requests < from + perSecond || seen.echoes === 0 || seen.events === 0)
    await new Promise((resolve) => setTimeout(resolve, 20))
}
