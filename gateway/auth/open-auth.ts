import type { KeyRing } from '#routes/seal.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import type { Random } from '#server-kit/random.ts'
import type { GatewayYaml } from '../config.ts'
import { ms } from '../config-parts.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import type { Phase } from '../phase.ts'
import { AlsoAsk, peerOutcomes } from './also-ask.ts'
import { PeerTokens } from './ask-peer.ts'
import type { AuthSecrets } from './auth-secrets.ts'
import { authenticate, type Finder, lookUpOutcomes } from './authenticate.ts'
import { authorise } from './authorise.ts'
import { keyFetcher } from './fetch-keys.ts'
import { Guesses } from './guesses.ts'
import { openIdentity } from './identity.ts'
import { IdentitySigner } from './identity-signer.ts'
import { JwtFinder } from './jwt-finder.ts'
import { openTokenStores, type TokenStores } from './open-token-stores.ts'

export interface AuthOptions {
  readonly yaml: Pick<GatewayYaml, 'site' | 'tokens' | 'apiKeys' | 'jwt' | 'identity' | 'peers'>
  /** A path of the YAML, relative to its file. */
  readonly path: (relative: string) => string
  readonly secrets: AuthSecrets
  readonly peerRing: KeyRing | undefined
  readonly clock: Clock
  readonly random: Random
  readonly background: Background
  readonly log: Log
  readonly metrics: Metrics
}

export interface Auth {
  readonly authenticate: Phase
  readonly authorise: Phase
  /** This site's own stores alone, by kind: what a peer may ask. */
  readonly stores: TokenStores
  /** What requests to services carry of this; requests to peer gateways never. */
  readonly head: {
    readonly strip: ReadonlySet<string>
    readonly identity: (x: Exchange, into: HeaderPairs) => void
  }
  /** Signs identities; undefined = they are plain headers. */
  readonly signer: IdentitySigner | undefined
  close(): Promise<void>
}

const kinds = ['token', 'api-key', 'jwt'] as const

/** All by which the gateway knows who calls, and the one part that stops it. Throws what a key file or a secret has wrong. */
export function openAuth(options: AuthOptions): Auth {
  const { yaml, path, secrets, peerRing, clock, random, background, log, metrics } = options
  const { tokens, apiKeys, jwt, identity } = yaml
  const stores = openTokenStores({ tokens, apiKeys, path, secrets, clock, log, metrics })
  const peers = new PeerTokens({
    peers: yaml.peers,
    ring: peerRing,
    deadlineMs: ms(tokens.peerDeadline),
    clock,
    random,
  })
  const asked = metrics.counter('tidegate_auth_peers_asked_total', 'Questions to other sites about credentials.', {
    outcome: peerOutcomes,
  })
  const everywhere = (kind: 'token' | 'api-key'): Finder | undefined => {
    const store = stores[kind]
    if (store === undefined || tokens.alsoAsk.length === 0) return store
    return new AlsoAsk({
      store,
      sites: tokens.alsoAsk,
      ask: peers.asking(kind),
      clock,
      perSecond: tokens.peerQuestions,
      asked: (outcome) => asked.inc({ outcome }),
    })
  }
  const keys = keyFetcher(ms(jwt.deadline))
  const jwtFinder =
    jwt.issuers.length === 0 ? undefined : new JwtFinder({ yaml: jwt, fetch: keys.fetch, clock, background, log })
  const signer =
    identity.form === 'token'
      ? new IdentitySigner({
          keys: secrets.identityKeys,
          issuer: identity.issuer ?? `tidegate:${yaml.site}`,
          lifetimeMs: ms(identity.lifetime),
          clock,
          random,
        })
      : undefined
  const told = openIdentity(identity, signer)
  const keyHeaders = new Set(apiKeys.headers)
  const lookUps = metrics.counter('tidegate_auth_lookups_total', 'Credentials, and what was found out.', {
    kind: kinds,
    outcome: lookUpOutcomes,
  })
  return {
    authenticate: authenticate({
      tokens: everywhere('token') ?? nobody,
      apiKeys: apiKeys.headers.length === 0 ? undefined : everywhere('api-key'),
      jwt: jwtFinder,
      keyHeaders,
      guesses: new Guesses(tokens.guesses, clock),
      count: (kind, outcome) => lookUps.inc({ kind, outcome }),
    }),
    authorise: authorise(keyHeaders),
    stores,
    head: {
      strip: new Set([...told.names, ...(apiKeys.pass ? [] : apiKeys.headers)]),
      identity: (x, into) => told.write(x, into),
    },
    signer,
    close: async () => void (await Promise.all([stores.close(), peers.close(), keys.close()])),
  }
}

/** Without a token store no token is anybody's. */
const nobody: Finder = { recall: () => 'unknown', find: async () => undefined }
