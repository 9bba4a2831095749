import { KeyRing, type Purpose, type RingFile, type TrustedKeys, trustedKeys } from '#routes/seal.ts'
import { document, record } from '#routes/shape.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { FactsSettings } from './facts.ts'
import type { KeyValues } from './kv-source.ts'
import { byBinding } from './origin-binding.ts'
import { type Fetching, type OriginClient, originClient, type Sender } from './origin-client.ts'
import { byResolveOverride } from './origin-resolve.ts'
import { byUrl } from './origin-url.ts'

/** What the host binds. JSON stands as text (secrets, environment) or already parsed (wrangler's `vars`). */
export interface Env {
  /** Whose words about clients are believed: `cf-*` headers are facts on Cloudflare and anybody's claim elsewhere. */
  readonly PLATFORM: 'cloudflare' | 'self-hosted'
  /** The edge's name in marks and status; on Cloudflare the colo stands in marks. */
  readonly EDGE_NAME: string
  readonly EDGE_VERSION?: string
  /**
   * Site -> `binding:NAME`, `resolve:NAME` (Cloudflare: another name of the zone) or an URL. The first site serves as long as
   * no table is there.
   */
  readonly SITES: unknown
  /** `{ keys: [{ id, publicKey }] }`: whose tables are believed. */
  readonly TABLE_KEYS: unknown
  /** Ring `edge-gateway`: signs marks. */
  readonly GATEWAY_RING: unknown
  /** Ring `edge-control`: signs calls to the control plane, verifies those from it. */
  readonly CONTROL_RING: unknown
  /** Self-hosted: the header in which the front puts the client's address; unset = nobody's word is taken. */
  readonly TRUSTED_CLIENT_IP_HEADER?: string
  /** Self-hosted: the header in which the front puts the client's country, two letters; unset = nobody knows it. */
  readonly TRUSTED_COUNTRY_HEADER?: string
  /** Self-hosted: the supervisor's table listener, and the word that opens it. */
  readonly TABLES?: Fetching
  readonly TABLES_TOKEN?: string
  /** Elsewhere: where tables are asked for. */
  readonly CONTROL_PLANE_URL?: string
  /** Which environment's tables these are, in the keys of cache and KV. Default `production`. */
  readonly EDGE_ENVIRONMENT?: string
  /** KV namespace into which the control plane writes placements; unset = none. */
  readonly PLACEMENTS?: KeyValues
  /** Which upload of the script this is, as Cloudflare says. */
  readonly CF_VERSION_METADATA?: { readonly id: string }
}

export interface Bindings {
  readonly name: string
  readonly version: string
  readonly scriptVersion: string | undefined
  readonly facts: FactsSettings
  readonly origin: OriginClient
  readonly trusted: TrustedKeys
  readonly gatewayRing: KeyRing
  readonly controlRing: KeyRing
}

/** Every binding checked, the keys imported; or the name of the first that is missing or not what `Env` says. */
export async function readBindings(env: Env): Promise<Bindings | keyof Env> {
  if (!env.EDGE_NAME) return 'EDGE_NAME'
  const origin = originOf(env)
  if (origin === undefined) return 'SITES'
  const trusted = await trustedOf(env)
  if (trusted === undefined) return 'TABLE_KEYS'
  const gatewayRing = await ringOf(env.GATEWAY_RING, 'edge-gateway')
  if (gatewayRing === undefined) return 'GATEWAY_RING'
  const controlRing = await ringOf(env.CONTROL_RING, 'edge-control')
  if (controlRing === undefined) return 'CONTROL_RING'
  return {
    name: env.EDGE_NAME,
    version: env.EDGE_VERSION ?? '0',
    scriptVersion: env.CF_VERSION_METADATA?.id,
    facts: {
      // Whatever is not said to be Cloudflare is not believed as if it were.
      platform: env.PLATFORM === 'cloudflare' ? 'cloudflare' : 'self-hosted',
      trustedClientIpHeader: env.TRUSTED_CLIENT_IP_HEADER?.toLowerCase() || undefined,
      trustedCountryHeader: env.TRUSTED_COUNTRY_HEADER?.toLowerCase() || undefined,
    },
    origin,
    trusted,
    gatewayRing,
    controlRing,
  }
}

function originOf(env: Env): OriginClient | undefined {
  const senders = new Map<Site, Sender>()
  for (const [site, place] of Object.entries(jsonOf(env.SITES) ?? {})) {
    const sender = senderOf(env, String(place))
    if (sender === undefined) return undefined
    senders.set(site, sender)
  }
  return senders.size === 0 ? undefined : originClient(senders)
}

function senderOf(env: Env, place: string): Sender | undefined {
  const [, kind, name = ''] = /^(binding|resolve):(.+)$/.exec(place) ?? []
  // Elsewhere it is ignored, and the request would come back to us.
  if (kind === 'resolve') return env.PLATFORM === 'cloudflare' ? byResolveOverride(name) : undefined
  const bound: unknown = kind && Reflect.get(env, name)
  if (bound !== undefined) return byBinding(bound as Fetching)
  const url = URL.parse(place)
  return url?.protocol.startsWith('http') ? byUrl(url) : undefined
}

async function trustedOf(env: Env): Promise<TrustedKeys | undefined> {
  const file = jsonOf(env.TABLE_KEYS) as { keys?: { id: string; publicKey: string }[] } | undefined
  return Array.isArray(file?.keys) ? trustedKeys(file.keys) : undefined
}

async function ringOf(value: unknown, purpose: Purpose): Promise<KeyRing | undefined> {
  const file = jsonOf(value) as RingFile | undefined
  return file?.purpose === purpose && Array.isArray(file.keys) ? KeyRing.open(file) : undefined
}

/** Undefined for what is no object: its binding is then named as wrong. */
function jsonOf(value: unknown): object | undefined {
  return typeof value === 'string' ? document(value) : record(value)
}
