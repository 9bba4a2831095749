import { describe, expect, it } from 'vitest'
import {
  judgeAbsoluteForm,
  judgeAddress,
  judgeEcho,
  judgeHost,
  judgeLoop,
  judgeMark,
  judgeSite,
} from '../../../../control-plane/cli/edge-doctor/judge-arrival.ts'
import { arrived, echoOf, problemOf, silenceOf } from './replies.ts'

const { edge: _, ...unmarked } = arrived
const withoutMark = (markFault?: 'malformed' | 'out-of-window' | 'mac-wrong' | 'no-key') =>
  echoOf({ edge: undefined, ...(markFault === undefined ? {} : { markFault }) } as Partial<typeof unmarked>)

describe('whether a request arrives', () => {
  it('Edge D15: tells an edge that gets back its own requests, whatever was asked', () => {
    const looped = problemOf(508, 'loop')

    expect(judgeEcho(looped, 'api.example.com')).toMatchObject({
      verdict: 'wrong',
      fix: expect.stringContaining('global_fetch_strictly_public'),
    })
    expect(judgeLoop(looped).verdict).toBe('wrong')
    expect(judgeLoop(echoOf())).toMatchObject({ verdict: 'ok', evidence: expect.stringContaining('one gateway') })
    expect(judgeLoop(echoOf({ headers: [['X-Tidegate-Hop', '']] })).evidence).toMatch('two gateways')
  })

  it('tells each way in which a mark fails, with the way to mend that one', () => {
    expect(judgeMark(echoOf())).toMatchObject({ verdict: 'ok', evidence: expect.stringContaining('FRA') })
    const fixes = ([undefined, 'no-key', 'mac-wrong', 'out-of-window', 'malformed'] as const).map((fault) => {
      const { verdict, fix } = judgeMark(withoutMark(fault))
      expect(verdict).toBe('wrong')
      return fix
    })
    expect(new Set(fixes).size).toBe(5)
    expect(fixes[3]).toMatch('NTP')
  })

  it('compares hosts as DNS does, and sites as they are', () => {
    expect(judgeHost(echoOf(), 'API.example.com').verdict).toBe('ok')
    expect(judgeHost(echoOf(), 'www.example.com').verdict).toBe('wrong')
    expect(judgeSite(echoOf(), 'onprem', 'steady').verdict).toBe('ok')
    expect(judgeSite(echoOf(), 'cloud', 'steady').verdict).toBe('wrong')
  })

  it('says unknown, and never OK, of what no gateway echoed', () => {
    for (const reply of [silenceOf('ECONNRESET: gone'), problemOf(502, 'origin-unreachable')]) {
      for (const judged of [judgeLoop(reply), judgeMark(reply), judgeHost(reply, 'h'), judgeSite(reply, 's', '')]) {
        expect(judged.verdict).toBe('unknown')
      }
      expect(judgeEcho(reply, 'h').verdict).toBe('wrong')
    }
  })

  it('Edge D11: takes no other path for the one that was asked by its whole URL', () => {
    expect(judgeAbsoluteForm(echoOf(), '/t', 'api.example.com').verdict).toBe('ok')
    expect(judgeAbsoluteForm(echoOf({ target: 'http://api.example.com/t' }), '/t', 'api.example.com').verdict).toBe(
      'wrong',
    )
    expect(judgeAbsoluteForm(problemOf(500, 'edge-failed'), '/t', 'api.example.com').verdict).toBe('wrong')
  })
})

describe("whether a client's address can be invented", () => {
  it('is told by the address that arrived, for each field that could be believed', () => {
    expect(judgeAddress(echoOf(), echoOf(), '192.0.2.1')).toMatchObject({
      verdict: 'ok',
      evidence: expect.stringContaining('this machine'),
    })
    for (const [address, field] of [
      ['203.0.113.1', 'X-Forwarded-For'],
      ['203.0.113.3', 'CF-Connecting-IP'],
      ['203.0.113.8', 'Forwarded'],
    ] as const) {
      const judged = judgeAddress(echoOf(), echoOf({ address }), '192.0.2.1')
      expect(judged).toMatchObject({ verdict: 'wrong', fix: expect.stringContaining(field) })
    }
  })

  it('is not known where it changes by itself, or where the edge tells none', () => {
    expect(judgeAddress(echoOf(), echoOf({ address: '192.0.2.9' }), undefined).verdict).toBe('unknown')
    expect(judgeAddress(withoutMark(), withoutMark(), undefined)).toMatchObject({
      verdict: 'unknown',
      fix: expect.stringContaining('trustedClientIpHeader'),
    })
  })
})
