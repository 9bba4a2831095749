/** The story that Tidegate exists for: services move to the other site and back under load, and no client notices. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Client } from '../../../control-plane/api-client/client.ts'
import { readCatalogFolder, scopesOf } from '../../../control-plane/cli/local/example-catalog.ts'
import type { ExampleSite } from '../../../control-plane/cli/local/ports.ts'
import { root } from '../../../control-plane/cli/root.ts'
import { Random } from '../../../test/properties/generators/random.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { nowMs } from '../open-loop.ts'
import type { RunningSystem } from '../start-system.ts'
import { Clients } from './clients.ts'
import { edgeKilled, edgeReplaced } from './edge-processes.ts'
import { FlipClock } from './flip-clock.ts'
import { answeredBy } from './gateway-logs.ts'
import { noneFailed, writesOnce } from './outcome.ts'
import { above, ms, type PlacementLimits, PlacementSteps } from './placement-steps.ts'
import { Report, type StepResult } from './report.ts'
import { listOrders } from './requests.ts'
import { makeUsers, TokenDesk, type User } from './users.ts'
import { untilHit, usersAt, warm, warmHits } from './warmth.ts'

export interface JourneyOptions {
  readonly seed: number
  readonly perSecond: number
  /** How long each placement stays, ms. */
  readonly holdMs: number
  /** How long the control plane stays away, ms. */
  readonly awayMs: number
  readonly limits: JourneyLimits
  /** Told each step as it ends. */
  readonly tell: (line: string) => void
}

/** Ms. */
export interface JourneyLimits extends PlacementLimits {
  readonly revoked: number
  readonly route: number
}

/** As the design promises them. */
export const claimedLimits: JourneyLimits = { gateways: 250, edge: 1_500, revoked: 1_000, route: 2_000 }

export interface JourneyResult {
  /** Empty = all was as claimed. */
  readonly faults: readonly string[]
  readonly requests: number
  readonly failed: number
  readonly writes: number
  readonly doubled: number
  readonly lost: number
  /** The slowest of all changes, ms. */
  readonly slowest: PlacementLimits
}

const home = 'onprem'
const target = 'cloud'
const userCount = 120
const warmOrders = 8
const ordersFile = 'services/orders.yaml'
/** `carts` splits its writes by cart; those of `orders` move whole, with the last step. */
const units = ['carts', 'orders'] as const

/** On a system with real stores and the example catalog, once: it leaves a route and higher numbers behind. */
export async function journey(system: RunningSystem, options: JourneyOptions): Promise<JourneyResult> {
  const { seed, perSecond, holdMs, limits } = options
  const random = new Random(seed)
  await using desk = await openDesk(system)
  const users = makeUsers(userCount, random)
  await desk.issue(...users)
  const clock = await FlipClock.open(system)
  await using clients = new Clients(system, { perSecond, users, random, run: `journey-${seed}` })
  const placements = new PlacementSteps(clock, clients, { units, holdMs, limits })
  const newcomers = makeUsers(20, random, 'newcomer')
  return await new Journey(system, options, { desk, users, newcomers, placements, clients }).run()
}

/** Where a site's tokens are issued. Those of the journey are onprem's; the cloud's store stays empty. */
export async function openDesk({ demo }: RunningSystem, site: ExampleSite = home): Promise<TokenDesk> {
  if (demo.redis === undefined) throw new Error('the journey needs a Redis a site')
  return TokenDesk.open(demo.redis[site], scopesOf(await readCatalogFolder(`${root}/routes/example`)))
}

interface Parts {
  readonly desk: TokenDesk
  readonly users: readonly User[]
  /** Have no token yet. */
  readonly newcomers: readonly User[]
  readonly placements: PlacementSteps
  readonly clients: Clients
}

class Journey {
  readonly #system: RunningSystem
  readonly #options: JourneyOptions
  readonly #desk: TokenDesk
  readonly #users: readonly User[]
  readonly #newcomers: readonly User[]
  readonly #placements: PlacementSteps
  readonly #clients: Clients
  #risingSince = 0
  #joined: User | undefined
  #readers: readonly User[] = []

  constructor(system: RunningSystem, options: JourneyOptions, parts: Parts) {
    this.#system = system
    this.#options = options
    this.#desk = parts.desk
    this.#users = parts.users
    this.#newcomers = parts.newcomers
    this.#placements = parts.placements
    this.#clients = parts.clients
  }

  async run(): Promise<JourneyResult> {
    const { awayMs, holdMs, tell } = this.#options
    const report = new Report(tell)
    const away = `control plane killed by SIGKILL, away ${awayMs / 1_000} s, back`

    await report.step('a token of onprem: 200 from onprem', () => this.#servedAtHome())
    await report.step('a cached GET: a hit at onprem', () => this.#hitAtHome())
    await wait(holdMs)
    this.#risingSince = nowMs()
    await report.step('flip to the cloud, 10 %', () => this.#rise(10))
    await report.step('flip to the cloud, 50 %', () => this.#rise(50))
    await report.step(away, () => this.#controlPlaneAway())
    await report.step('a gateway process of each site is replaced', () => this.#gatewaysReplaced())
    await report.step('each edge process is replaced', () => edgeReplaced(this.#system, this.#clients))
    await report.step('an edge process is killed by SIGKILL', () => this.#edgeKilled())
    await report.step('a route added by apply serves at both sites', () => this.#routeAdded())
    await report.step('a user gets a token at onprem, while users move', () => this.#join())
    await report.step('answers cached at onprem are double-written', () => this.#warm())
    await report.step('flip to the cloud, 100 %', () => this.#rise(100, () => this.#hitsInCloud()))
    await report.step('the user with that token is in the cloud: no 401', () => this.#joinedMoved())
    await report.step('that token, revoked at onprem, is refused in the cloud', () => this.#revoked())
    await report.step('rollback to onprem', () => this.#rollback())
    await this.#clients.stop()
    await report.step('no request failed', () => noneFailed(this.#clients))
    await report.step('each write executed once, at the site that answered', () => writesOnce(this.#clients))
    return this.#result(report)
  }

  async #servedAtHome(): Promise<StepResult> {
    const { status, site, fault } = await this.#clients.ask(listOrders(this.#user(0)))
    return {
      figures: `${status} from ${site}`,
      faults: fault !== undefined ? [fault] : site === home ? [] : [`not from ${home}`],
    }
  }

  async #hitAtHome(): Promise<StepResult> {
    const hit = await untilHit(this.#clients, this.#user(0), 'first')
    const { site, cache } = await answeredBy(this.#system, hit.requestId)
    return { figures: `${site}: ${cache}`, faults: site === home ? [] : [`not from ${home}`] }
  }

  #rise(percent: number, rightAfter?: () => Promise<StepResult>): Promise<StepResult> {
    const { client } = this.#system
    const whole = percent === 100
    const share = whole ? {} : { reads: percent * 100 }
    return this.#placements.run({
      change: (unit) => client.flip(unit, { to: target, ...share, reason: `journey ${percent} %` }, '*'),
      to: target,
      whole,
      risingSince: this.#risingSince,
      ...(rightAfter === undefined ? {} : { rightAfter }),
    })
  }

  #rollback(): Promise<StepResult> {
    const { client } = this.#system
    return this.#placements.run({ change: (unit) => client.rollback(unit, 'journey', '*'), to: home, whole: true })
  }

  /** Nothing is asked of it meanwhile: traffic must not notice, and no number may be lost. */
  async #controlPlaneAway(): Promise<StepResult> {
    const { client } = this.#system
    const program = this.#system.program('control-plane')
    const before = await client.status()
    await program.end('SIGKILL')
    const killedAt = nowMs()
    await wait(this.#options.awayMs)
    const served = this.#clients.since(killedAt).filter(({ fault }) => fault === undefined).length
    const startedAt = nowMs()
    await program.start()
    const readyMs = nowMs() - startedAt
    await eventually(async () => (await this.#liveGateways()).length === 2, { what: 'both gateways being back' })
    const backMs = nowMs() - startedAt
    const after = await client.status()
    return {
      figures: `${served} requests served meanwhile; ready in ${ms(readyMs)}, gateways back in ${ms(backMs)}`,
      faults: [
        ...(after.table.placements < before.table.placements
          ? [`placements fell from ${before.table.placements} to ${after.table.placements}`]
          : []),
        ...(after.moving !== before.moving ? [`${before.moving} units were moving, now ${after.moving}`] : []),
      ],
    }
  }

  /** The supervisor starts another process on the same socket, and the old one ends; requests go on meanwhile. */
  async #gatewaysReplaced(): Promise<StepResult> {
    const startedAt = nowMs()
    for (const site of [home, target]) await this.#gatewayReplaced(site)
    const served = this.#clients.since(startedAt).filter(({ fault }) => fault === undefined).length
    return { figures: `in ${ms(nowMs() - startedAt)}; ${served} requests served meanwhile`, faults: [] }
  }

  async #gatewayReplaced(site: string): Promise<void> {
    const own = async () => (await this.#liveGateways()).filter((gateway) => gateway.site === site)
    const before = (await own()).map(({ instance }) => instance)
    this.#system.program(`gateway-${site}`).signal('SIGUSR2')
    const replaced = async () => {
      const [only, ...others] = await own()
      return only !== undefined && others.length === 0 && !before.includes(only.instance)
    }
    await eventually(replaced, { deadlineMs: 30_000, everyMs: 50, what: `another gateway process at ${site}` })
  }

  async #liveGateways() {
    const gateways = await this.#system.client.gateways()
    return gateways.filter(({ state }) => state === 'live')
  }

  #edgeKilled(): Promise<StepResult> {
    return edgeKilled(this.#system, this.#clients, this.#users)
  }

  /** To a service that is split: whoever is at onprem gets it from onprem, whoever is in the cloud from the cloud. */
  async #routeAdded(): Promise<StepResult> {
    const { client } = this.#system
    const [here, there] = await Promise.all([this.#userAt(home), this.#userAt(target)])
    const path = '/v1/orders/7/history'
    const before = await this.#clients.ask({ ...listOrders(here), path })
    const text = await catalogFile(client, ordersFile)
    const route = `  - path: /v1/orders/{id}/history\n    methods: [GET]\n    auth: { scopes: [orders:read] }\n`
    const startedAt = nowMs()
    await client.apply({ files: [{ file: ordersFile, text: text + route }], mode: 'merge', reason: 'a route more' })
    const tookMs = await Promise.all(
      [[here, home] as const, [there, target] as const].map(async ([user, site]) => {
        const serves = async () => (await this.#clients.ask({ ...listOrders(user), path })).site === site
        await eventually(serves, { everyMs: 20, what: `the new route at ${site}` })
        return nowMs() - startedAt
      }),
    )
    const [atHome = 0, inCloud = 0] = tookMs
    return {
      figures: `${before.status} before; at ${home} in ${ms(atHome)}, in the ${target} in ${ms(inCloud)}`,
      faults: [
        ...above('the route', Math.max(atHome, inCloud), this.#options.limits.route),
        ...(before.status === 404 ? [] : [`${before.status} before it was applied`]),
      ],
    }
  }

  async #join(): Promise<StepResult> {
    const user = await this.#newcomerAt(home)
    const before = await this.#clients.ask(listOrders(user))
    await this.#desk.issue(user)
    this.#joined = user
    const { status, site } = await eventually(
      async () => {
        const seen = await this.#clients.ask(listOrders(user))
        return seen.fault === undefined ? seen : undefined
      },
      { what: 'the new token' },
    )
    return {
      figures: `${before.status} before it, ${status} from ${site} after`,
      faults: [
        ...(before.status === 401 ? [] : [`${before.status} without a token`]),
        ...(site === home ? [] : [`from ${site}`]),
      ],
    }
  }

  async #warm(): Promise<StepResult> {
    this.#readers = await usersAt(this.#clients, this.#users, home, warmOrders)
    await warm(this.#system, this.#clients, this.#readers, 'warm')
    return { figures: `${this.#readers.length} orders`, faults: [] }
  }

  async #hitsInCloud(): Promise<StepResult> {
    const of = this.#readers.length
    const hits = await warmHits(this.#system, this.#clients, this.#readers, { id: 'warm', site: target })
    return {
      figures: `${hits} of ${of} warm hits`,
      faults: hits === of && of > 0 ? [] : [`${hits} of ${of} were hits in the ${target}`],
    }
  }

  async #joinedMoved(): Promise<StepResult> {
    const { status, site, fault } = await this.#clients.ask(listOrders(this.#joinedUser()))
    return {
      figures: `${status} from ${site}`,
      faults: fault !== undefined ? [fault] : site === target ? [] : [`from ${site}`],
    }
  }

  async #revoked(): Promise<StepResult> {
    const user = this.#joinedUser()
    const startedAt = nowMs()
    await this.#desk.revoke(user)
    const refused = async () => (await this.#clients.ask(listOrders(user))).status === 401
    await eventually(refused, { everyMs: 20, what: 'the refusal' })
    const tookMs = nowMs() - startedAt
    return {
      figures: `401 after ${ms(tookMs)}`,
      faults: above('the revocation', tookMs, this.#options.limits.revoked),
    }
  }

  #result({ faults }: Report): JourneyResult {
    const { seen, failed } = this.#clients
    const { acknowledged, doubled, lost } = this.#clients.audit()
    return {
      faults,
      requests: seen.length,
      failed: failed.length,
      writes: acknowledged,
      doubled: doubled.length,
      lost: lost.length,
      slowest: this.#placements.slowest,
    }
  }

  /** One of whom the control plane says that their requests go to `site`. */
  async #newcomerAt(site: string): Promise<User> {
    for (const user of this.#newcomers) {
      const { method, path, headers } = listOrders(user)
      const url = this.#system.demo.edge + path
      const explained = await this.#system.client.explain({ method, url, headers: { ...headers } })
      if (explained.site === site) return user
    }
    throw new Error(`nobody of ${this.#newcomers.length} would be served by ${site}`)
  }

  #joinedUser(): User {
    if (this.#joined === undefined) throw new Error('nobody got a token')
    return this.#joined
  }

  async #userAt(site: string): Promise<User> {
    const [user] = await usersAt(this.#clients, this.#users, site, 1)
    return user as User
  }

  #user(at: number): User {
    return this.#users[at] as User
  }
}

async function catalogFile(client: Client, file: string): Promise<string> {
  const { files } = await client.catalog()
  const found = files.find((one) => one.file === file)
  if (found === undefined) throw new Error(`the catalog has no ${file}`)
  return found.text
}
