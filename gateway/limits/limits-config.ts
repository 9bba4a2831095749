import Type from 'typebox'
import { waitText } from '#routes/quantity.ts'
import { closed, count, flag, group, wait } from '../config-parts.ts'

/** How requests are counted: `rates` of gateway.yaml. What each route allows stands in the catalog. */
export const rates = group(
  {
    redis: Type.Optional(
      Type.String({
        pattern: '^rediss?://',
        patternErrorMessage: 'expected redis://host:port',
        description:
          'The one Redis server (no cluster) in which the processes of this site count together; absent: each for itself.',
      }),
    ),
    prefix: Type.String({
      maxLength: 64,
      default: 'tidegate:rate:',
      description: 'Before each key in Redis.',
    }),
    deadline: wait('50ms', 'How long Redis may take; then it counts as away.'),
    processes: count(
      1,
      'How many processes serve this site: while Redis is away, each gives its part of a limit that may be passed then.',
    ),
    maxKeys: count(100_000, 'Addresses and consumers that a process remembers.'),
    perAddress: Type.Optional(
      Type.Object(
        {
          count: count(1_000, 'Requests.'),
          window: Type.String({ ...waitText, default: '10s', description: 'In which time.' }),
          burst: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'How many at once.' })),
        },
        {
          ...closed,
          description: 'What one address may ask of this process, all routes together; absent: no such limit.',
        },
      ),
    ),
    headers: flag(true, 'Tell clients of limited routes what is left (RateLimit, RateLimit-Policy).'),
    shedAbove: wait('100ms', 'Event-loop delay (p99 of 2 s) from which tier 3 is refused; tier 2 from twice as much.'),
  },
  'Counting of requests, and what is refused under overload.',
)
