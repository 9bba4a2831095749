import Type, { type Static } from 'typebox'
import { rateText, waitText } from './quantity.ts'
import { atMost, closed, nameText, on, pathText, urlText } from './schema-texts.ts'

const url = Type.String(urlText)

const hostText = {
  pattern: '^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$',
  patternErrorMessage: 'expected the name of a host',
} as const

const tls = Type.Object(
  {
    sni: Type.Optional(
      Type.String({
        ...hostText,
        description: 'Name that is asked for and must be in the certificate; absent: of the URL.',
      }),
    ),
    ca: Type.Optional(
      Type.String({
        ...nameText,
        description: "Whose signature is believed, by its name in the gateways' `certificates`; absent: public ones.",
      }),
    ),
    certificate: Type.Optional(
      Type.String({ ...nameText, description: "What the gateway shows, by its name in the gateways' `certificates`." }),
    ),
    insecure: on('Verifies nothing: whoever answers at the address gets the requests.'),
  },
  { ...closed, description: 'How the service is known over https.' },
)

const health = Type.Object(
  {
    path: Type.String({ ...pathText, description: 'Asked by GET; any answer of 200 to 399 is health.' }),
    every: Type.String({ ...waitText, default: '5s', description: 'How often, by one gateway of the site.' }),
  },
  { ...closed, description: 'Asks each instance whether it is well; absent = only what requests show.' },
)

export const deploymentSchema = Type.Object(
  {
    url: Type.Union([url, Type.Array(url, { minItems: 1, maxItems: 64 })], {
      description: 'Where the service listens at this site: one URL, or one for each instance.',
    }),
    capacity: Type.Optional(
      Type.String({ ...rateText, description: 'Requests a second that it is known to serve there; absent = unknown.' }),
    ),
    resolve: Type.Optional(
      Type.Literal('each', {
        description: 'Take every address behind the name of the URL as an instance, looked up anew as its TTL says.',
      }),
    ),
    balance: Type.Optional(
      Type.Literal('hash', {
        description: 'Keep a client at one instance, by its sticky key; absent = the less busy of two.',
      }),
    ),
    host: Type.Union([Type.Literal('preserve'), Type.String(hostText)], {
      default: 'preserve',
      description: 'Name that is written into Host; "preserve" sends what the client sent.',
    }),
    protocol: Type.Optional(
      Type.Enum(['h2c', 'h2'], { description: 'HTTP/2 without or with TLS, for gRPC; absent = HTTP/1.1.' }),
    ),
    tls: Type.Optional(tls),
    health: Type.Optional(health),
    maxInFlight: atMost(100_000, 'Requests at one time from each gateway process; more get 503.'),
  },
  closed,
)

export type DeploymentDocument = Static<typeof deploymentSchema>
