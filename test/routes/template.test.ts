import { expect, it } from 'vitest'
import { readTemplate } from '#routes/template.ts'

it.each([
  ['', []],
  ['order', ['order']],
  ['order:{id}', ['order:', { name: 'id' }]],
  ['{a}{b}-{claim.sub}.', [{ name: 'a' }, { name: 'b' }, '-', { name: 'claim.sub' }, '.']],
  ['{}', [{ name: '' }]],
  ['a{b', { stray: '{' }],
  ['a}b{c}', { stray: '}' }],
  ['{{a}}', { stray: '{' }],
])('%j has its parts in order', (text, parts) => expect(readTemplate(text)).toEqual(parts))
