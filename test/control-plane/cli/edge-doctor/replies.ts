/** Outcomes as a connection would tell them, for judgements on what no server here does. */
import type { EchoAnswer } from '#routes/echo.ts'
import type { Outcome } from '../../../../control-plane/cli/edge-doctor/connection.ts'
import { type Reply, replyOf } from '../../../../control-plane/cli/edge-doctor/reply.ts'

export const arrived: EchoAnswer = {
  nonce: 'n',
  site: 'onprem',
  instance: 'gateway-1',
  method: 'GET',
  target: '/t',
  host: 'api.example.com',
  scheme: 'https',
  httpVersion: '1.1',
  headers: [],
  address: '192.0.2.1',
  peer: '127.0.0.1',
  bodyBytes: 0,
  bodyDigest: '',
  now: 1_000_000,
  keepAliveMs: 910_000,
  edge: {
    at: 1_000_000,
    skewMs: 0,
    requestId: 'r',
    structure: 1,
    placements: 2,
    because: 'steady',
    from: 'FRA',
    address: '192.0.2.1',
    flags: [],
  },
}

export function outcomeOf(
  status: number,
  body: string,
  facts: Partial<Outcome> & { fields?: [string, string][] } = {},
): Outcome {
  const { fields = [], ...more } = facts
  return {
    interim: [],
    head: { status, fields },
    body: Buffer.from(body),
    bodyAt: 100,
    whole: true,
    ended: 'whole',
    firstByteMs: 5,
    ms: 6,
    arrivals: [],
    localAddress: '192.0.2.1',
    ...more,
  }
}

export function echoOf(facts: Partial<EchoAnswer> = {}, outcome: Parameters<typeof outcomeOf>[2] = {}): Reply {
  return replyOf(outcomeOf(200, JSON.stringify({ ...arrived, ...facts }), outcome))
}

/** One of our programs refuses. */
export function problemOf(status: number, code: string, outcome: Parameters<typeof outcomeOf>[2] = {}): Reply {
  return replyOf(outcomeOf(status, JSON.stringify({ code, status }), outcome))
}

export function silenceOf(failure: string): Reply {
  return replyOf({ ...outcomeOf(0, '', { failure, ended: 'failed' }), head: undefined })
}
