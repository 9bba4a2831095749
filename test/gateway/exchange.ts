import type { IncomingMessage } from 'node:http'
import { systemClock } from '#server-kit/clock.ts'
import { Exchange } from '../../gateway/exchange.ts'
import { RequestBody } from '../../gateway/request-body.ts'

export interface RequestLine {
  readonly method?: string
  readonly target?: string
  readonly version?: string
  readonly peer?: string
  readonly host?: string
  /** It says that it has a body. */
  readonly body?: boolean
}

/** An exchange without a connection, for tests of single phases. */
export function exchangeOf(headers: readonly string[] = [], line: RequestLine = {}): Exchange {
  const { method = 'GET', target = '/v1/x', version = '1.1', peer = '10.0.0.1', host = 'api.example.com' } = line
  const timing = { pace: { idleMs: 15_000, windowMs: 30_000, bytesPerSecond: 500 }, clock: systemClock }
  const body = new RequestBody(
    { complete: true } as IncomingMessage,
    { present: line.body ?? false, length: undefined },
    timing,
  )
  const x = new Exchange({ method, target, version, headers, body, peer, secure: false }, 'r0', 0)
  x.host = host
  return x
}
