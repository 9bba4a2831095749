import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import {
  judgeBodyLimit,
  judgeCache,
  judgeEarlyHints,
  judgeEvents,
  judgeExpect,
  judgeGzip,
  judgeHalfClose,
  judgeLongRead,
  judgeRecompression,
  judgeWebSocket,
} from '../../../../control-plane/cli/edge-doctor/judge-bodies.ts'
import { replyOf } from '../../../../control-plane/cli/edge-doctor/reply.ts'
import { arrived, echoOf, outcomeOf, problemOf, silenceOf } from './replies.ts'

const sent = { bytes: 5, digest: 'd' }
const upload = { bodyBytes: 5, bodyDigest: 'd' }
const went = (status: number) => ({ interim: [{ status, fields: [] }] })
const compressed = (fields: [string, string][]) =>
  replyOf({
    ...outcomeOf(200, '', { fields: [['content-encoding', 'gzip'], ...fields] }),
    body: gzipSync(JSON.stringify(arrived)),
  })

describe('uploads', () => {
  it('Edge D0: need the 100 before and the whole body behind it', () => {
    expect(judgeExpect(echoOf(upload, went(100)), sent).verdict).toBe('ok')
    expect(judgeExpect(echoOf(upload), sent)).toMatchObject({
      verdict: 'wrong',
      evidence: expect.stringContaining('1000 ms'),
    })
    expect(judgeExpect(echoOf({ ...upload, bodyBytes: 0 }, went(100)), sent).evidence).toMatch('of 5 bytes 0 arrived')
    expect(judgeExpect(echoOf({ ...upload, bodyDigest: 'x' }, went(100)), sent).evidence).toMatch('were changed')
    expect(judgeExpect(problemOf(417, 'x'), sent).verdict).toBe('wrong')
  })

  it('that are refused for their size are told with who refused', () => {
    const refused = replyOf(outcomeOf(413, '<html>', { fields: [['server', 'cloudflare']] }))

    expect(judgeBodyLimit(echoOf(upload), sent).verdict).toBe('ok')
    expect(judgeBodyLimit(refused, sent)).toMatchObject({
      verdict: 'wrong',
      evidence: expect.stringContaining('cloudflare answered 413'),
    })
  })
})

describe('answers', () => {
  it('Edge D1: are whole behind a 103, or the 103 took their place', () => {
    expect(judgeEarlyHints(echoOf()).evidence).toMatch('no 103 is sent')
    expect(judgeEarlyHints(echoOf({}, went(103))).evidence).toMatch('comes before the answer')
    expect(judgeEarlyHints(replyOf(outcomeOf(103, 'HTTP/1.1 200 OK'))).verdict).toBe('wrong')
  })

  it('Edge D8: keep their encoding and a strong ETag', () => {
    expect(judgeGzip(compressed([['etag', '"a"']])).verdict).toBe('ok')
    expect(judgeGzip(compressed([['etag', 'W/"a"']])).evidence).toMatch('became weak')
    expect(judgeGzip(compressed([])).evidence).toMatch('is gone')
    expect(judgeGzip(echoOf()).evidence).toMatch('unpacked')
    expect(judgeRecompression(echoOf()).verdict).toBe('ok')
    expect(judgeRecompression(compressed([])).verdict).toBe('wrong')
  })

  it('Edge D17: to a half-closed client are nothing to judge when they do not come', () => {
    expect(judgeHalfClose(echoOf()).verdict).toBe('ok')
    expect(judgeHalfClose(silenceOf('closed')).verdict).toBe('unknown')
  })

  it('of two equal GETs are two, or a cache gave the second', () => {
    const fields: [string, string][] = [['cache-control', 'public, max-age=60']]
    const first = echoOf({}, { fields })

    expect(judgeCache(first, echoOf({ now: 1_000_050 }, { fields })).verdict).toBe('ok')
    expect(judgeCache(first, echoOf({}, { fields: [...fields, ['age', '0'], ['x-cache', 'HIT']] }))).toMatchObject({
      verdict: 'wrong',
      evidence: expect.stringContaining('x-cache: HIT'),
    })
    expect(judgeCache(echoOf(), echoOf({ now: 1_000_050 })).verdict).toBe('unknown')
  })

  it('in events come one by one, or were kept back', () => {
    const body = 'data: 1\n\ndata: 2\n\ndata: 3\n\n'
    const at = (...ms: number[]) =>
      outcomeOf(200, body, { arrivals: ms.map((each, index) => ({ ms: each, bytes: 110 + index * 9 })) })

    expect(judgeEvents(at(5, 105, 205)).verdict).toBe('ok')
    expect(judgeEvents(at(205, 205, 206))).toMatchObject({
      verdict: 'wrong',
      fix: expect.stringContaining('proxy_buffering off'),
    })
    expect(judgeEvents(at(205)).verdict).toBe('wrong')
    expect(judgeEvents(outcomeOf(200, 'data: 1\n\n')).verdict).toBe('unknown')
  })

  it('to an upgrade switch and say something', () => {
    const switched = (body: string) => outcomeOf(101, body)

    expect(judgeWebSocket(switched('{"instance":"g"}'), replyOf(switched(''))).verdict).toBe('ok')
    expect(judgeWebSocket(switched(''), replyOf(switched(''))).evidence).toMatch('no message')
    expect(judgeWebSocket(outcomeOf(400, ''), replyOf(outcomeOf(400, ''))).verdict).toBe('wrong')
    expect(judgeWebSocket({ ...outcomeOf(0, ''), head: undefined }, silenceOf('gone')).verdict).toBe('unknown')
  })

  it('that are slow are ended by the edge, and by nobody before it', () => {
    expect(judgeLongRead(echoOf({}, { ms: 118_000 })).verdict).toBe('ok')
    expect(judgeLongRead(problemOf(504, 'origin-timeout', { ms: 60_000 })).verdict).toBe('ok')
    expect(judgeLongRead(problemOf(504, 'origin-timeout', { ms: 30_000 })).verdict).toBe('wrong')
    const front = replyOf(outcomeOf(504, '<html>', { ms: 30_000, fields: [['server', 'nginx']] }))
    expect(judgeLongRead(front)).toMatchObject({
      verdict: 'wrong',
      evidence: expect.stringContaining('after 30 s: nginx answered 504'),
    })
  })
})
