/** As many requests as a contender takes, and what each costs it in CPU. */
import autocannon from 'autocannon'
import type { BigTable } from './big-table.ts'
import type { Contender } from './contenders.ts'
import { cpuMs } from './cpu-time.ts'
import { mobileHeaders } from './mobile-request.ts'

export interface Saturated {
  readonly perSecond: number
  /** CPU of all its processes, us a request. */
  readonly cpuUs: number
  /** How much of the time its processes ran, in cores: below 1 something else was the limit. */
  readonly busy: number
  readonly failed: number
}

const connections = 32
const targets = 400

export async function saturate(
  { port, pids }: Contender,
  { witnesses }: BigTable,
  seconds: number,
): Promise<Saturated> {
  const ended = Promise.withResolvers<autocannon.Result>()
  const requests = witnesses
    .filter(({ method }) => method === 'GET')
    .slice(0, targets)
    .map(({ target, headers }) => ({ method: 'GET' as const, path: target, headers: { ...mobileHeaders, ...headers } }))
  const begun = { cpu: cpuMs(pids), at: performance.now() }
  autocannon({ url: `http://127.0.0.1:${port}`, connections, duration: seconds, requests }, (cause: unknown, result) =>
    cause ? ended.reject(cause) : ended.resolve(result),
  )
  const { errors, timeouts, non2xx, requests: answered } = await ended.promise
  const [cpu, tookMs] = [cpuMs(pids) - begun.cpu, performance.now() - begun.at]
  return {
    perSecond: (answered.total / tookMs) * 1_000,
    cpuUs: (cpu * 1_000) / answered.total,
    busy: cpu / tookMs,
    failed: errors + timeouts + non2xx,
  }
}
