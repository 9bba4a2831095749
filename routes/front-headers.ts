import { ownPrefix } from './messages.ts'

/**
 * Whether a field is the gateway's own to write or leave out, so that no rewrite of a route touches it: those of one
 * connection (RFC 9110 section 7.6.1), those that frame a body, those in which a service believes who is calling and
 * from where, and ours. A name is also its twin with `_` or `.`, which many frameworks read as the same.
 */
export function isFrontHeader(written: string): boolean {
  const name = written.toLowerCase().replace(/[^a-z0-9]/g, '-')
  return fronts.has(name) || name.startsWith(ownPrefix) || name.startsWith('x-forwarded-')
}

const fronts: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'http2-settings',
  'content-length',
  'content-encoding',
  'host',
  'via',
  'forwarded',
  'x-request-id',
  'traceparent',
  'tracestate',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
])
