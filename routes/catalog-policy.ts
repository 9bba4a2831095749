import { readCache } from './catalog-cache.ts'
import { type Cidr, covers, readCidr } from './cidr.ts'
import { listed } from './fault.ts'
import type { Findings } from './findings.ts'
import type { LimitsPolicy, Rate, RetryPolicy, RoutePolicy, TimeoutPolicy } from './policy.ts'
import { longestWaitMs, parseBurst, parseDuration, parseQuota, parseSize, printDuration } from './quantity.ts'
import type { RouteDocument } from './route-schema.ts'

/** What a route asks of auth, time-outs, cache, retries and limits; `pointer` is that of the route. */
export type CallPolicy = Pick<
  RoutePolicy,
  'auth' | 'timeout' | 'maxBodyBytes' | 'cache' | 'retry' | 'limits' | 'addresses'
>

export function readCallPolicy(route: RouteDocument, pointer: string, findings: Findings): CallPolicy {
  const cache = readCache(route, pointer, findings)
  const retry = readRetry(route, pointer, findings)
  const limits = readLimits(route, pointer, findings)
  const addresses = readAddresses(route, pointer, findings)
  return {
    auth: readAuth(route.auth),
    ...(cache === undefined ? {} : { cache }),
    timeout: readTimeout(route, `${pointer}/timeout`, findings),
    maxBodyBytes: parseSize(route.maxBody) as number,
    ...(retry === undefined ? {} : { retry }),
    ...(limits === undefined ? {} : { limits }),
    ...(addresses === undefined ? {} : { addresses }),
  }
}

function readAuth(auth: RouteDocument['auth']): RoutePolicy['auth'] {
  if (auth === 'public') return auth
  const { scopes, any } = auth
  return any === undefined ? { scopes } : { scopes, any: [...new Set(any)].sort() }
}

function readTimeout({ timeout, stream }: RouteDocument, pointer: string, findings: Findings): TimeoutPolicy {
  const totalMs = wait('total', timeout.total)
  const most = stream === undefined ? totalMs : longestWaitMs
  const firstByteMs = timeout.firstByte === undefined ? Math.min(15_000, most) : wait('firstByte', timeout.firstByte)
  const connectMs = timeout.connect === undefined ? Math.min(1000, firstByteMs) : wait('connect', timeout.connect)
  if (stream === undefined) checkOrder('firstByte', firstByteMs, 'total', totalMs)
  checkOrder('connect', connectMs, 'firstByte', firstByteMs)
  const idleMs = timeout.idle === undefined ? undefined : wait('idle', timeout.idle)
  return { connectMs, firstByteMs, totalMs, ...(idleMs === undefined ? {} : { idleMs }) }

  function wait(key: keyof typeof timeout, text: string): number {
    const ms = parseDuration(text) as number
    if (ms > longestWaitMs) findings.fault(`${pointer}/${key}`, text, 'expected at most 24h')
    return ms
  }

  /** The inner wait ends before the outer one, or nobody learns why a request failed. */
  function checkOrder(
    inner: keyof typeof timeout,
    innerMs: number,
    outer: keyof typeof timeout,
    outerMs: number,
  ): void {
    if (innerMs <= outerMs) return
    const expected = `${inner} is longer than ${outer}, which is ${printDuration(outerMs)}`
    findings.fault(`${pointer}/${inner}`, timeout[inner], expected, {
      fix: `write "${outer}: ${printDuration(innerMs)}" or more`,
    })
  }
}

/** RFC 9110 section 9.2.2. */
const idempotentMethods: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']

/** Longer bodies are not kept for a second try. */
const mostKeptBytes = 64 * 1024

function readRetry(route: RouteDocument, pointer: string, findings: Findings): RetryPolicy | undefined {
  const { retry, methods, stream } = route
  if (retry === undefined) return undefined
  const at = `${pointer}/retry`
  const others = Object.keys(retry).filter((key) => key !== 'never')
  if (retry.never !== undefined && others.length > 0) {
    const fix = `take "never" out, or ${listed(others, 'and')}`
    findings.faultOfKey(`${at}/never`, 'never', `contradicts ${listed(others, 'and')}`, { fix })
  }
  if (stream !== undefined && retry.never === undefined) {
    const fix = 'take "retry" or "stream" out'
    findings.faultOfKey(at, 'retry', 'an answer without end is never asked for twice', { fix })
  }
  checkIdempotence(retry)
  const { on, idempotent, keyHeader, never } = retry
  return {
    ...(on === undefined ? {} : { on: causes.filter((cause) => on.includes(cause)) }),
    ...(idempotent === undefined ? {} : { idempotent }),
    ...(keyHeader === undefined ? {} : { keyHeader }),
    ...(never === undefined ? {} : { never }),
  }

  function checkIdempotence({ on, idempotent, keyHeader }: NonNullable<RouteDocument['retry']>): void {
    const unsafe = methods?.filter((method) => !idempotentMethods.includes(method))
    if (idempotent !== undefined && unsafe?.length === 0) {
      const expected = `${listed(methods ?? [], 'and')} ${methods?.length === 1 ? 'is' : 'are'} so by definition`
      findings.warn(`${at}/idempotent`, 'idempotent', expected, 'take it out')
    } else if (idempotent !== undefined && (parseSize(route.maxBody) as number) > mostKeptBytes) {
      const expected = `a body above 64KiB is never sent twice, and ${route.maxBody} are taken`
      findings.warn(`${at}/idempotent`, 'idempotent', expected, 'state the largest body: "maxBody: 64KiB"')
    }
    const beyondUnsent = on?.filter((cause) => cause !== 'unsent') ?? []
    const neverIdempotent = methods !== undefined && methods.length > 0 && unsafe?.length === methods.length
    if (beyondUnsent.length > 0 && neverIdempotent && idempotent === undefined && keyHeader === undefined) {
      const expected = `${listed(methods)} is tried again only if it was never sent, so ${listed(beyondUnsent.map(String), 'and')} do nothing`
      findings.warn(`${at}/on`, 'on', expected, 'say "idempotent: true" or "keyHeader: idempotency-key" if it is so')
    }
  }
}

const causes = ['unsent', 'reset', 'stale', 502, 503, 504] as const

function readLimits(route: RouteDocument, pointer: string, findings: Findings): LimitsPolicy | undefined {
  const { limits, auth } = route
  if (limits === undefined) return undefined
  const at = `${pointer}/limits`
  const { quota, maxInFlight, scope, whenAway } = limits
  if (auth === 'public') {
    for (const key of ['perConsumer', 'quota'] as const) {
      if (limits[key] === undefined) continue
      const expected = 'nobody is asked who calls on a public route, so it limits nobody'
      findings.warn(`${at}/${key}`, key, expected, 'write "perAddress" instead')
    }
  }
  if (scope === 'process' && whenAway !== undefined) {
    const fix = 'take one of the two out'
    findings.faultOfKey(`${at}/whenAway`, 'whenAway', 'a process counts by itself, so nothing can be away', { fix })
  }
  return {
    ...rateOf('perAddress'),
    ...rateOf('perConsumer'),
    ...rateOf('perRoute'),
    ...(quota === undefined ? {} : { quota: parseQuota(quota) as NonNullable<LimitsPolicy['quota']> }),
    ...(maxInFlight === undefined ? {} : { maxInFlight }),
    ...(scope === undefined ? {} : { scope }),
    ...(whenAway === undefined ? {} : { whenAway }),
  }

  function rateOf(key: 'perAddress' | 'perConsumer' | 'perRoute'): Pick<LimitsPolicy, typeof key> {
    const text = limits?.[key]
    if (text === undefined) return {}
    const rate = parseBurst(text) as Rate
    if (rate.windowMs > longestWaitMs)
      findings.fault(`${at}/${key}`, text, 'expected a time of at most 24h', { fix: 'use "quota" for longer ones' })
    if (rate.burst !== undefined && rate.burst > rate.count)
      findings.fault(`${at}/${key}`, text, 'more at once than there are at all', { fix: `write "burst ${rate.count}"` })
    return { [key]: rate }
  }
}

function readAddresses(route: RouteDocument, pointer: string, findings: Findings): RoutePolicy['addresses'] {
  const { addresses } = route
  if (addresses === undefined) return undefined
  const denied = networksOf('deny')
  const allowed = networksOf('allow')
  for (const { cidr, text, at } of allowed) {
    const over = denied.find((deny) => covers(deny.cidr, cidr))
    if (over === undefined) continue
    const expected = `all of it is denied by ${over.text}, which goes first`
    findings.warn(at, text, expected, 'take one of the two out')
  }
  return {
    ...(addresses.allow === undefined ? {} : { allow: textsOf(addresses.allow) }),
    ...(addresses.deny === undefined ? {} : { deny: textsOf(addresses.deny) }),
  }

  function networksOf(key: 'allow' | 'deny'): { cidr: Cidr; text: string; at: string }[] {
    return (addresses?.[key] ?? []).flatMap((text, index) => {
      const at = `${pointer}/addresses/${key}/${index}`
      const read = readCidr(text)
      if (read.ok) return { cidr: read.cidr, text, at }
      const { network } = read
      if (network === undefined) {
        const fix = 'write it as "10.0.0.0/8", "2001:db8::/32" or one address'
        findings.fault(at, text, 'no network of addresses', { fix })
      } else {
        const fix = `write "${network}", or more bits`
        findings.fault(at, text, 'has bits behind its prefix, so it says two things', { fix })
      }
      return []
    })
  }
}

function textsOf(texts: readonly string[]): string[] {
  return [...new Set(texts.filter(() => true))].sort()
}
