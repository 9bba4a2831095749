import type { Site } from '#routes/vocabulary.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Counter } from '#server-kit/metrics.ts'
import { type Answer, type BodyStream, isStream } from '../answer.ts'
import { problems } from '../errors.ts'
import { firstValue, type HeaderPairs, withoutField } from '../header-pairs.ts'
import type { Onward } from '../phase.ts'
import { problemAnswer } from '../pipeline.ts'
import { type Stamp, valueLimitBytes } from '../store/cache-store.ts'
import type { Asked, CacheLead, Common } from './asked.ts'
import type { CollectingRoom } from './collecting-room.ts'
import type { EntryStore } from './entry-store.ts'
import type { FailedValidations } from './failed-validations.ts'
import { admits } from './flight-key.ts'
import type { Flights } from './flights.ts'
import { FollowedBody } from './followed-body.ts'
import type { Fetched } from './found.ts'
import { HandOut } from './hand-out.ts'
import { negativeOfConnect } from './negative-entry.ts'
import { onError } from './policy/decide.ts'
import type { Entry, FetchTimes, Refusal } from './policy/entry.ts'
import { toEntry } from './policy/storable.ts'
import { withoutConditions } from './policy/validate.ts'
import { type Question, type Reply, responseOf } from './question.ts'
import { type Collected, SharedBody } from './shared-body.ts'
import { ValidatedAnswers } from './validated-answer.ts'

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
  readonly #handOut: HandOut
  readonly #validated: ValidatedAnswers

  constructor(options: FetchesOptions) {
    this.#options = options
    this.#handOut = new HandOut(options)
    this.#validated = new ValidatedAnswers({ ...options, handOut: this.#handOut })
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
    if (answer.status === 304)
      return (await this.#validated.notModified(question, answer, stamp, times)) ?? this.#askAgain(question)
    if (fetch.method === 'HEAD') return this.#validated.head(question, answer, stamp, times)
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
    if (negative !== undefined) this.#handOut.keepBehind(question, { entry: negative, body: empty, stamp })
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

  /** Nobody knows what the 304 was about, or it is gone: the service is asked for the whole (C5). */
  #askAgain(question: Question): Promise<Reply> {
    const { fetch } = question
    const again = fetch.forFetch(withoutConditions(fetch.headers))
    if (fetch.gone) again.leave()
    fetch.whenGone = () => again.leave()
    return this.#ask({ ...question, fetch: again, validates: false, standing: undefined })
  }

  #take(question: Question, answer: Answer, stamp: Stamp, times: FetchTimes): Reply {
    const { asked, fetch, found } = question
    if (asked.respelled) return this.#pass(question, answer, 'unsafe-target')
    const judged = toEntry(fetch, responseOf(answer), asked.rules, asked.caller, times)
    if (judged.kind === 'refused') {
      const { because } = judged
      if (found.kind === 'entry' && answer.status < 500 && takenBack.has(because))
        this.#handOut.dropBehind(asked, found, stamp)
      return this.#pass(question, answer, because)
    }
    const { entry } = judged
    const { body } = answer
    if (isStream(body)) return this.#collect(question, answer, body, entry, stamp)
    this.#options.onward().closed(fetch, answer, 'done')
    this.#handOut.share(question, entry, body ?? empty)
    const kept = this.#keep(question, answer, { entry, body: body ?? empty, stamp })
    this.#handOut.endBehind(question, kept)
    return { kind: 'passed', answer: shownToAll(answer, asked), entry, because: undefined, whole: kept }
  }

  /** Of use to nobody else. */
  #pass(question: Question, answer: Answer, because: Refusal): Reply {
    const { fetch } = question
    this.#options.notStored.inc({ because })
    if (ofRequest.has(because)) question.lead?.end()
    else this.#handOut.ofNoUse(question, releaseOf(because, answer.status))
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
    const { service } = asked.route
    const length = lengthOf(answer.headers)
    const maxBytes = Math.min(asked.rules.maxBodyBytes, valueLimitBytes)
    if (length !== undefined && length > maxBytes) return this.#pass(question, answer, 'too-large')
    const whole = Promise.withResolvers<boolean>()
    const collected = (outcome: Collected): void => {
      if (outcome.kind === 'whole') {
        if (length === undefined) this.#handOut.share(question, entry, outcome.body)
        const kept = this.#keep(question, answer, { entry, body: outcome.body, stamp })
        this.#handOut.endBehind(question, kept, shared)
        whole.resolve(kept)
        return
      }
      const because = outcome.kind === 'given-up' ? outcome.because : 'incomplete'
      notStored.inc({ because })
      this.#handOut.ofNoUse(question, because === 'incomplete' ? 'broken' : because)
      shared?.close()
      whole.resolve(false)
    }
    const followed = new FollowedBody(body, (ending) => onward().closed(fetch, answer, ending))
    const wanted = () => !read || (lead?.waiting ?? 0) > 0
    const shared = SharedBody.open({ source: followed, length, maxBytes, room, service, wanted, collected })
    if (shared === undefined) return this.#pass(question, answer, 'busy')
    if (lead !== undefined) lead.whenAbandoned = () => shared.reconsider()
    const reader = read ? shared.reader() : undefined
    if (length !== undefined) this.#handOut.share(question, entry, shared)
    else if (this.#handOut.isFresh(entry)) lead?.hold(admits(asked, entry))
    else this.#handOut.ofNoUse(question, 'not-fresh')
    shared.start()
    const given = { ...shownToAll(answer, asked), body: reader }
    return { kind: 'passed', answer: given, entry, because: undefined, whole: whole.promise }
  }

  /** A turn after its end: whether its service sent more than the answer has is known only then (S2). */
  async #keep(question: Question, answer: Answer, fetched: Fetched): Promise<boolean> {
    await undefined
    if (answer.surplus?.() !== true) return this.#handOut.keep(question, fetched)
    this.#options.notStored.inc({ because: 'surplus' })
    return false
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
