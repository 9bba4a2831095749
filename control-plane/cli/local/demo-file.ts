/** `demo.json`: where a system on this machine is and how one gets in. Commands, tests and proofs find it by this file. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { encodeBase64url } from '#routes/base64url.ts'
import { readKeptJson } from '#server-kit/kept-file.ts'
import { writeSecretFile } from '#server-kit/secret.ts'
import type { Addresses, SiteAddresses } from './addresses.ts'
import type { ExampleSite } from './ports.ts'

export interface Demo extends Tokens {
  readonly console: string
  readonly edge: string
  readonly gateways: Readonly<Record<ExampleSite, DemoGateway>>
  readonly services: Readonly<Record<ExampleSite, string>>
  readonly monolith: string
  /** Of the token stores, where they are real servers. */
  readonly redis?: Readonly<Record<ExampleSite, string>>
  readonly base: number
  readonly pids: Readonly<Record<string, number>>
}

export interface DemoGateway {
  readonly public: string
  readonly internal: string
  /** `host:port` that speaks the Memcached protocol. */
  readonly cache: string
}

/** Made once and kept, so that what was pasted yesterday works today. */
export interface Tokens {
  /** A client's, with every scope of the example catalog. */
  readonly token: string
  /** An operator's, for the control plane. */
  readonly adminToken: string
  /** The sample monolith's, for the cache API. */
  readonly cacheToken: string
  /** For metrics, status, explain and drain at the gateways. */
  readonly opsToken: string
}

export const demoFile = (home: string): string => join(home, 'demo.json')

export async function readDemo(home: string): Promise<Demo | undefined> {
  const value = await readKeptJson(demoFile(home), 256 * 1024)
  return typeof value === 'object' && value !== null && 'adminToken' in value ? (value as Demo) : undefined
}

/** Mode 0600: it holds tokens. */
export async function writeDemo(home: string, demo: Demo): Promise<void> {
  await writeSecretFile(demoFile(home), `${JSON.stringify(demo, undefined, 2)}\n`)
}

export function demoOf(at: Addresses, base: number, tokens: Tokens, withRedis: boolean): Demo {
  const { onprem, cloud } = at.sites
  return {
    console: at.controlPlane.url,
    edge: at.edge.url,
    gateways: {
      onprem: gatewayOf(onprem),
      cloud: gatewayOf(cloud),
    },
    services: { onprem: onprem.services, cloud: cloud.services },
    monolith: at.monolith.url,
    ...(withRedis ? { redis: { onprem: `redis://${onprem.redis}`, cloud: `redis://${cloud.redis}` } } : {}),
    base,
    ...tokens,
    pids: {},
  }
}

const gatewayOf = ({ public: traffic, internal, cache }: SiteAddresses): DemoGateway => ({
  public: traffic,
  internal,
  cache,
})

/** 256 random bits, with a prefix by which a scanner for leaked secrets knows them. */
export function newToken(): string {
  return `tg_${encodeBase64url(crypto.getRandomValues(new Uint8Array(32)))}`
}

/** Those of an earlier start, so that what was pasted yesterday works; else new ones. */
export function keptTokens(earlier: Tokens | undefined): Tokens {
  if (earlier === undefined) return newTokens()
  // Only these: the addresses beside them were those of the earlier start.
  const { token, adminToken, cacheToken, opsToken } = earlier
  return { token, adminToken, cacheToken, opsToken }
}

function newTokens(): Tokens {
  return { token: newToken(), adminToken: newToken(), cacheToken: newToken(), opsToken: newToken() }
}

export const sha256 = (token: string): string => createHash('sha256').update(token).digest('hex')
