import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AlwaysOffSampler, BatchSpanProcessor, ParentBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Ending } from '../phase.ts'
import type { Spans } from './trace.ts'
import type { TraceParent } from './trace-context.ts'

export interface OtlpOptions {
  /** `http://collector:4318/v1/traces` */
  readonly url: string
  readonly site: string
  readonly instance: string
  readonly version: string
}

/**
 * Spans to a collector by OTLP over HTTP; loaded only where one is configured. What is sampled is decided in the parent:
 * the client's, or the one that this gateway gave it. A collector that is away costs spans, never a request.
 */
export class OtlpSpans implements Spans {
  readonly #provider: TracerProvider
  readonly #tracer
  /** As many as requests are under way. */
  readonly #open = new Map<Exchange, Span>()

  constructor({ url, site, instance, version }: OtlpOptions) {
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({
        'service.name': 'tidegate-gateway',
        'service.version': version,
        'service.instance.id': instance,
        'tidegate.site': site,
      }),
      sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: new OTLPTraceExporter({ url, timeoutMillis: 5_000, concurrencyLimit: 2 }),
          maxQueueSize: 4_096,
          scheduledDelayMillis: 1_000,
        }),
      ],
    })
    this.#tracer = this.#provider.getTracer('tidegate')
  }

  open(x: Exchange, parent: TraceParent): TraceParent {
    const { traceId, spanId, flags } = parent
    const above = trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: flags, isRemote: true })
    const span = this.#tracer.startSpan(x.method, { kind: SpanKind.SERVER }, above)
    this.#open.set(x, span)
    const own = span.spanContext()
    return { traceId: own.traceId, spanId: own.spanId, flags: own.traceFlags }
  }

  end(x: Exchange, answer: Answer, ending: Ending): void {
    const span = this.#open.get(x)
    if (span === undefined) return
    this.#open.delete(x)
    if (span.isRecording()) {
      const { route, target } = x.decision ?? {}
      if (route !== undefined) span.updateName(`${x.method} ${route.pattern}`)
      // Names of the semantic conventions of HTTP; queries stay out, they hold what their senders call secrets.
      span.setAttributes({
        'http.request.method': x.method,
        'http.response.status_code': answer.status,
        'url.path': target?.key ?? '',
        'url.scheme': x.scheme,
        'server.address': x.host,
        'client.address': x.client,
        'tidegate.request_id': x.requestId,
        'tidegate.because': x.decision?.because ?? '',
        ...(route === undefined ? {} : { 'http.route': route.pattern, 'tidegate.unit': route.unit }),
        ...(x.forwardedTo === undefined ? {} : { 'tidegate.forwarded_to': x.forwardedTo }),
        ...(answer.problem === undefined ? {} : { 'error.type': answer.problem.code }),
      })
      if (answer.status >= 500 || ending !== 'done') span.setStatus({ code: SpanStatusCode.ERROR })
    }
    span.end()
  }

  /** Sends what waits, and no more after that. */
  async close(): Promise<void> {
    await this.#provider.shutdown()
  }
}
