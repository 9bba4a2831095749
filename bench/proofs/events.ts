/**
 * `npm run prove -- events`: events in real Redis Streams of two sites, each with two zones and two processes that read; one
 * of them is killed at random all the time. Each event is applied at both sites, soon; lost ones are noticed. Then the same
 * with a guard taken away.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { type Random, seededRandom } from '#server-kit/random.ts'
import { freePort } from '../../test/support/free-port.ts'
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import { type Care, type ConsumerProcess, startConsumer } from '../support/events/consumer-process.ts'
import { EventSite } from '../support/events/event-site.ts'
import { eventOf, type Item, itemsOf, poisons } from '../support/events/items.ts'
import { StalenessWatch } from '../support/events/watch-staleness.ts'

/** Every so-manieth event is watched from outside, and every so-manieth is followed by one that cannot be applied. */
const watchEvery = 10
const poisonEvery = 1_000
const limitMs = 1_000
const drainMs = 60_000
/** What is to be served for ever, and was for so long, is. */
const endlessMs = 1_000
const namespaces = ['shop', 'prices'] as const

interface Plan {
  readonly events: number
  readonly perSecond: number
  readonly killEveryMs: number
  /** Of a trimmed stream, and of the controls. */
  readonly few: number
  readonly random: Random
}

export async function prove({ long, seed, args }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const given = (name: string, otherwise: number) =>
    Number(args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1) ?? otherwise)
  const events = given('events', long ? 1_000_000 : 100_000)
  const plan: Plan = {
    events,
    perSecond: given('rate', 800),
    killEveryMs: given('kill', 4_000),
    few: given('few', 3_000),
    random: seededRandom(seed),
  }
  // A test on a machine that does a hundred other things gives more.
  const limit = given('limit', limitMs)
  const megabytes = Math.max(64, Math.ceil(events / 1_500))
  await using near = await EventSite.open('near', megabytes)
  await using far = await EventSite.open('far', megabytes)
  await using system = await System.open([near, far], 'all')
  const run = await underKills(system, plan)
  const trimmed = await trimStream(system, plan.few)

  printTable(
    ['', 'events', 'kills', 'not applied', 'poison', 'dead letters', 'stale p50', 'p99', 'most, ms'],
    run.sites.map(({ site, staleMs, notApplied, poison, dead }) => [
      ...[site, run.events, run.kills, notApplied, poison, dead],
      ...[50, 99, 100].map((percent) => percentile(staleMs, percent).toFixed(0)),
    ]),
  )
  const hasty = await killHasty('acks-first', plan.few)
  const careful = await killHasty('all', plan.few)
  const blind = await trimBlindly(plan.few)
  printTable(
    ['', 'events', 'values served for ever', 'gap seen', ''],
    [
      ['a stream that was trimmed', trimmed.lost, trimmed.served, trimmed.gaps, verdict(trimmed.served === 0)],
      ['killed with events in hand', plan.few, careful, '-', verdict(careful === 0)],
      ['control: acknowledged before it is applied', plan.few, hasty, '-', verdict(hasty > 0)],
      ['control: nothing is done about a gap', blind.lost, blind.served, blind.gaps, verdict(blind.served > 0)],
    ],
  )
  const p99 = Math.max(...run.sites.map(({ staleMs }) => percentile(staleMs, 99)))
  const notApplied = run.sites.reduce((sum, site) => sum + site.notApplied, 0)
  const deadRight = run.sites.every(({ poison, dead }) => poison === dead)
  const noticed = trimmed.served === 0 && trimmed.gaps > 0 && careful === 0
  const controls = Number(hasty > 0) + Number(blind.served > 0)
  return {
    pass: notApplied === 0 && run.early === 0 && deadRight && p99 < limit && noticed && controls === 2,
    figures:
      `${grouped(run.events)} events at 2 sites, ${run.kills} kills, ${notApplied} not applied; gone at both sites in ` +
      `p99 ${p99.toFixed(0)} ms (limit ${limit}); ${run.sites.map(({ dead }) => dead).join(' and ')} dead letters of ` +
      `${run.sites.map(({ poison }) => poison).join(' and ')}; ${trimmed.lost} trimmed, ${trimmed.served} still served; ` +
      `${controls} of 2 controls as they must be; seed ${seed}`,
  }
}

/** Both sites with their processes: one that takes what the other site ships, and one that dies. */
class System implements AsyncDisposable {
  readonly sites: readonly [EventSite, EventSite]
  readonly gaps: string[] = []
  readonly #care: Care
  readonly #secret = randomBytes(32).toString('base64url')
  readonly #ports: readonly number[]
  readonly #living = new Map<string, ConsumerProcess>()

  private constructor(sites: readonly [EventSite, EventSite], care: Care, ports: readonly number[]) {
    this.sites = sites
    this.#care = care
    this.#ports = ports
  }

  static async open(sites: readonly [EventSite, EventSite], care: Care): Promise<System> {
    const system = new System(sites, care, [await freePort(), await freePort()])
    await system.start()
    return system
  }

  async start(): Promise<void> {
    // Those that take what the other site ships are there first.
    for (const role of ['stays', 'dies'] as const) await Promise.all([0, 1].map((at) => this.startOne(at, role)))
  }

  async startOne(at: number, role: 'stays' | 'dies'): Promise<void> {
    const { site, home, zoneAddresses: zones, redisUrl: redis } = this.sites[at] as EventSite
    const otherAt = 1 - at
    const other = { site: this.sites[otherAt]?.site ?? '', origin: `http://127.0.0.1:${this.#ports[otherAt]}` }
    const name = `${site}-${role}`
    const port = role === 'stays' ? { port: this.#ports[at] ?? 0 } : {}
    const writer = at * 2 + Number(role === 'dies')
    const common = { site, home, name, writer, zones, redis, namespaces, other, secret: this.#secret }
    this.#living.set(name, await startConsumer({ ...common, ...port, care: this.#care }))
  }

  async kill(at: number, role: 'stays' | 'dies'): Promise<void> {
    const name = `${this.sites[at]?.site}-${role}`
    const process = this.#living.get(name)
    this.#living.delete(name)
    await process?.kill()
    this.gaps.push(...(process?.gaps ?? []))
  }

  async killAll(): Promise<void> {
    await Promise.all([0, 1].flatMap((at) => [this.kill(at, 'stays'), this.kill(at, 'dies')]))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.killAll()
  }
}

async function underKills(system: System, { events, perSecond, killEveryMs, random }: Plan) {
  const items = itemsOf('shop', events)
  console.log(`storing ${grouped(events)} values in four zones`)
  await Promise.all(system.sites.map((site) => site.put(items)))
  // What the checks say is worth something only if all of it is there.
  const early = events - (await system.sites[0].old(items)).length
  const watches = system.sites.map((site) => new StalenessWatch(site))
  const poison = [0, 0]
  const producing = new AbortController()
  const killing = killOften(system, killEveryMs, random, producing.signal)
  console.log(`sending ${grouped(perSecond)} events a second`)
  const beganMs = performance.now()
  for (const [at, item] of items.entries()) {
    const home = Math.floor(random.next() * 2)
    const { redis, stream } = system.sites[home] as EventSite
    if (at % watchEvery === 0) for (const watch of watches) watch.expect(item)
    const sent = [redis.xadd(stream, '*', 'event', eventOf(item))]
    if (at % poisonEvery === 0) {
      poison[home] = (poison[home] ?? 0) + 1
      sent.push(redis.xadd(stream, '*', 'event', poisons[Math.floor(random.next() * poisons.length)] ?? '{'))
    }
    if (at % 20 !== 0) continue
    await Promise.all(sent)
    await wait(Math.max(0, beganMs + (at / perSecond) * 1_000 - performance.now()))
  }
  producing.abort()
  const kills = await killing
  for (const site of system.sites) await idle(site, drainMs)
  for (const watch of watches) await watch.end(drainMs)
  const sites = await Promise.all(
    system.sites.map(async (site, at) => ({
      site: site.site,
      staleMs: watches[at]?.staleMs ?? [],
      notApplied: (await goneOrOld(site, items)).length,
      poison: poison[at] ?? 0,
      dead: (await site.dead()).size,
    })),
  )
  return { events, kills, early, sites }
}

/** Until `signal`; gives how often. */
async function killOften(system: System, everyMs: number, random: Random, signal: AbortSignal): Promise<number> {
  for (let kills = 0; ; kills++) {
    await Promise.race([wait(everyMs * (0.5 + random.next()), undefined, { ref: false }), once(signal, 'abort')])
    if (signal.aborted) return kills
    const at = Math.floor(random.next() * 2)
    await system.kill(at, 'dies')
    await system.startOne(at, 'dies')
  }
}

/** All processes are away; events come, and are trimmed unread. */
async function trimStream(system: System, few: number) {
  const items = itemsOf('prices', few)
  await Promise.all(system.sites.map((site) => site.put(items)))
  await system.killAll()
  const [near] = system.sites
  await sendAll(near, items)
  const lost = await near.redis.xtrim(near.stream, 'MAXLEN', Math.floor(few / 10))
  system.gaps.splice(0)
  await system.start()
  for (const site of system.sites) await idle(site, drainMs)
  const served = await Promise.all(system.sites.map((site) => goneOrOld(site, items)))
  await system.killAll()
  return { lost, served: served.flat().length, gaps: system.gaps.filter((because) => because === 'trimmed').length }
}

/** One process alone, killed while it has its hands full; its successor has the same name. Gives what is served for ever. */
async function killHasty(care: Care, few: number): Promise<number> {
  await using site = await EventSite.open('near', 64)
  const items = itemsOf('shop', few)
  await readOnce(site, care)
  await site.put(items)
  await sendAll(site, items)
  const first = await startAlone(site, care)
  // Half of them are acknowledged, so that the others are on their way.
  const untilMs = performance.now() + drainMs
  while (((await site.waiting()) ?? few) > few / 2 && performance.now() < untilMs) await wait(1)
  await first.kill()
  await using _ = await startAlone(site, care)
  await idle(site, drainMs)
  return (await goneOrOld(site, items, care === 'all' ? drainMs : endlessMs)).length
}

async function trimBlindly(few: number) {
  await using site = await EventSite.open('near', 64)
  const items = itemsOf('shop', few)
  await readOnce(site, 'blind')
  await site.put(items)
  await sendAll(site, items)
  const lost = await site.redis.xtrim(site.stream, 'MAXLEN', Math.floor(few / 10))
  await using process = await startAlone(site, 'blind')
  await idle(site, drainMs)
  return { lost, served: (await goneOrOld(site, items, endlessMs)).length, gaps: process.gaps.length }
}

function startAlone(site: EventSite, care: Care): Promise<ConsumerProcess> {
  const { home, zoneAddresses: zones, redisUrl: redis } = site
  const secret = randomBytes(32).toString('base64url')
  return startConsumer({ site: site.site, home, name: 'alone', writer: 1, zones, redis, namespaces, secret, care })
}

/** From then on there is a group, and nobody. Before, all that is stored is given up: nobody knew how far it was read. */
async function readOnce(site: EventSite, care: Care): Promise<void> {
  await using _ = await startAlone(site, care)
  await idle(site, drainMs)
}

async function sendAll({ redis, stream }: EventSite, items: readonly Item[]): Promise<void> {
  for (let from = 0; from < items.length; from += 500)
    await Promise.all(items.slice(from, from + 500).map((item) => redis.xadd(stream, '*', 'event', eventOf(item))))
}

/** Resolves when nobody has anything to read or in hand. */
async function idle(site: EventSite, deadlineMs: number): Promise<void> {
  const untilMs = performance.now() + deadlineMs
  while ((await site.waiting()) !== 0) {
    if (performance.now() > untilMs) throw new Error(`${site.site} does not come to the end of its events`)
    await wait(50)
  }
}

/** What is still served when it no longer changes: what the other site has to tell is on its way for a moment. */
async function goneOrOld(site: EventSite, items: readonly Item[], calmMs = 10_000): Promise<readonly Item[]> {
  let old = await site.old(items)
  for (let changedMs = performance.now(); old.length > 0 && performance.now() - changedMs < calmMs; ) {
    await wait(200)
    const now = await site.old(old)
    if (now.length < old.length) changedMs = performance.now()
    old = now
  }
  return old
}

const verdict = (isRight: boolean): string => (isRight ? 'as it must be' : 'WRONG')

function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0
}
