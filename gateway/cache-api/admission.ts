import type { FastifyRequest } from 'fastify'
import { problems } from '../errors.ts'
import { valueLimitBytes } from '../store/cache-store.ts'
import { batchLimitBytes } from './batch.ts'
import { type CacheOp, verbOf } from './cache-command.ts'
import { cachePrefix, type KeyVerb, readPostTarget, readTarget } from './cache-request.ts'
import { type AuthenticateCacheClient, type CacheClient, maySee, mayUse } from './namespace-access.ts'

/** A request that was let in, before any of its body was read. */
export type Admitted =
  | { readonly op: CacheOp; readonly client: CacheClient; readonly namespace: string; readonly key: string }
  | { readonly op: 'batch'; readonly client: CacheClient; readonly namespace: string }
  /** It has credentials of its own, which may cover the body. */
  | { readonly op: 'invalidate'; readonly namespace: string }

/** Who asks, for what, and whether it may: throws for whoever may not. */
export async function admit(request: FastifyRequest, authenticate: AuthenticateCacheClient): Promise<Admitted> {
  const target = request.raw.url ?? ''
  if (request.method === 'POST' && isInvalidate(target)) {
    return { op: 'invalidate', namespace: readPostTarget(target).namespace }
  }
  const client = await authenticate(request)
  if (client === undefined) throw problems['cache-unauthenticated']()
  const asked = ask(request.method, target)
  const { op, namespace } = asked
  const may = op === 'batch' ? maySee(client, namespace) : mayUse(client, verbOf[op], namespace)
  if (!may) throw problems['cache-forbidden']({ verb: op === 'batch' ? op : verbOf[op], namespace })
  return { ...asked, client }
}

type Asked =
  | { readonly op: CacheOp; readonly namespace: string; readonly key: string }
  | { readonly op: 'batch'; readonly namespace: string }

function ask(method: string, target: string): Asked {
  if (method !== 'POST') return { op: opOf[method] ?? 'get', ...readTarget(target) }
  const read = readPostTarget(target)
  if ('key' in read) return { op: read.verb satisfies KeyVerb, namespace: read.namespace, key: read.key }
  return { op: 'batch', namespace: read.namespace }
}

const opOf: Readonly<Record<string, CacheOp>> = { GET: 'get', HEAD: 'get', PUT: 'put', DELETE: 'delete' }

const isInvalidate = (target: string): boolean => {
  const path = target.split('?', 1)[0] ?? ''
  return path.endsWith(':invalidate') && !path.slice(cachePrefix.length).includes('/')
}

const wordsLimitBytes = 1024 * 1024
const smallLimitBytes = 4096

/** Of the body, by what it is for. */
export function bodyLimit({ op }: Admitted): number {
  if (op === 'put' || op === 'append') return valueLimitBytes
  if (op === 'batch') return batchLimitBytes
  return op === 'invalidate' ? wordsLimitBytes : smallLimitBytes
}
