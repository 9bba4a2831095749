import { describe, expect, it } from 'vitest'
import { problems as common } from '#routes/errors.ts'
import { problemAnswer, statuses } from '../../edge-worker/answers.ts'
import { problems } from '../../edge-worker/errors.ts'

describe('what the edge answers by itself', () => {
  it('has the statuses of the tables of errors, and no code that is in no table', () => {
    const entries: Record<string, { status: number }> = { ...common.entries, ...problems.entries }

    expect(Object.fromEntries(Object.keys(statuses).map((code) => [code, entries[code]?.status]))).toEqual(statuses)
    expect(Object.keys(problems.entries).filter((code) => !(code in statuses))).toEqual([])
  })

  it('is problem+json with code and request id, and nothing internal', async () => {
    const answer = problemAnswer('origin-timeout', 'r-1')

    expect(answer.status).toBe(504)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(await answer.json()).toEqual({
      type: 'urn:tidegate:problem:origin-timeout',
      title: 'Origin timeout',
      status: 504,
      code: 'origin-timeout',
      requestId: 'r-1',
    })
  })
})
