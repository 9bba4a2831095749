import Type from 'typebox'
import { describe, expect, it } from 'vitest'
import { checkDocument, printFault } from '#routes/document.ts'

const schema = Type.Object(
  {
    name: Type.String(),
    size: Type.Integer({ minimum: 1, default: 3 }),
    parts: Type.Array(Type.Object({ at: Type.String() }, { additionalProperties: false }), { default: [] }),
  },
  { additionalProperties: false },
)
const check = (text: string, limitBytes = 1000) => checkDocument({ file: 'a.yaml', text, schema, limitBytes })
const faultsOf = (text: string, limitBytes?: number) => {
  const checked = check(text, limitBytes)
  return checked.ok ? [] : checked.faults.map(printFault)
}

describe('a good document', () => {
  it('is read with the defaults of absent keys', () => {
    const checked = check('name: a')

    expect(checked.ok && checked.value).toEqual({ name: 'a', size: 3, parts: [] })
  })

  it('says where its values and keys stand, and of a default the mapping that lacks it', () => {
    const checked = check('name: a\nparts:\n  - { at: b }\n')

    if (!checked.ok) throw new Error('refused')
    expect(checked.at('/parts/0/at')).toEqual({ file: 'a.yaml', line: 3, column: 11 })
    expect(checked.keyAt('/parts/0/at')).toEqual({ file: 'a.yaml', line: 3, column: 7 })
    expect(checked.at('/size')).toEqual({ file: 'a.yaml', line: 1, column: 1 })
    expect(checked.at('/parts/7/at/x')).toEqual({ file: 'a.yaml', line: 3, column: 3 })
  })

  it('may be JSON, may have Windows line ends and a byte order mark, and may repeat itself by aliases', () => {
    expect(check('{ "name": "a", "size": 5 }').ok).toBe(true)
    expect(check('\uFEFFname: a\r\nsize: 2\r\n')).toMatchObject({ ok: true, value: { name: 'a', size: 2 } })
    expect(check('name: &n a\nparts: [&p { at: *n }, *p]')).toMatchObject({
      ok: true,
      value: { parts: [{ at: 'a' }, { at: 'a' }] },
    })
  })

  it('keeps keys that objects have by nature for data', () => {
    expect(faultsOf('name: a\n__proto__: { size: 9 }\nconstructor: 1')).toEqual([
      'a.yaml:2:1 "__proto__": unknown; valid here: size, parts',
      'a.yaml:3:1 "constructor": unknown; valid here: size, parts',
    ])
  })
})

describe('a bad document', () => {
  it('tells all its faults at once, in the order of lines, and keeps a draft of the rest', () => {
    const checked = check('name: a\nsize: 0\nparts:\n  - { at: 1 }\n  - { at: b }\ntitle: c\n')

    if (checked.ok) throw new Error('accepted')
    expect(checked.faults.map(printFault)).toEqual([
      'a.yaml:2:7 0: expected a whole number of at least 1',
      'a.yaml:4:11 1: expected a text',
      'a.yaml:6:1 "title": unknown; take it out',
    ])
    expect(checked.draft?.value.size).toBe(3)
    expect(checked.draft?.value.parts.flatMap((part, at) => [[at, part.at]])).toEqual([[1, 'b']])
  })

  it('has no draft when a required value is wrong', () => {
    const checked = check('name: 1')

    expect(checked).not.toHaveProperty('draft')
  })

  it('tells at most 100 faults', () => {
    const text = `name: a\n${Array.from({ length: 300 }, (_, at) => `x${at}: 1`).join('\n')}`

    expect(faultsOf(text, 10_000).length).toBe(100)
  })

  it('is told both places of a key that is there twice', () => {
    expect(faultsOf('name: a\nsize: 1\nname: b')).toEqual([
      'a.yaml:3:1 "name": the key is there twice; remove one (the other: a.yaml:1:1)',
    ])
  })
})

describe('a file above the limit is refused unread', () => {
  it.each([
    ['x'.repeat(11), false],
    ['é'.repeat(5), true],
    ['é'.repeat(6), false],
    ['€€€', true],
    ['€€€€', false],
    ['😀😀', true],
    ['😀😀😀', false],
  ])('%s in 10 bytes', (text, fits) => {
    const told = faultsOf(text, 10).join()

    expect(Buffer.byteLength(text) <= 10).toBe(fits)
    expect(told.includes('larger than 10B')).toBe(!fits)
  })

  it('in no time, whatever its size', () => {
    const started = performance.now()

    expect(faultsOf('['.repeat(10_000_000))).toHaveLength(1)
    expect(performance.now() - started).toBeLessThan(2000)
  })
})
