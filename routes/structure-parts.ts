import { listOf, objectOf, positive, type Reader, wordOf, yes } from './object-of.ts'
import { keySource } from './placements-codec.ts'
import { count, text } from './shape.ts'
import type { DeploymentFacts, DeploymentTls, ServiceFacts } from './structure.ts'

/** Readers of what gateways and the control plane know of a service: undefined for what the encoder would not have written. */

const tls = objectOf<DeploymentTls>({}, { sni: text, ca: text, certificate: text, insecure: yes })

const health = objectOf<NonNullable<DeploymentFacts['health']>>({ path: text, everyMs: positive }, {})

const deployment = objectOf<DeploymentFacts>(
  { site: text, url: text },
  {
    more: listOf(text),
    resolve: wordOf('each'),
    balance: wordOf('hash'),
    capacity: count,
    host: text,
    protocol: wordOf('h2c', 'h2'),
    tls,
    health,
    maxInFlight: positive,
  },
)

export const decodeService: Reader<ServiceFacts> = objectOf<ServiceFacts>(
  {
    id: text,
    team: text,
    tier: wordOf(1, 2, 3),
    state: wordOf('none', 'per-key', 'shared', 'external'),
    home: text,
    key: listOf(keySource),
    deployments: listOf(deployment),
  },
  {
    pathReadings: listOf(
      wordOf('servlet', 'ignore-case', 'merge-slashes', 'decode-slash', 'dot-segments', 'trailing-slash'),
    ),
  },
)
