import { describe, expect, it } from 'vitest'
import { createLog, type LogLevel, silentLog } from '#server-kit/log.ts'

function recorded(level?: LogLevel) {
  const lines: string[] = []
  const destination = { write: (line: string) => lines.push(line) }
  const log = createLog({ program: 'gateway', destination, ...(level === undefined ? {} : { level }) })
  return { log, lines, facts: (at = 0): Record<string, unknown> => JSON.parse(lines[at] ?? '{}') }
}

describe('the log', () => {
  it('writes one JSON line an event, with program, level by name, time and facts', () => {
    const { log, lines, facts } = recorded()

    log.info({ epoch: 7 }, 'placement adopted')

    expect(lines).toHaveLength(1)
    expect(facts()).toMatchObject({ program: 'gateway', level: 'info', epoch: 7, text: 'placement adopted' })
    expect(Date.parse(String(facts()['time']))).toBeGreaterThan(0)
  })

  it('is silent below its level', () => {
    const { log, lines } = recorded('warn')

    log.debug({}, 'a')
    log.info({}, 'b')
    log.warn({}, 'c')

    expect(lines).toHaveLength(1)
  })

  it('never shows a secret, neither among the facts of a line nor of a child', () => {
    const { log, lines } = recorded()

    log.child({ token: 'abc', site: 'north' }).error({ headers: { authorization: 'abc' } }, 'refused')

    expect(lines.join()).not.toContain('abc')
    expect(lines.join()).toContain('north')
  })

  it('tells an error with its message, stack and cause', () => {
    const { log, facts } = recorded()

    log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed')

    expect(facts()['err']).toMatchObject({ type: 'Error', message: 'outer' })
    expect(JSON.stringify(facts()['err'])).toContain('inner')
  })

  it('writes facts that contain themselves', () => {
    const { log, lines } = recorded()
    const circle: Record<string, unknown> = {}
    circle['self'] = circle

    log.info(circle, 'round')

    expect(lines).toHaveLength(1)
  })

  it('has a silent form', () => {
    expect(() => silentLog.child({ a: 1 }).error({}, 'nothing')).not.toThrow()
  })
})
