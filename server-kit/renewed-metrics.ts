/** Metrics of parts that are made anew while the process runs, as by a reload of the configuration. */
import { problems } from './errors.ts'
import type { Gauge, Labels, Metrics } from './metrics.ts'

interface Known {
  readonly metric: unknown
  /** Of gauges that are asked: whoever defined it last answers. */
  collect: ((gauge: Gauge<string>) => void | Promise<void>) | undefined
}

export class RenewedMetrics {
  readonly #metrics: Metrics
  readonly #known = new Map<string, Known>()

  constructor(metrics: Metrics) {
    this.#metrics = metrics
  }

  /**
   * The registry as one generation of parts sees it. A metric that an earlier generation defined goes on with its counts and
   * the labels of its first definition; a gauge asks the newest. Throws `metric-misdefined` for a name defined twice here.
   */
  view(): Metrics {
    const metrics = this.#metrics
    const defined = new Set<string>()
    const once = <Metric>(name: string, open: (known: Known) => Metric, collect?: Known['collect']): Metric => {
      if (defined.has(name)) throw problems['metric-misdefined']({ metric: name, reason: 'it is defined twice' })
      defined.add(name)
      let known = this.#known.get(name)
      if (known === undefined) {
        const slot: Known = { metric: undefined, collect }
        known = Object.assign(slot, { metric: open(slot) })
        this.#known.set(name, known)
      }
      known.collect = collect
      return known.metric as Metric
    }
    return {
      counter: (name, help, labels) => once(name, () => metrics.counter(name, help, labels)),
      gauge: <const L extends Labels>(
        name: string,
        help: string,
        labels?: L,
        collect?: (gauge: Gauge<keyof L & string>) => void | Promise<void>,
      ) =>
        once(
          name,
          (known) => metrics.gauge(name, help, labels, (gauge) => known.collect?.(gauge)),
          collect as Known['collect'],
        ),
      histogram: (name, help, labels, buckets) => once(name, () => metrics.histogram(name, help, labels, buckets)),
      text: () => metrics.text(),
      contentType: metrics.contentType,
      get defined() {
        return metrics.defined
      },
    }
  }
}
