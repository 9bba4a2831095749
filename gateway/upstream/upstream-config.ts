import Type from 'typebox'
import { listenText } from '#server-kit/config-texts.ts'
import { closed, count, file, flag, group, name } from '../config-parts.ts'

const certificate = Type.Object(
  {
    ca: file('Certificates whose signature is believed (PEM), instead of the well-known authorities.'),
    cert: file('What we show of ourselves (PEM), with the chain.'),
    key: file('Private key of `cert` (PEM, mode 0600).'),
  },
  closed,
)

/** How this site's services are reached: `upstreams` of gateway.yaml. */
export const upstreams = group(
  {
    certificates: Type.Record(Type.String({ pattern: name.pattern }), certificate, {
      default: {},
      description: 'By the names that `tls` of a deployment uses. Read again at each reload.',
    }),
    health: flag(true, 'Ask instances of deployments that name a health path.'),
    checksPerSecond: count(50, 'Such questions of one process; more wait.'),
    ejection: flag(true, 'Leave out an instance that fails while others do not.'),
    panicBelow: Type.Integer({
      minimum: 0,
      maximum: 100,
      default: 50,
      description: 'Percent of healthy instances below which health is ignored.',
    }),
    breaker: flag(true, 'Refuse requests for a deployment that fails most of them.'),
    retryBudget: flag(true, 'Keep second tries below 10 % of the requests of a deployment (never fewer than 3/s).'),
    resolver: Type.Optional(
      Type.String({
        ...listenText('127.0.0.1:53'),
        description: "Name server for deployments with `resolve: each`; absent: the system's.",
      }),
    ),
  },
  'How the services of this site are reached.',
)
