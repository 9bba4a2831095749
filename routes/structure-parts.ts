import { keySource } from './placements-codec.ts'
import type { CachePolicy, RoutePolicy } from './policy.ts'
import { array, count, oneOf, optional, record, text } from './shape.ts'
import type { DeploymentFacts, HostFacts, ServiceFacts, SiteFacts } from './structure.ts'

/** Readers of the parts of a structure: each gives undefined for what the encoder would not have written. */

export function decodeSite(value: unknown): SiteFacts | undefined {
  const fields = record(value)
  const name = text(fields?.['name'])
  const provider = text(fields?.['provider'])
  const country = text(fields?.['country'])
  const region = text(fields?.['region'])
  const origin = text(fields?.['origin'])
  if (name === undefined || provider === undefined || country === undefined) return undefined
  return region === undefined || origin === undefined ? undefined : { name, provider, country, region, origin }
}

export function decodeHost(value: unknown): HostFacts | undefined {
  const fields = record(value)
  const name = text(fields?.['name'])
  const aliases = array(fields?.['aliases'], text)
  const unsafeTargets = oneOf(fields?.['unsafeTargets'], ['reject', 'observe'])
  const defaultSite = optional(fields?.['defaultSite'], text)
  if (name === undefined || aliases === undefined || unsafeTargets === undefined || defaultSite === null)
    return undefined
  return { name, aliases, unsafeTargets, ...(defaultSite === undefined ? {} : { defaultSite }) }
}

export function decodeService(value: unknown): ServiceFacts | undefined {
  const fields = record(value)
  const id = text(fields?.['id'])
  const team = text(fields?.['team'])
  const tier = oneOf(fields?.['tier'], [1, 2, 3])
  const state = oneOf(fields?.['state'], ['none', 'per-key', 'shared', 'external'])
  const home = text(fields?.['home'])
  const key = array(fields?.['key'], keySource)
  const deployments = array(fields?.['deployments'], decodeDeployment)
  if (id === undefined || team === undefined || tier === undefined || state === undefined) return undefined
  return home === undefined || key === undefined || deployments === undefined
    ? undefined
    : { id, team, tier, state, home, key, deployments }
}

function decodeDeployment(value: unknown): DeploymentFacts | undefined {
  const fields = record(value)
  const site = text(fields?.['site'])
  const url = text(fields?.['url'])
  const capacity = optional(fields?.['capacity'], count)
  if (site === undefined || url === undefined || capacity === null) return undefined
  return { site, url, ...(capacity === undefined ? {} : { capacity }) }
}

export function decodePolicy(value: unknown): RoutePolicy | undefined {
  const fields = record(value)
  const effect = optional(fields?.['effect'], (word) => oneOf(word, ['read', 'write']))
  const trailingSlash = optional(fields?.['trailingSlash'], (word) => oneOf(word, ['ignore']))
  const auth = decodeAuth(fields?.['auth'])
  const cache = optional(fields?.['cache'], decodeCache)
  const timeout = decodeTimeout(fields?.['timeout'])
  const maxBodyBytes = count(fields?.['maxBodyBytes'])
  if (effect === null || trailingSlash === null || cache === null) return undefined
  if (auth === undefined || timeout === undefined || maxBodyBytes === undefined) return undefined
  return {
    ...(effect === undefined ? {} : { effect }),
    ...(trailingSlash === undefined ? {} : { trailingSlash }),
    auth,
    ...(cache === undefined ? {} : { cache }),
    timeout,
    maxBodyBytes,
  }
}

function decodeAuth(value: unknown): RoutePolicy['auth'] | undefined {
  if (value === 'public') return value
  const scopes = array(record(value)?.['scopes'], text)
  return scopes === undefined ? undefined : { scopes }
}

function decodeTimeout(value: unknown): RoutePolicy['timeout'] | undefined {
  const fields = record(value)
  const connectMs = count(fields?.['connectMs'])
  const firstByteMs = count(fields?.['firstByteMs'])
  const totalMs = count(fields?.['totalMs'])
  if (connectMs === undefined || firstByteMs === undefined || totalMs === undefined) return undefined
  return { connectMs, firstByteMs, totalMs }
}

function decodeCache(value: unknown): CachePolicy | undefined {
  const fields = record(value)
  const ttlMs = count(fields?.['ttlMs'])
  const staleWhileRevalidateMs = count(fields?.['staleWhileRevalidateMs'])
  const tags = array(fields?.['tags'], text)
  const vary = array(fields?.['vary'], text)
  const per = optional(fields?.['per'], (word) => oneOf(word, ['consumer']))
  if (ttlMs === undefined || staleWhileRevalidateMs === undefined || per === null) return undefined
  if (tags === undefined || vary === undefined) return undefined
  return { ttlMs, staleWhileRevalidateMs, tags, vary, ...(per === undefined ? {} : { per }) }
}
