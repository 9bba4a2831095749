import { describe, expect, it } from 'vitest'
import { readReport } from './test-steps.ts'

const file = (status: string, ...tests: string[]) => ({
  name: '/clone/test/a.test.ts',
  status,
  startTime: 1_000,
  endTime: 3_500,
  message: 'cannot be loaded',
  assertionResults: tests.map((status) => ({ status, fullName: 'a thing works', failureMessages: ['why not'] })),
})

describe('the count of tests', () => {
  it('adds passed and failed tests, without skipped ones', () => {
    const report = { testResults: [file('passed', 'passed', 'passed', 'skipped'), file('failed', 'failed', 'passed')] }

    expect(readReport(report, 1, '/clone')).toMatchObject({
      passed: 3,
      failed: 1,
      seconds: [{ name: 'test/a.test.ts', seconds: 2.5 }, {}],
      failures: ['test/a.test.ts > a thing works\nwhy not'],
    })
  })

  it('takes a file that cannot be loaded for a failure', () => {
    expect(readReport({ testResults: [file('failed')] }, 1, '/clone')).toMatchObject({
      passed: 0,
      failed: 1,
      failures: ['test/a.test.ts\ncannot be loaded'],
    })
  })

  it('takes an exit that no test explains for a failure', () => {
    expect(readReport({ testResults: [file('passed', 'passed')] }, 1, '/clone')).toMatchObject({ passed: 1, failed: 1 })
    expect(readReport({ testResults: [file('passed', 'passed')] }, 0, '/clone')).toMatchObject({ passed: 1, failed: 0 })
  })
})
