import Type from 'typebox'
import { flag, group } from '../config-parts.ts'

/** `trace` of gateway.yaml. */
export const traceGroup = group(
  {
    create: flag(true, 'Give a trace (W3C traceparent) to requests that come without one.'),
    sample: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.01,
      description: 'Of those, the share that services are asked to record.',
    }),
    otlp: Type.Optional(
      Type.String({
        pattern: '^https?://[^\\s#]+$',
        patternErrorMessage: 'expected the URL of a collector, such as http://collector:4318/v1/traces',
        description: 'Collector of spans (OTLP over HTTP); absent: none are kept.',
      }),
    ),
  },
  'Traces of requests through all programs.',
)

/** `recorder` of gateway.yaml. */
export const recorderGroup = group(
  { on: flag(true, 'Record which oddities of HTTP the traffic of each route uses.') },
  'The compatibility recorder: what a route needs of whoever serves it next.',
)
