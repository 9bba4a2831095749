import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { FailedValidations } from '../../../gateway/cache/failed-validations.ts'

describe('failed validations', () => {
  it('Cache R5: a failure is remembered for 1 s, of its key alone', () => {
    const clock = new HeldClock()
    const failures = new FailedValidations<string>({ clock })

    failures.failed('k', 'connect-timeout')

    expect(failures.recent('k')).toBe('connect-timeout')
    expect(failures.recent('other')).toBeUndefined()
    clock.advance(999)
    expect(failures.recent('k')).toBe('connect-timeout')
    clock.advance(1)
    expect(failures.recent('k')).toBeUndefined()
  })

  it('Cache R5: an answer of the service ends it at once', () => {
    const failures = new FailedValidations<string>({ clock: new HeldClock() })
    failures.failed('k', 'upstream-reset')

    failures.succeeded('k')

    expect(failures.recent('k')).toBeUndefined()
  })

  it('remembers so many keys and no more', () => {
    const failures = new FailedValidations<string>({ clock: new HeldClock(), keys: 2 })
    for (const key of ['a', 'b', 'c']) failures.failed(key, key)

    expect(failures.size).toBe(2)
    expect(failures.recent('a')).toBeUndefined()
  })
})
