import type { Random } from '#server-kit/random.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
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
 * programs that served it can be found together. W3C Trace Context.
 */
export function trace({ spans, create, sample, random }: TraceOptions): Phase {
  return {
    name: 'trace',
    before(x: Exchange): undefined {
      const parent = readTraceParent(x.header('traceparent'))
      if (spans !== undefined) x.trace = writeTraceParent(spans.open(x, parent ?? fresh(random, sample)))
      else if (parent === undefined && create) x.trace = writeTraceParent(fresh(random, sample))
      return undefined
    },
    closed(x: Exchange, answer: Answer, ending: Ending): void {
      spans?.end(x, answer, ending)
    },
  }
}

/** Whether it is recorded is decided once, where the trace begins: each hop deciding for itself would keep only pieces. */
function fresh(random: Random, sample: number): TraceParent {
  const hex = Buffer.from(random.bytes(24)).toString('hex')
  // Zeros mean no trace at all; the chance of them is nothing, a digit that is never 0 makes it none.
  return { traceId: `1${hex.slice(1, 32)}`, spanId: `1${hex.slice(33, 48)}`, flags: random.next() < sample ? 1 : 0 }
}
