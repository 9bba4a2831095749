/** One registry a process, on prom-client. Label sets are closed: no request can make a series. */
import client from 'prom-client'
import { problems } from './errors.ts'

/** The values that a label may take: a list, or the first `atMost` different ones that come. Any other becomes `other`. */
export type LabelValues = readonly string[] | { readonly atMost: number }
export type Labels = Readonly<Record<string, LabelValues>>
type Given<Name extends string> = { readonly [Label in Name]: string }

export interface Counter<Name extends string = never> {
  /** Adds `by` (default 1, never negative). */
  inc(...given: [Name] extends [never] ? [labels?: Given<Name>, by?: number] : [labels: Given<Name>, by?: number]): void
}

/** A counter one of whose labels names what comes and goes. */
export interface ForgettingCounter<Name extends string> extends Counter<Name> {
  /** Ends the series whose `label` is `value`, and gives its place to another value of a set that fills from traffic. */
  forget(label: Name, value: string): Promise<void>
}

export interface Gauge<Name extends string = never> {
  set(labels: Given<Name>, value: number): void
}

export interface Histogram<Name extends string = never> {
  observe(labels: Given<Name>, value: number): void
}

/** What the generated reference says of a metric. */
export interface MetricDefinition {
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: Labels
}

export interface Metrics {
  counter<const L extends Labels>(name: string, help: string, labels?: L): ForgettingCounter<keyof L & string>
  /** `collect` is asked for the values each time the metrics are read. */
  gauge<const L extends Labels>(
    name: string,
    help: string,
    labels?: L,
    collect?: (gauge: Gauge<keyof L & string>) => void | Promise<void>,
  ): Gauge<keyof L & string>
  /** `buckets`: upper bounds, rising, in the unit that the name ends with (`_seconds`, `_bytes`). */
  histogram<const L extends Labels>(
    name: string,
    help: string,
    labels: L,
    buckets: readonly number[],
  ): Histogram<keyof L & string>
  /** Everything in the Prometheus text format. */
  text(): Promise<string>
  readonly contentType: string
  /** Everything defined so far, in order of definition. */
  readonly defined: readonly MetricDefinition[]
}

const overflowValue = 'other'

/** A registry of its own. With `process: true` it also tells memory, event loop and garbage collection of this process. */
export function createMetrics(options: { readonly process?: boolean } = {}): Metrics {
  const registry = new client.Registry()
  const defined: MetricDefinition[] = []

  const define = (
    definition: MetricDefinition,
  ): { name: string; help: string; labelNames: string[]; registers: client.Registry[] } => {
    const { name, help, labels } = definition
    if (!/^tidegate_[a-z0-9_]+$/.test(name)) {
      throw problems['metric-misdefined']({ metric: name, reason: 'its name does not begin with tidegate_' })
    }
    if (defined.some((other) => other.name === name)) {
      throw problems['metric-misdefined']({ metric: name, reason: 'it is defined twice' })
    }
    defined.push(definition)
    return { name, help, labelNames: Object.keys(labels), registers: [registry] }
  }

  const overflow = new client.Counter(
    define({
      name: 'tidegate_metrics_overflow_total',
      kind: 'counter',
      help: 'Label values outside their closed set, counted as `other`.',
      labels: { metric: { atMost: 1000 } },
    }),
  )

  /** Puts each value into its closed set; gives back the same object when nothing is to be changed. */
  const closing = <Name extends string>(metric: string, labels: Labels) => {
    const allowed = Object.entries(labels).map(([label, values]) => ({
      label: label as Name,
      values: acceptor(values),
    }))
    const close = (given: Given<Name>): Given<Name> => {
      let closed: Record<Name, string> | undefined
      for (const { label, values } of allowed) {
        if (values.accepts(given[label])) continue
        closed ??= { ...given }
        closed[label] = overflowValue
        overflow.inc({ metric })
      }
      return closed ?? given
    }
    const release = (of: Name, value: string): void => {
      for (const { label, values } of allowed) if (label === of) values.release(value)
    }
    return { close, release }
  }

  if (options.process === true) client.collectDefaultMetrics({ register: registry, prefix: 'tidegate_' })

  return {
    counter: (name, help, labels = {} as never) => {
      const counter = new client.Counter(define({ name, kind: 'counter', help, labels }))
      const { close, release } = closing<string>(name, labels)
      return {
        inc: (given = {} as never, by = 1) => counter.inc(close(given), by),
        forget: async (label, value) => {
          release(label, value)
          // prom-client removes a series by all of its labels: those of the others are asked for.
          const { values } = await counter.get()
          for (const series of values) if (series.labels[label] === value) counter.remove(series.labels as never)
        },
      }
    },
    gauge: (name, help, labels = {} as never, collect) => {
      const { close } = closing<string>(name, labels)
      const gauge = new client.Gauge({
        ...define({ name, kind: 'gauge', help, labels }),
        ...(collect === undefined ? {} : { collect: () => collect(facade) }),
      })
      const facade = { set: (given: Given<string>, value: number) => gauge.set(close(given), value) }
      return facade
    },
    histogram: (name, help, labels, buckets) => {
      const histogram = new client.Histogram({
        ...define({ name, kind: 'histogram', help, labels }),
        buckets: [...buckets],
      })
      const { close } = closing<string>(name, labels)
      return { observe: (given, value) => histogram.observe(close(given), value) }
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
    defined,
  }
}

interface Values {
  accepts(value: string): boolean
  release(value: string): void
}

function acceptor(values: LabelValues): Values {
  if (!('atMost' in values)) {
    const set = new Set(values)
    return { accepts: (value) => set.has(value), release: () => undefined }
  }
  const seen = new Set<string>()
  return {
    accepts: (value) => {
      if (seen.has(value)) return true
      if (value === undefined || seen.size >= values.atMost) return false
      seen.add(value)
      return true
    },
    release: (value) => void seen.delete(value),
  }
}
