import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { Guesses } from '../../../gateway/auth/guesses.ts'

describe('guesses', () => {
  it('are limited by address, and the limit is over when the time is paid back', () => {
    const clock = new HeldClock()
    const guesses = new Guesses(10, clock)
    for (let guess = 0; guess < 20; guess++) {
      expect(guesses.waitMs('192.0.2.1', 'other')).toBe(0)
      guesses.charge('192.0.2.1', 'guess')
    }

    const waitMs = guesses.waitMs('192.0.2.1', 'other')

    expect(waitMs).toBeCloseTo(100)
    expect(guesses.waitMs('192.0.2.2', 'other')).toBe(0)
    clock.advance(waitMs)
    expect(guesses.waitMs('192.0.2.1', 'other')).toBe(0)
  })

  it('that were asked at once beyond the limit are a debt, which has an end', () => {
    const clock = new HeldClock()
    const guesses = new Guesses(10, clock)
    for (let guess = 0; guess < 50; guess++) guesses.charge('192.0.2.1', 'guess')
    expect(guesses.waitMs('192.0.2.1', 'other')).toBeCloseTo(3_100)

    for (let guess = 0; guess < 10_000; guess++) guesses.charge('192.0.2.1', 'guess')
    expect(guesses.waitMs('192.0.2.1', 'other')).toBeLessThanOrEqual(10_100)
  })

  it('of one IPv6 network count together, since one customer has all of it', () => {
    const guesses = new Guesses(10, new HeldClock())
    for (let guess = 0; guess < 20; guess++) guesses.charge(`2001:db8::${guess.toString(16)}`, 'guess')

    expect(guesses.waitMs('2001:db8::ffff', 'other')).toBeGreaterThan(0)
    expect(guesses.waitMs('2001:db8:0:1::1', 'other')).toBe(0)
  })

  it('of many addresses take a bounded place', () => {
    const guesses = new Guesses(10, new HeldClock())
    for (let one = 0; one < 50_000; one++) guesses.charge(`10.${one >> 16}.${(one >> 8) & 255}.${one & 255}`, 'guess')

    expect(guesses.networks).toBe(10_000)
  })

  it('are none of whoever was let in before, until that credential is known to nobody', () => {
    const guesses = new Guesses(10, new HeldClock())
    guesses.prove('good')
    for (let guess = 0; guess < 20; guess++) guesses.charge('192.0.2.1', `guess-${guess}`)

    expect(guesses.waitMs('192.0.2.1', 'new')).toBeGreaterThan(0)
    expect(guesses.waitMs('192.0.2.1', 'good')).toBe(0)
    guesses.charge('192.0.2.1', 'good')
    expect(guesses.waitMs('192.0.2.1', 'good')).toBeGreaterThan(0)
  })
})
