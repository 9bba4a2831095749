import { describe, expect, it } from 'vitest'
import { defineProblems, operatorBody, Problem, publicBody } from '#routes/problem.ts'

const problems = defineProblems({
  'held-table-older': {
    status: 409,
    meaning: 'The offered table {offered} is not newer than {held}.',
    fix: 'Restore {held}.',
  },
})

describe('a problem', () => {
  it('tells operators what, why and how to mend it, with the facts filled in', () => {
    const cause = new TypeError('underneath')

    const problem = problems['held-table-older']({ offered: 4, held: 5, cause, pointer: '/number' })

    expect(problem).toBeInstanceOf(Problem)
    expect(problem.cause).toBe(cause)
    expect(operatorBody(problem, 'r1')).toEqual({
      type: 'urn:tidegate:problem:held-table-older',
      title: 'Held table older',
      status: 409,
      code: 'held-table-older',
      requestId: 'r1',
      detail: 'The offered table 4 is not newer than 5.',
      fix: 'Restore 5.',
      pointer: '/number',
    })
  })

  it('tells clients its code and nothing from inside', () => {
    expect(Object.keys(publicBody('held-table-older', 409, 'r1'))).toEqual([
      'type',
      'title',
      'status',
      'code',
      'requestId',
    ])
  })
})
