import { describe, expect, it } from 'vitest'
import { maintenanceAnswer } from '#routes/maintenance.ts'

const closed = { kind: 'maintenance', retryAfterMs: 90_001 } as const

describe('the answer of a route in maintenance', () => {
  it.each([
    [undefined, false],
    ['*/*', false],
    ['text/html', true],
    ['TEXT/HTML', true],
    ['application/xhtml+xml', true],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', true],
    ['application/json, text/html', false],
    ['application/json;q=0.8, text/html', true],
    ['application/problem+json;q=0.9, text/html;q=0.5', false],
    ['text/html;q=0', false],
    ['text/html;q=nonsense', false],
  ])('to Accept: %s is a page: %s', (accept, page) => {
    const { headers, body } = maintenanceAnswer(closed, accept, 'r-1')

    expect(headers['content-type']).toBe(page ? 'text/html; charset=utf-8' : 'application/problem+json')
    expect(body.startsWith('<!doctype html>')).toBe(page)
    expect(body).toContain('r-1')
  })

  it('says when to come back, in whole seconds and at least one, and is kept by nobody', () => {
    const { status, headers } = maintenanceAnswer(closed, undefined, 'r-1')

    expect([status, headers['retry-after'], headers['cache-control'], headers['vary']]).toEqual([
      503,
      '91',
      'no-store',
      'accept',
    ])
    expect(maintenanceAnswer({ ...closed, retryAfterMs: 0 }, undefined, 'r').headers['retry-after']).toBe('1')
  })

  it('has the message of the route as text, whatever it holds', () => {
    const message = `<script>&"'`

    expect(JSON.parse(maintenanceAnswer({ ...closed, message }, undefined, 'r').body)).toMatchObject({
      code: 'maintenance',
      detail: message,
    })
    expect(maintenanceAnswer({ ...closed, message }, 'text/html', 'r').body).toContain(
      '<p>&#60;script&#62;&#38;&#34;&#39;</p>',
    )
  })
})
