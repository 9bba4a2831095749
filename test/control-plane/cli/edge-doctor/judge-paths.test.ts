import { describe, expect, it } from 'vitest'
import { judgeLongUrl, judgePath, pathCases } from '../../../../control-plane/cli/edge-doctor/judge-paths.ts'
import { replyOf } from '../../../../control-plane/cli/edge-doctor/reply.ts'
import { echoOf, outcomeOf, problemOf } from './replies.ts'

describe('a path', () => {
  it.each(pathCases)('Edge D13: with $what arrives, is refused, or was changed', (each) => {
    const target = `/t/${each.suffix}`

    expect(judgePath(echoOf({ target }), target, each).verdict).toBe('ok')
    expect(judgePath(problemOf(400, 'target-unsafe'), target, each).verdict).toBe('ok')
    expect(judgePath(replyOf(outcomeOf(400, '<html>')), target, each).verdict).toBe('ok')
    expect(judgePath(echoOf({ target: '/t/a/b' }), target, each)).toMatchObject({ verdict: 'wrong', fix: each.fix })
    expect(judgePath(replyOf(outcomeOf(301, '')), target, each).verdict).toBe('unknown')
  })

  it('with a byte that no path may have is the same where that came encoded, and another where it came as a slash', () => {
    const backslash = pathCases.find(({ probe }) => probe === 'path-backslash') as (typeof pathCases)[number]
    const judged = (target: string) => judgePath(echoOf({ target }), '/t/a\\b', backslash).verdict

    expect([judged('/t/a%5Cb'), judged('/t/a%5cb'), judged('/t/a/b')]).toEqual(['ok', 'ok', 'wrong'])
  })

  it('of 16,000 bytes arrives, or the gateway itself says that it is too long', () => {
    const target = '/t'.padEnd(16_000, 'x')

    expect(judgeLongUrl(echoOf({ target }), target).verdict).toBe('ok')
    expect(judgeLongUrl(problemOf(414, 'target-too-long'), target).verdict).toBe('ok')
    expect(judgeLongUrl(replyOf(outcomeOf(414, '<html>')), target).verdict).toBe('wrong')
    expect(judgeLongUrl(echoOf({ target: '/t' }), target).verdict).toBe('wrong')
  })
})
