import { describe, expect, it } from 'vitest'
import { compileTemplate, fillTemplate } from '../../../gateway/transform/template.ts'

const fill = (text: string, values: Record<string, string> = {}) =>
  fillTemplate(compileTemplate(text), (name) => values[name])

describe('a template', () => {
  it('takes the values of its places', () => {
    expect(fill('plan-{claim.plan}/{id}', { 'claim.plan': 'a', id: '{id}' })).toBe('plan-a/{id}')
  })

  it('has no value at all when one of them is missing', () => {
    expect(fill('plan-{claim.plan}')).toBeUndefined()
  })

  it('is itself where it has no places, and nothing with a lonely brace', () => {
    expect(fill('plain')).toBe('plain')
    expect(() => fill('a { b')).toThrow(expect.objectContaining({ code: 'policy-unusable' }))
  })
})
