import { describe, expect, it } from 'vitest'
import type { EdgeStatus } from '#routes/messages.ts'
import {
  isCloudflare,
  judgeCertificate,
  judgeClock,
  judgeIdle,
  judgeTable,
  judgeWatchedIdle,
} from '../../../../control-plane/cli/edge-doctor/judge-time.ts'
import { arrived, echoOf, outcomeOf, silenceOf } from './replies.ts'

const counts = { requests: 1, failovers: 0, failoversSpared: 0, shadows: 0, shadowsDropped: 0, forced: 0 }
const status = (facts: Partial<EdgeStatus> = {}): EdgeStatus => ({
  name: 'edge-1',
  version: '1',
  held: { structure: { number: 1, digest: '' }, placements: { number: 7, digest: '' }, epochs: {} },
  source: 'control-plane',
  ageMs: 400,
  isolate: 'i',
  refusals: [],
  counts,
  ...facts,
})
const published = { structure: 1, placements: 7 }

describe('clocks', () => {
  it('may differ by some seconds, and are told with their difference', () => {
    const skewed = (skewMs: number) =>
      echoOf({ edge: { ...(arrived.edge as NonNullable<typeof arrived.edge>), skewMs } })

    expect(judgeClock(echoOf(), 1_000_000 + 9_000)).toMatchObject({
      verdict: 'ok',
      evidence: expect.stringContaining('-9.0 s'),
    })
    expect(judgeClock(echoOf(), 1_000_000 - 11_000)).toMatchObject({
      verdict: 'wrong',
      evidence: expect.stringContaining('+11.0 s'),
    })
    expect(judgeClock(skewed(40_000), 1_000_000)).toMatchObject({
      verdict: 'wrong',
      fix: expect.stringContaining('NTP'),
    })
    expect(judgeClock(silenceOf('gone'), 0).verdict).toBe('unknown')
  })
})

describe('idle connections', () => {
  it('Edge D2: are kept longer than who is before the gateway uses them: 900 s on Cloudflare, 60 s elsewhere', () => {
    const keeping = (keepAliveMs: number, onCloudflare: boolean) =>
      judgeIdle(echoOf({ keepAliveMs }), onCloudflare).verdict

    expect([keeping(910_000, true), keeping(900_000, true), keeping(75_000, true)]).toEqual(['ok', 'wrong', 'wrong'])
    expect([keeping(75_000, false), keeping(60_000, false), keeping(5_000, false)]).toEqual(['ok', 'wrong', 'wrong'])
  })

  it('Edge D2: are believed when they were seen, whatever a program says of itself', () => {
    expect(judgeWatchedIdle({ answered: true, closedAfterMs: undefined }, true).evidence).toMatch('after 900 s')
    expect(judgeWatchedIdle({ answered: true, closedAfterMs: 30_100 }, true).evidence).toMatch('closed after 30.1 s')
    expect(judgeWatchedIdle({ answered: false, closedAfterMs: undefined }, true).verdict).toBe('unknown')
  })
})

describe('the table of an edge', () => {
  it('is the published one, heard of a moment ago', () => {
    expect(judgeTable(status({ colo: 'FRA' }), published)).toEqual({
      verdict: 'ok',
      evidence: 'placements 7 of 7 from control-plane in FRA, heard 0.4 s ago',
    })
  })

  it.each([
    ['nobody answers the signed call', undefined, 'edge-control'],
    ['there is none', status({ held: undefined, source: 'none' }), 'CONTROL_PLANE_URL'],
    ['the control plane was never heard', status({ ageMs: undefined, source: 'bundle' }), 'CONTROL_PLANE_URL'],
    ['it was heard long ago', status({ ageMs: 60_000 }), 'CONTROL_PLANE_URL'],
    [
      'it is behind though it hears',
      status({
        held: { ...(status().held as NonNullable<EdgeStatus['held']>), placements: { number: 6, digest: '' } },
      }),
      'cache before the control plane',
    ],
    [
      'a newer one was refused',
      status({ refusals: [{ kind: 'placements', because: 'key-unknown', at: 1, count: 3 }] }),
      'public keys',
    ],
  ])('is wrong where %s', (_, told, fix) => {
    expect(judgeTable(told, published)).toMatchObject({ verdict: 'wrong', fix: expect.stringContaining(fix) })
  })
})

describe('Cloudflare', () => {
  it('is known by what it adds to answers', () => {
    expect(isCloudflare([['cf-ray', '1']])).toBe(true)
    expect(isCloudflare([['server', 'cloudflare']])).toBe(true)
    expect(isCloudflare([['server', 'nginx']])).toBe(false)
  })
})

describe('a certificate', () => {
  const certificateEnds = 'Nov 30 00:00:00 2026 GMT'
  const daysBefore = (days: number) => Date.parse(certificateEnds) - days * 86_400_000

  it('is good, refused, or about to end', () => {
    const good = outcomeOf(200, '', { certificateFault: '', certificateEnds })

    expect(judgeCertificate(good, daysBefore(30))).toEqual({
      verdict: 'ok',
      evidence: 'the certificate is good, and ends in 30 days',
    })
    expect(judgeCertificate(good, daysBefore(0.5)).verdict).toBe('wrong')
    expect(judgeCertificate(outcomeOf(200, '', { certificateFault: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), 0).verdict).toBe(
      'wrong',
    )
    expect(judgeCertificate(outcomeOf(200, ''), 0).verdict).toBe('unknown')
  })
})
