import type { Site } from '#routes/vocabulary.ts'
import { isStream } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { TableHolder } from '../fence/table-holder.ts'
import { fenceVerdict } from '../fence/verdict.ts'
import { decideRequest } from '../intake/decide-request.ts'
import type { Phase } from '../phase.ts'
import type { Asked, Common } from './asked.ts'
import type { Fetches } from './fetch.ts'
import type { FlightEpochs } from './flight-epochs.ts'
import { flightClass, flightKey } from './flight-key.ts'
import type { Flights } from './flights.ts'
import type { FoundEntry } from './found.ts'
import { conditionsOf, validatorsOf, withoutConditions } from './policy/validate.ts'
import type { Reply } from './question.ts'
import type { Refreshes } from './refreshes.ts'

export interface RefresherOptions {
  readonly site: Site
  readonly holder: Pick<TableHolder, 'current'>
  readonly refreshes: Refreshes
  readonly fetches: Fetches
  readonly flights: Flights<Asked, Common>
  readonly epochs: FlightEpochs
  /** Told what the service answered: no client's exchange tells of it (M1). */
  readonly told: NonNullable<Phase['closed']>
}

/** Brings stale answers up to date behind the back of the clients that were given them (R4, W7). */
export class Refresher {
  readonly #options: RefresherOptions

  constructor(options: RefresherOptions) {
    this.#options = options
  }

  start(asked: Asked, found: FoundEntry): void {
    // Another spelling may be another thing to the service: the next client that writes it as it is refreshes it.
    if (asked.respelled) return
    const key = flightKey(asked, found, false) + this.#options.epochs.of(asked.lookup)
    this.#options.refreshes.start(key, () => this.#refresh(asked, found, key))
  }

  async #refresh(asked: Asked, found: FoundEntry, key: string): Promise<boolean> {
    const { fetches, flights, told } = this.#options
    const { x } = asked
    const conditions = conditionsOf([validatorsOf(found.entry)])
    const fetch = x.forFetch([...withoutConditions(x.headers), ...conditions], true)
    if (!this.#mayExecute(fetch, asked)) return false
    const lead = flights.lead({ key, ...flightClass(asked) })
    // Somebody fetches it already.
    if (lead === undefined) return true
    const validates = conditions.length > 0
    const reply = await fetches.ask({ asked, fetch, found, validates, standing: found, lead, read: false })
    const answer = reply.kind === 'stored' ? { ...headless, status: reply.status } : reply.answer
    told(fetch, answer, 'done')
    return isRefreshed(reply)
  }

  /** By the table that is in force now: what moved away is not asked here any more. */
  #mayExecute(fetch: Exchange, { route }: Asked): boolean {
    const { site, holder } = this.#options
    const table = holder.current
    if (table === undefined) return false
    decideRequest(fetch, table)
    const { decision, readings } = fetch
    if (decision?.route?.id !== route.id || decision.route.policy.cache === undefined || readings.length > 0)
      return false
    // Without the mark of who forwarded the request: a sender's exception was for that one.
    const facts = { site, table, decision, mark: undefined, markKind: undefined, waited: true }
    return fenceVerdict(facts).kind === 'execute'
  }
}

const headless = { reason: '', headers: [], body: undefined }

async function isRefreshed(reply: Reply): Promise<boolean> {
  switch (reply.kind) {
    case 'stored':
      return !reply.standsIn
    case 'failed':
      return false
    case 'passed': {
      const { answer, whole } = reply
      if (whole !== undefined) return whole
      // Not to be stored: nobody reads it, and whoever asks next would get no other.
      if (isStream(answer.body)) answer.body.cancel(nobody)
      return false
    }
  }
}

const nobody = new Error('nobody waits for it')
