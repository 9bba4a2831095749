import type { Site } from '#routes/vocabulary.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Counter } from '#server-kit/metrics.ts'
import { type Answer, type BodyStream, isStream } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { firstValue, type HeaderPairs, withoutField } from '../header-pairs.ts'
import type { Onward } from '../phase.ts'
import { problemAnswer } from '../pipeline.ts'
import { type Stamp, valueLimitBytes } from '../store/cache-store.ts'
import type { Asked, CacheLead, Common } from './asked.ts'
import type { CollectingRoom } from './collecting-room.ts'
import type { EntryStore } from './entry-store.ts'
import type { FailedValidations } from './failed-validations.ts'
import { admits, flightClass } from './flight-key.ts'
import { type Flights, marking } from './flights.ts'
import { FollowedBody } from './followed-body.ts'
import type { Found, FoundEntry, Kept } from './found.ts'
import { negativeOfConnect } from './negative-entry.ts'
import { notModified } from './policy/conditional.ts'
import { onError } from './policy/decide.ts'
import type { CacheResponse, Entry, FetchTimes, Refusal } from './policy/entry.ts'
import { freshen } from './policy/freshen.ts'
import { ttlS } from './policy/freshness.ts'
import { headSays } from './policy/head-says.ts'
import { toEntry } from './policy/storable.ts'
import { withoutConditions } from './policy/validate.ts'
import { whichFreshened } from './policy/which-freshened.ts'
import { type Collected, SharedBody } from './shared-body.ts'

/** One question to the service: for a client and those who wait with it, or for nobody but the store. */
export interface Question {
  readonly asked: Asked
  /** How the service is asked. */
  readonly fetch: Exchange
  /** What the store said: the answer is stored in its place. */
  readonly found: Found
  /** Stored answers whose validators the question carries. */
  readonly validated: readonly FoundEntry[]
  /** May be given where the service fails. */
  readonly standing: FoundEntry | undefined
  readonly lead: CacheLead | undefined
  /** A client reads the answer as it comes. */
  readonly read: boolean
}

/** What came of it. */
export type Reply =
  /** The service's own answer; `entry` is what is stored of it. */
  | {
      readonly kind: 'passed'
      readonly answer: Answer
      readonly entry: Entry | undefined
      readonly because: Refusal | undefined
      /** Resolves when the body has come, with whether it could be stored. */
      readonly whole: Promise<boolean> | undefined
    }
  /** A stored one: the service said that it still holds, or failed and it stands in. */
  | {
      readonly kind: 'stored'
      readonly entry: Entry
      readonly body: Buffer
      readonly site: Site
      readonly standsIn: boolean
      /** What the service answered. */
      readonly status: number
      readonly kept: boolean
    }
  /** There is no answer of the service. */
  | { readonly kind: 'failed'; readonly answer: Answer }

export interface FetchesOptions {
  readonly site: Site
  readonly onward: () => Onward
  readonly store: EntryStore
  readonly flights: Flights<Asked, Common>
  readonly failures: FailedValidations<number>
  readonly room: CollectingRoom
  readonly newStamp: () => Stamp
  readonly clock: Clock
  readonly background: Background
  readonly stored: Counter<'outcome'>
  readonly notStored: Counter<'because'>
}

/** What the gateway says when it has no answer of the service: there what is stored may stand in (R5). */
const unreached: ReadonlySet<string> = new Set([
  'upstream-refused',
  'upstream-reset',
  'upstream-tls',
  'upstream-dns',
  'upstream-invalid',
  'connect-timeout',
  'first-byte-timeout',
  'total-timeout',
  'breaker-open',
  'no-endpoint',
])
const failures: ReadonlySet<number> = new Set([500, 502, 503, 504])

/** Refusals by which the service took back what it allowed before; others are about the one who asked. */
const takenBack: ReadonlySet<Refusal> = new Set([
  'no-store',
  'private',
  'vary-any',
  'vary-too-many',
  'must-understand',
  'not-cacheable',
  'no-lifetime',
  'set-cookie',
  'too-many-tags',
  'connection-names',
])

/** Refusals by what a request says of itself. None of those joins a flight, and it says nothing of the next one. */
const ofRequest: ReadonlySet<Refusal> = new Set(['method', 'precondition', 'request-no-store', 'unsafe-target'])

/** Asks the service, judges what it answers, and shares and stores what may be shared and stored. */
export class Fetches {
  readonly #options: FetchesOptions

  constructor(options: FetchesOptions) {
    this.#options = options
  }

  /** Resolves when the head of an answer is there. The lead, if there is one, is ended in any case. */
  async ask(question: Question): Promise<Reply> {
    try {
      return await this.#ask(question)
    } catch (thrown) {
      question.lead?.end()
      throw thrown
    }
  }

  async #ask(question: Question): Promise<Reply> {
    const { onward, newStamp, clock, store, background } = this.#options
    const { fetch } = question
    // Before the stamp: records that are made after it would not vouch for what it brings.
    if (foreseesStoring(question)) background.run('make records for an answer', store.prepare(question.asked.lookup))
    // Before the service is asked (S4): an invalidation that comes during the fetch is newer than what it brings.
    const stamp = newStamp()
    const requestMs = clock.now()
    const answer = await onward().run(fetch)
    const times = { requestMs, responseMs: clock.now() }
    if (answer.problem !== undefined || failures.has(answer.status)) {
      const failed = await this.#failed(question, answer, stamp, times)
      if (failed !== undefined) return failed
    } else if (question.standing !== undefined) this.#options.failures.succeeded(question.asked.lookup.key.text)
    if (answer.status === 304) return this.#notModified(question, answer, stamp, times)
    if (fetch.method === 'HEAD') return this.#head(question, answer, stamp, times)
    return this.#take(question, answer, stamp, times)
  }

  /** Undefined: the failure is the service's own, and passes like any other answer. */
  async #failed(question: Question, answer: Answer, stamp: Stamp, times: FetchTimes): Promise<Reply | undefined> {
    const { asked, standing, lead } = question
    const { problem } = answer
    const { key } = asked.lookup
    if (!question.read) return this.#failedBehind(question, answer)
    const ofService = problem === undefined || unreached.has(problem.code)
    const verdict =
      ofService && standing !== undefined
        ? onError(standing.entry, asked.directives, times.responseMs, standing.soft)
        : 'pass'
    if (verdict === 'serve-stale' && standing !== undefined) {
      this.#options.failures.failed(key.text, answer.status)
      this.#discard(question, answer)
      const { entry, body, site } = standing
      lead?.give({ kind: 'entry', entry, body, site, standsIn: true }, admits(asked, entry))
      lead?.end()
      return { kind: 'stored', entry, body, site, standsIn: true, status: answer.status, kept: false }
    }
    if (problem === undefined) return undefined
    this.#options.onward().closed(question.fetch, answer, 'done')
    if (verdict === 'stale-forbidden') {
      const forbidden = problems['stale-forbidden']({ cause: problem })
      lead?.fail(forbidden)
      return { kind: 'failed', answer: problemAnswer(forbidden, asked.x) }
    }
    const negative = ofService ? negativeOfConnect(problem, asked.rules, times) : undefined
    if (negative !== undefined) this.#keepBehind(question, negative, Buffer.alloc(0), stamp)
    lead?.fail(problem)
    return { kind: 'failed', answer }
  }

  /** What is stored stays as it is: the client that it was given to has it, and the next one is not worse off. */
  #failedBehind(question: Question, answer: Answer): Reply {
    const { asked, lead } = question
    this.#options.failures.failed(asked.lookup.key.text, answer.status)
    this.#discard(question, answer)
    if (answer.problem === undefined) lead?.release('server-error')
    else lead?.fail(answer.problem)
    return { kind: 'failed', answer: { ...answer, body: undefined } }
  }

  async #notModified(question: Question, answer: Answer, stamp: Stamp, times: FetchTimes): Promise<Reply> {
    const { asked, fetch, validated } = question
    const { onward, store, site } = this.#options
    onward().closed(fetch, answer, 'done')
    if (validated.length === 0) return this.#unasked(question, answer, times)
    const response = responseOf(answer)
    const at = whichFreshened(
      validated.map(({ entry }) => entry),
      response,
      fetch.headers,
    )
    const chosen = at === undefined ? undefined : validated[at]
    if (chosen === undefined) return this.#askAgain(question, stamp)
    const freshened = freshen(chosen.entry, fetch, response, asked.rules, asked.caller, times)
    const { body } = chosen
    const stored = { kind: 'stored', body, standsIn: false, status: 304 } as const
    if (freshened.kind === 'serve-only') {
      this.#options.notStored.inc({ because: freshened.because })
      if (freshened.stored === 'goes') this.#dropBehind(asked, chosen, stamp)
      this.#ofNoUse(question, 'unstorable')
      return { ...stored, entry: freshened.entry, site, kept: false }
    }
    const { entry, headers } = freshened
    this.#share(question, entry, body)
    const kept = this.#counted(store.replace(asked.lookup, chosen, { entry, body, stamp }))
    this.#endBehind(question, kept)
    return { ...stored, entry: { ...entry, headers }, site, kept: true }
  }

  /** The answer to a client's own condition; unasked for, it is no answer to anybody (C4, C5). */
  #unasked({ asked, fetch, lead }: Question, answer: Answer, times: FetchTimes): Reply {
    if (!fetch.names.includes('if-none-match') && !fetch.names.includes('if-modified-since')) {
      const problem = problems['upstream-invalid']({ because: '304 to a request without a condition' })
      lead?.fail(problem)
      return { kind: 'failed', answer: problemAnswer(problem, asked.x) }
    }
    // What holds for one need not hold for another: it is shared where the 200 in its place would be, and what it says besides is
    // for the one who asked.
    const judged = toEntry(fetch, { ...responseOf(answer), status: 200 }, asked.rules, asked.caller, times)
    if (judged.kind === 'entry') {
      const { entry } = judged
      lead?.give({ kind: 'not-modified', headers: notModified(entry, []) }, admits(asked, entry))
    }
    lead?.end()
    return { kind: 'passed', answer, entry: undefined, because: undefined, whole: undefined }
  }

  /** Nobody knows what the 304 was about: what was asked about goes, and the service is asked for the whole (C5). */
  #askAgain(question: Question, stamp: Stamp): Promise<Reply> {
    const { asked, fetch, validated } = question
    for (const found of validated) this.#dropBehind(asked, found, stamp)
    const again = fetch.forFetch(withoutConditions(fetch.headers))
    fetch.whenGone = () => again.leave()
    return this.#ask({ ...question, fetch: again, validated: [], standing: undefined })
  }

  /** Whole with its head, and no entry of its own (S1): it may say that the stored one still holds (HD1). */
  #head(question: Question, answer: Answer, stamp: Stamp, times: FetchTimes): Reply {
    const { asked, fetch, found } = question
    const { onward, store } = this.#options
    onward().closed(fetch, answer, 'done')
    if (found.kind === 'entry' && found.entry.status === 200 && answer.status === 200 && !asked.respelled) {
      const response = responseOf(answer)
      const freshened =
        headSays(found.entry, response) === 'same'
          ? freshen(found.entry, fetch, response, asked.rules, asked.caller, times)
          : undefined
      if (freshened?.kind === 'entry') {
        const { entry } = freshened
        const kept = this.#counted(store.replace(asked.lookup, found, { entry, body: found.body, stamp }))
        this.#endBehind(question, kept)
      } else if (freshened?.stored !== 'stays') this.#dropBehind(asked, found, stamp)
    }
    return { kind: 'passed', answer, entry: undefined, because: 'method', whole: undefined }
  }

  #take(question: Question, answer: Answer, stamp: Stamp, times: FetchTimes): Reply {
    const { asked, fetch, found } = question
    if (asked.respelled) return this.#pass(question, answer, 'unsafe-target')
    const judged = toEntry(fetch, responseOf(answer), asked.rules, asked.caller, times)
    if (judged.kind === 'refused') {
      const { because } = judged
      if (found.kind === 'entry' && answer.status < 500 && takenBack.has(because)) this.#dropBehind(asked, found, stamp)
      return this.#pass(question, answer, because)
    }
    const { entry } = judged
    const { body } = answer
    if (isStream(body)) return this.#collect(question, answer, body, entry, stamp)
    this.#options.onward().closed(fetch, answer, 'done')
    this.#share(question, entry, body ?? empty)
    const kept = this.#keep(question, entry, body ?? empty, stamp)
    this.#endBehind(question, kept)
    return { kind: 'passed', answer: shownToAll(answer, asked), entry, because: undefined, whole: kept }
  }

  /** Of use to nobody else. */
  #pass(question: Question, answer: Answer, because: Refusal): Reply {
    const { fetch } = question
    this.#options.notStored.inc({ because })
    if (ofRequest.has(because)) question.lead?.end()
    else this.#ofNoUse(question, releaseOf(because, answer.status))
    const passed = { kind: 'passed', entry: undefined, because, whole: undefined } as const
    const { body } = answer
    if (!isStream(body)) {
      this.#options.onward().closed(fetch, answer, 'done')
      return { ...passed, answer }
    }
    const followed = new FollowedBody(body, (ending) => this.#options.onward().closed(fetch, answer, ending))
    return { ...passed, answer: { ...answer, body: followed } }
  }

  /** The body goes to the store and to all who may read it, as it comes. */
  #collect(question: Question, answer: Answer, body: BodyStream, entry: Entry, stamp: Stamp): Reply {
    const { asked, fetch, lead, read } = question
    const { onward, room, notStored } = this.#options
    const length = lengthOf(answer.headers)
    const maxBytes = Math.min(asked.rules.maxBodyBytes, valueLimitBytes)
    if (length !== undefined && length > maxBytes) return this.#pass(question, answer, 'too-large')
    const whole = Promise.withResolvers<boolean>()
    const collected = (outcome: Collected): void => {
      if (outcome.kind === 'whole') {
        if (length === undefined) this.#share(question, entry, outcome.body)
        const kept = this.#keep(question, entry, outcome.body, stamp)
        this.#endBehind(question, kept, shared)
        whole.resolve(kept)
        return
      }
      const because = outcome.kind === 'given-up' ? outcome.because : 'incomplete'
      notStored.inc({ because })
      this.#ofNoUse(question, because === 'incomplete' ? 'broken' : because)
      shared?.close()
      whole.resolve(false)
    }
    const followed = new FollowedBody(body, (ending) => onward().closed(fetch, answer, ending))
    const wanted = () => !read || (lead?.waiting ?? 0) > 0
    const shared = SharedBody.open({ source: followed, length, maxBytes, room, wanted, collected })
    if (shared === undefined) return this.#pass(question, answer, 'busy')
    if (lead !== undefined) lead.whenAbandoned = () => shared.reconsider()
    const reader = read ? shared.reader() : undefined
    if (length !== undefined) this.#share(question, entry, shared)
    else if (isFresh(entry, this.#options.clock.now())) lead?.hold(admits(asked, entry))
    else this.#ofNoUse(question, 'not-fresh')
    shared.start()
    const given = { ...shownToAll(answer, asked), body: reader }
    return { kind: 'passed', answer: given, entry, because: undefined, whole: whole.promise }
  }

  /** Those who wait get it; unless it is not fresh even now. */
  #share(question: Question, entry: Entry, body: Buffer | SharedBody): void {
    const { asked, lead } = question
    if (!isFresh(entry, this.#options.clock.now())) {
      this.#ofNoUse(question, 'not-fresh')
      return
    }
    if (lead === undefined) this.#answered(asked, true)
    lead?.give({ kind: 'entry', entry, body, site: this.#options.site, standsIn: false }, admits(asked, entry))
  }

  #ofNoUse({ asked, lead }: Question, because: Parameters<CacheLead['release']>[0]): void {
    if (lead !== undefined) lead.release(because)
    else if (marking.has(because)) this.#answered(asked, false)
  }

  #answered(asked: Asked, storable: boolean): void {
    const { marked, route } = flightClass(asked)
    this.#options.flights.answered(marked, route, storable)
  }

  #keep({ asked, found }: Question, entry: Entry, body: Buffer, stamp: Stamp): Promise<boolean> {
    return this.#counted(this.#options.store.keep(asked.lookup, found, { entry, body, stamp }))
  }

  async #counted(keeping: Promise<Kept>): Promise<boolean> {
    const outcome = await keeping
    this.#options.stored.inc({ outcome })
    return outcome === 'stored'
  }

  #keepBehind(question: Question, entry: Entry, body: Buffer, stamp: Stamp): void {
    this.#options.background.run('store an answer', this.#keep(question, entry, body, stamp))
  }

  #dropBehind({ lookup }: Asked, found: FoundEntry, stamp: Stamp): void {
    this.#options.background.run('drop a stored answer', this.#options.store.drop(lookup, found, stamp))
  }

  /** Until it is stored, who comes later is answered by the flight. */
  #endBehind({ lead }: Question, kept: Promise<unknown>, shared?: SharedBody): void {
    const end = async (): Promise<void> => {
      try {
        await kept
      } finally {
        lead?.end()
        shared?.close()
      }
    }
    this.#options.background.run('store an answer', end())
  }

  #discard({ fetch }: Question, answer: Answer): void {
    if (isStream(answer.body)) answer.body.cancel(standsIn)
    this.#options.onward().closed(fetch, answer, 'done')
  }
}

const empty = Buffer.alloc(0)
const standsIn = new Error('a stored answer is given in its place')

/**
 * Others may join, so it was not marked as of no use to them; and nothing was found, by a store that answers. What was found has
 * its records.
 */
function foreseesStoring({ lead, found }: Question): boolean {
  return lead !== undefined && found.kind === 'none' && found.because !== 'failed'
}

/**
 * Of use to those who asked meanwhile. Date has whole seconds, so that an answer seems to be up to one older than it is: were it
 * taken at its word, now and then an answer with `max-age=1` would send all who wait to the service at once.
 */
function isFresh(entry: Entry, nowMs: number): boolean {
  const { validateAlways, lifetimeS } = entry.freshness
  return !validateAlways && lifetimeS > 0 && ttlS(entry, nowMs) > -1
}

/** What the policy judges by: with the Connection that did not come this far. */
function responseOf({ status, reason, headers, connection }: Answer): CacheResponse {
  return { status, reason, headers: connection === undefined ? headers : [...headers, 'connection', connection] }
}

function lengthOf(headers: HeaderPairs): number | undefined {
  const said = firstValue(headers, 'content-length')
  return said === undefined ? undefined : Number(said)
}

/** Whose cookie it is nobody can tell: where the route drops them, the first client gets no other answer than the next. */
function shownToAll(answer: Answer, { rules }: Asked): Answer {
  const drops = rules.dropSetCookie && !rules.strict && firstValue(answer.headers, 'set-cookie') !== undefined
  return drops ? { ...answer, headers: withoutField(answer.headers, 'set-cookie') } : answer
}

function releaseOf(because: Refusal, status: number): Parameters<CacheLead['release']>[0] {
  if (because === 'too-large' || because === 'busy') return because
  return status >= 500 ? 'server-error' : 'unstorable'
}
