import type { Site } from '#routes/vocabulary.ts'
import type { Counter } from '#server-kit/metrics.ts'
import type { Answer } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Onward } from '../phase.ts'
import { problemAnswer } from '../pipeline.ts'
import type { Stamp } from '../store/cache-store.ts'
import type { EntryStore } from './entry-store.ts'
import { admits } from './flight-key.ts'
import type { FoundEntry } from './found.ts'
import type { HandOut } from './hand-out.ts'
import { notModified } from './policy/conditional.ts'
import type { CacheResponse, FetchTimes, Refusal } from './policy/entry.ts'
import { freshen } from './policy/freshen.ts'
import { headSays } from './policy/head-says.ts'
import { toEntry } from './policy/storable.ts'
import { validatorsOf } from './policy/validate.ts'
import { whichFreshened } from './policy/which-freshened.ts'
import { type Question, type Reply, responseOf } from './question.ts'

export interface ValidatedAnswersOptions {
  readonly site: Site
  readonly onward: () => Onward
  readonly store: EntryStore
  readonly handOut: HandOut
  readonly notStored: Counter<'because'>
}

/** What a 304 and the answer to a HEAD say of stored answers: that they hold still, or not (C4..C6, HD1). */
export class ValidatedAnswers {
  readonly #options: ValidatedAnswersOptions

  constructor(options: ValidatedAnswersOptions) {
    this.#options = options
  }

  /** Undefined: it is about nothing that is stored, and the service is to be asked for the whole (C5). */
  async notModified(question: Question, answer: Answer, stamp: Stamp, times: FetchTimes): Promise<Reply | undefined> {
    const { asked, fetch } = question
    const { onward, site, handOut, notStored } = this.#options
    onward().closed(fetch, answer, 'done')
    if (!question.validates) return this.#unasked(question, answer, times)
    const response = responseOf(answer)
    const chosen = await this.#named(question, response, stamp)
    if (chosen === undefined) return undefined
    const freshened = freshen(chosen.entry, fetch, response, asked.rules, asked.caller, times)
    const { body } = chosen
    const stored = { kind: 'stored', body, standsIn: false, status: 304 } as const
    if (freshened.kind === 'serve-only') {
      notStored.inc({ because: freshened.because })
      if (freshened.stored === 'goes') handOut.dropBehind(asked, chosen, stamp)
      handOut.ofNoUse(question, 'unstorable')
      return { ...stored, entry: freshened.entry, site, kept: false }
    }
    const { entry, headers } = freshened
    handOut.share(question, entry, body)
    handOut.endBehind(question, handOut.replace(question, chosen, { entry, body, stamp }))
    return { ...stored, entry: { ...entry, headers }, site, kept: true }
  }

  /** Whole with its head, and no entry of its own (S1): it may say that the stored one still holds (HD1). */
  head(question: Question, answer: Answer, stamp: Stamp, times: FetchTimes): Reply {
    const { asked, fetch, found } = question
    const { onward, handOut } = this.#options
    onward().closed(fetch, answer, 'done')
    if (found.kind === 'entry' && found.entry.status === 200 && answer.status === 200 && !asked.respelled) {
      const response = responseOf(answer)
      const freshened =
        headSays(found.entry, response) === 'same'
          ? freshen(found.entry, fetch, response, asked.rules, asked.caller, times)
          : undefined
      if (freshened?.kind === 'entry') {
        const { entry } = freshened
        handOut.endBehind(question, handOut.replace(question, found, { entry, body: found.body, stamp }))
      } else if (freshened?.stored !== 'stays') handOut.dropBehind(asked, found, stamp)
    }
    const because: Refusal = 'method'
    return { kind: 'passed', answer, entry: undefined, because, whole: undefined }
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

  /** What the 304 is about. Where nobody knows, all that was asked about goes. */
  async #named(question: Question, response: CacheResponse, stamp: Stamp): Promise<FoundEntry | undefined> {
    const { asked, fetch, found } = question
    const { handOut, store } = this.#options
    const isAbout = (entry: FoundEntry) =>
      whichFreshened([validatorsOf(entry.entry)], response, fetch.headers) !== undefined
    if (found.kind === 'entry') {
      if (isAbout(found)) return found
      handOut.dropBehind(asked, found, stamp)
      return undefined
    }
    const row = found.variants[whichFreshened(found.variants, response, fetch.headers) ?? -1]
    if (row === undefined) {
      for (const one of found.variants) handOut.dropVariantBehind(asked, one, stamp)
      return undefined
    }
    const variant = await store.variant(asked.lookup, found, row)
    // Another answer may have taken its place since its row was read.
    return variant !== undefined && isAbout(variant) ? variant : undefined
  }
}
