import { hash } from 'node:crypto'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import { isStream } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Asked, CacheLead, Common, OwnCommon } from './asked.ts'
import type { EntryStore } from './entry-store.ts'
import type { Fetches } from './fetch.ts'
import type { FlightEpochs } from './flight-epochs.ts'
import { admits, flightClass, flightKey, regrouped } from './flight-key.ts'
import type { Flights, Outcome, Waiter } from './flights.ts'
import type { Found, FoundEntry } from './found.ts'
import type { Forwarded } from './policy/cache-status.ts'
import { decide } from './policy/decide.ts'
import { conditionsOf, validatorsOf, withoutConditions } from './policy/validate.ts'
import type { Reply } from './question.ts'
import type { SiteLeases } from './site-lease.ts'

/** What a client's request got of the service: by its own fetch, or of the one that another's began. */
export type Got =
  | { readonly kind: 'own'; readonly reply: Reply }
  | { readonly kind: 'common'; readonly common: OwnCommon }

export interface JoinedFetchOptions {
  readonly fetches: Fetches
  readonly flights: Flights<Asked, Common>
  readonly epochs: FlightEpochs
  readonly leases: SiteLeases
  readonly store: EntryStore
  readonly clock: Clock
  readonly background: Background
}

/** How a request goes to the service. */
interface Plan {
  readonly headers: readonly string[]
  /** The conditions are ours, about what was found. */
  readonly validates: boolean
  readonly standing: FoundEntry | undefined
}

/** Gets what the store does not have: each key by one fetch at a time, for all that ask meanwhile (section 11). */
export class JoinedFetch {
  readonly #options: JoinedFetchOptions

  constructor(options: JoinedFetchOptions) {
    this.#options = options
  }

  /** Rejects with the problem of a fetch that another request led, or `client-gone`. */
  async get(asked: Asked, found: Found, forwarded: Forwarded): Promise<Got> {
    const { x } = asked
    if (x.gone) throw problems['client-gone']()
    const plan = planFor(asked, found, forwarded)
    if (!mayJoin(asked, forwarded)) return this.#own(asked, found, plan, undefined)
    const key = flightKey(asked, found, plan.headers === x.headers)
    const outcome = await this.#join(asked, key + this.#options.epochs.of(asked.lookup))
    switch (outcome.kind) {
      case 'lead':
        return asked.rules.policy.coalesce === 'site'
          ? this.#ofSite(asked, found, plan, outcome.lead, key)
          : this.#own(asked, found, plan, outcome.lead)
      case 'answer': {
        const common = ownOf(x, outcome.answer)
        return common === undefined ? this.#own(asked, found, plan, undefined) : { kind: 'common', common }
      }
      case 'failed':
        throw outcome.thrown
      case 'left':
        throw problems['client-gone']()
      default:
        return this.#own(asked, found, plan, undefined)
    }
  }

  async #join(asked: Asked, base: string): Promise<Exclude<Outcome<Common>, { kind: 'regroup' }> | Led | Left> {
    const { flights, clock } = this.#options
    const { lookup, route } = asked
    const common = { ...flightClass(asked), request: asked }
    const untilMs = clock.monotonic() + route.policy.timeout.firstByteMs
    let key = base
    for (let times = 0; ; times++) {
      const joined = flights.join({ ...common, key, waitMs: untilMs - clock.monotonic(), regrouped: times })
      const outcome = joined.kind === 'wait' ? await waitFor(asked.x, joined.waiter) : joined
      if (outcome.kind !== 'regroup') return outcome
      key = base + regrouped(outcome.vary, lookup.linesOf)
    }
  }

  /** One fetch for all processes of the site (W6): this one's leader waits while another process fetches. */
  async #ofSite(asked: Asked, found: Found, plan: Plan, lead: CacheLead, key: string): Promise<Got> {
    const { leases, store, background, clock } = this.#options
    const { x, lookup, route, directives } = asked
    let abandoned = false
    lead.whenAbandoned = () => {
      abandoned = true
    }
    x.whenGone = () => lead.leave()
    const { namespace } = lookup.key
    const turn = await leases.turn(namespace, hash('sha256', key, 'base64url'), route.policy.timeout.firstByteMs)
    const release = turn.kind === 'fetch' ? turn.release : undefined
    if (abandoned) {
      if (release !== undefined) background.run('give back a lease', release())
      throw problems['client-gone']()
    }
    const again = turn.kind === 'look' ? await store.look({ ...lookup, memory: false }) : undefined
    if (again?.kind === 'entry' && decide(again.entry, directives, clock.now(), again.soft).kind === 'fresh') {
      const { entry, body, site } = again
      lead.give({ kind: 'entry', entry, body, site, standsIn: false }, admits(asked, entry))
      lead.end()
      return { kind: 'common', common: { kind: 'entry', entry, body, site, standsIn: false } }
    }
    if (abandoned) throw problems['client-gone']()
    const got = this.#own(asked, found, plan, lead)
    if (release !== undefined) background.run('give back a lease', released(got, release))
    return got
  }

  async #own(asked: Asked, found: Found, plan: Plan, lead: CacheLead | undefined): Promise<Got> {
    const { x } = asked
    const fetch = x.forFetch(plan.headers)
    if (lead === undefined) x.whenGone = () => fetch.leave()
    else {
      // Others may wait for it still.
      lead.whenAbandoned = () => fetch.leave()
      x.whenGone = () => lead.leave()
    }
    const { validates, standing } = plan
    const reply = await this.#options.fetches.ask({ asked, fetch, found, validates, standing, lead, read: true })
    x.fetched(fetch)
    x.whenGone = undefined
    if (reply.kind === 'passed' && isStream(reply.answer.body)) {
      const { body } = reply.answer
      x.whenGone = () => {
        body.cancel(clientGone())
        lead?.leave()
      }
    }
    return { kind: 'own', reply }
  }
}

type Led = { readonly kind: 'lead'; readonly lead: CacheLead }
type Left = { readonly kind: 'left' }

const clientGone = () => problems['client-gone']()

/** What is stored and may be asked about is asked about, whatever the client's own condition (C3); else that goes on (C4). */
function planFor({ x, respelled }: Asked, found: Found, forwarded: Forwarded): Plan {
  // A part answers nothing but what is inside it: for all else nothing is stored.
  const nothing = found.kind === 'entry' ? found.entry.part !== undefined : found.variants.length === 0
  // What the service says of another spelling of the path says nothing of what is stored.
  if (nothing || respelled || forwarded === 'partial')
    return { headers: x.headers, validates: false, standing: undefined }
  const conditions = conditionsOf(found.kind === 'entry' ? [validatorsOf(found.entry)] : found.variants)
  return {
    headers: [...withoutConditions(x.headers), ...conditions],
    validates: conditions.length > 0,
    standing: found.kind === 'entry' ? found : undefined,
  }
}

/** Only what may be answered by an answer to another one (W1). */
function mayJoin({ x, directives, respelled }: Asked, forwarded: Forwarded): boolean {
  if (directives.noStore || respelled) return false
  return x.method === 'GET' && forwarded !== 'request' && !x.names.includes('range')
}

async function waitFor(x: Exchange, waiter: Waiter<Common>): Promise<Outcome<Common> | Left> {
  x.whenGone = waiter.leave
  const outcome = await waiter.outcome
  x.whenGone = undefined
  return outcome
}

/** When the others can find it in the store, or know that they cannot. */
async function released(got: Promise<Got>, release: () => Promise<void>): Promise<void> {
  try {
    const outcome = await got
    if (outcome.kind === 'own' && outcome.reply.kind === 'passed') await outcome.reply.whole
  } catch {
    // Told by whoever asked.
  } finally {
    await release()
  }
}

/** Undefined: its body is over, and cannot be had any more. */
function ownOf(x: Exchange, common: Common): OwnCommon | undefined {
  if (common.kind === 'not-modified') return common
  if (Buffer.isBuffer(common.body)) return { ...common, body: common.body }
  const body = common.body.reader()
  if (body === undefined) return undefined
  x.whenGone = () => body.cancel(clientGone())
  return { ...common, body }
}
