import type { Random } from '#server-kit/random.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import { type HeaderPairs, withoutField } from '../header-pairs.ts'
import type { Ending, Phase } from '../phase.ts'
import { readTraceParent, type TraceParent, writeTraceParent } from './trace-context.ts'

/** PORT: keeps spans for somebody who collects them. Both calls return at once; what cannot be kept is dropped there. */
export interface Spans {
  /** Opens the span of a request under `parent`; gives what the next hop sees as its parent. */
  open(x: Exchange, parent: TraceParent): TraceParent
  end(x: Exchange, answer: Answer, ending: Ending): void
}

export interface TraceOptions {
  /** Undefined: nobody collects; the client's own trace passes untouched. */
  readonly spans: Spans | undefined
  /** Give a trace to who comes without one. */
  readonly create: boolean
  /** Of those, the share that services are asked to record: 0..1. */
  readonly sample: number
  readonly random: Random
}

/**
 * A request's trace passes to the service as it came; one that comes without gets one here, so that the lines of all
 * programs that served it can be found together. `tracestate` is of the client's own trace: with a new one it does not pass.
 * W3C Trace Context, sections 3.2 and 3.3.
 */
export function trace({ spans, create, sample, random }: TraceOptions): Phase {
  const fresh = new FreshTraces(random, sample)
  return {
    name: 'trace',
    before(x: Exchange): undefined {
      const parent = readTraceParent(x.header('traceparent'))
      if (spans !== undefined) x.trace = writeTraceParent(spans.open(x, parent ?? fresh.next()))
      else if (parent === undefined && create) x.trace = writeTraceParent(fresh.next())
      if (parent === undefined && x.trace !== '' && x.names.includes('tracestate')) x.editHead = withoutState
      return undefined
    },
    closed(x: Exchange, answer: Answer, ending: Ending): void {
      spans?.end(x, answer, ending)
    },
  }
}

/**
 * Makes traces. Whether one is recorded is decided here, once, where it begins: each hop deciding for itself would keep only
 * pieces.
 */
class FreshTraces {
  readonly #random: Random
  readonly #sample: number
  /** Random bytes are fetched for many traces at once: one call a request costs as much as a phase. */
  #pool = ''
  #at = 0

  constructor(random: Random, sample: number) {
    this.#random = random
    this.#sample = sample
  }

  next(): TraceParent {
    if (this.#at === this.#pool.length) {
      this.#pool = Buffer.from(this.#random.bytes(digits * 128)).toString('hex')
      this.#at = 0
    }
    const from = this.#at
    this.#at = from + digits
    // Zeros mean no trace at all; the chance of them is nothing, a digit that is never 0 makes it none.
    const traceId = `1${this.#pool.slice(from, from + 31)}`
    const spanId = `1${this.#pool.slice(from + 31, this.#at)}`
    return { traceId, spanId, flags: this.#random.next() < this.#sample ? 1 : 0 }
  }
}

/** Hex digits of one trace: 31 and 15. */
const digits = 46

const withoutState = (head: HeaderPairs): HeaderPairs => withoutField(head, 'tracestate')
