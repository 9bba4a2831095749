import { describe, expect, it } from 'vitest'
import { permits } from '../../../../gateway/cache/policy/directive-set.ts'
import { cacheControl } from '../../../../gateway/cache/policy/directives.ts'

const read = (...lines: string[]) => cacheControl(lines.flatMap((line) => ['Cache-Control', line]))

describe('what a Cache-Control says', () => {
  it.each<[string, string[], string, string | true | undefined]>([
    ['in any letters', ['NO-STORE'], 'no-store', true],
    ['with a token', ['max-age=10'], 'max-age', '10'],
    ['with a quoted string, in the same meaning', ['max-age="10"'], 'max-age', '10'],
    ['with escapes in it', ['max-age="1\\0"'], 'max-age', '10'],
    ['with an argument in upper case', ['no-cache="Set-Cookie"'], 'no-cache', 'Set-Cookie'],
    ['after one that nobody knows', ['foo, no-store'], 'no-store', true],
    ['after one whose argument has a comma', ['foo="a, b", no-store'], 'no-store', true],
    ['after an escaped quote', ['foo="\\"", no-store'], 'no-store', true],
    ['among empty members', [',, ,\t, no-store ,'], 'no-store', true],
    ['in its last line', ['foo', 'bar', 'no-store'], 'no-store', true],
    ['between tabs', ['\tno-store\t,max-age=1'], 'no-store', true],
    ['with an argument that nothing asked for', ['no-store=1'], 'no-store', '1'],
    ['before a semicolon that should be a comma', ['private; max-age=60'], 'private', true],
    ['not in quotes', ['foo="no-store"'], 'no-store', undefined],
    ['not between commas in quotes', ['foo="a, no-store, b"'], 'no-store', undefined],
    ['not behind an escaped quote', ['foo="a\\", no-store, b"'], 'no-store', undefined],
    ['not as a quoted member', ['"no-store"'], 'no-store', undefined],
    ['not after a quote that stands anywhere', ['foo"bar, no-store, baz"'], 'no-store', undefined],
    ['not as a part of a longer word', ['no-store-at-all, x-no-store'], 'no-store', undefined],
    ['not behind white space of another kind', ['\xa0no-store'], 'no-store', undefined],
    ['not behind NUL', ['\0no-store'], 'no-store', undefined],
  ])('Cache P1: a directive is read %s', (_, lines, name, argument) => {
    expect(read(...lines).get(name)).toBe(argument)
    expect(read(...lines).has(name)).toBe(argument !== undefined)
  })

  it('Cache P1: the field is found in any letters, and no other one is taken for it', () => {
    expect(cacheControl(['cAcHe-CoNtRoL', 'no-store']).has('no-store')).toBe(true)
    expect(cacheControl(['Cache-Control2', 'no-store', 'X', 'no-store', '__proto__', 'x']).has('no-store')).toBe(false)
    expect(read('__proto__=1, constructor, toString').has('constructor')).toBe(false)
  })

  it.each([
    ['0', 0],
    ['10', 10],
    ['0010', 10],
    ['2147483647', 2 ** 31 - 1],
    ['2147483648', 2 ** 31],
    ['2147483649', 2 ** 31],
    ['99999999999999999999999999', 2 ** 31],
    ['"10"', 10],
  ])('Cache P2: max-age=%s is %d seconds', (argument, seconds) => {
    expect(read(`max-age=${argument}`).seconds('max-age')).toBe(seconds)
    expect(read(`max-age=${argument}`).invalid('max-age')).toBe(false)
  })

  it.each([
    ['nothing', 'max-age='],
    ['no argument', 'max-age'],
    ['empty quotes', 'max-age=""'],
    ['a plus', 'max-age=+10'],
    ['a minus', 'max-age=-10'],
    ['a decimal', 'max-age=1.5'],
    ['an exponent', 'max-age=1e3'],
    ['hexadecimal', 'max-age=0x10'],
    ['a space inside', 'max-age=1 0'],
    ['a space before it', 'max-age= 10'],
    ['a space before =', 'max-age =10'],
    ['a space in its quotes', 'max-age=" 10"'],
    ['single quotes', "max-age='10'"],
    ['text', 'max-age=soon'],
    ['text behind it', 'max-age=10s'],
    ['text behind its quotes', 'max-age="10"0'],
    ['a semicolon behind it', 'max-age=10; foo'],
    ['digits of another script', 'max-age=\u0661'],
    ['NUL', 'max-age=1\x000'],
    ['two of them', 'max-age=1=0'],
  ])('Cache P2: a number of seconds with %s is none', (_, line) => {
    expect(read(line).seconds('max-age')).toBe('invalid')
    expect(read(line).invalid('max-age')).toBe(true)
  })

  it.each([
    ['max-age=10, max-age=10', 10],
    ['max-age=10, MAX-AGE="010"', 10],
    ['max-age=10, max-age=20', 'invalid'],
    ['max-age=20, max-age=10, max-age=20', 'invalid'],
    ['max-age=10, max-age', 'invalid'],
    ['max-age, max-age=10', 'invalid'],
    ['max-age=10, max-age=x', 'invalid'],
    ['max-age=10, max-age =10', 'invalid'],
  ] as const)('Cache P3: %s is %s', (line, seconds) => {
    expect(read(line).seconds('max-age')).toBe(seconds)
    expect(read(...line.split(', ')).seconds('max-age')).toBe(seconds)
  })

  it('Cache P3: an argument that a directive does not take is ignored, and the directive stands', () => {
    const said = read('public=yes, no-store=0, must-revalidate="x"')

    expect(['public', 'no-store', 'must-revalidate'].map((name) => permits(said, name))).toEqual([true, true, true])
  })

  it('Cache P3: what cannot be read in one way forbids, and permits nothing', () => {
    const said = read('public; max-age=60, must-revalidate ="x", s-maxage=x')

    expect(['public', 'must-revalidate', 's-maxage'].map((name) => said.has(name))).toEqual([true, true, true])
    expect(['public', 'must-revalidate', 's-maxage'].map((name) => permits(said, name))).toEqual([false, false, false])
    expect(permits(read('public, public; max-age=60'), 'public')).toBe(false)
    expect(permits(read('public; max-age=60, public'), 'public')).toBe(false)
  })

  it.each<[string, string[], string, string | true | undefined]>([
    ['takes the rest of its line', ['foo="a, no-store'], 'no-store', undefined],
    ['leaves the next line as it is', ['foo="a', 'no-store, b="c"'], 'no-store', true],
    ['leaves what stood before it', ['no-store, foo="'], 'no-store', true],
    ['is the value up to the end', ['private="a, b'], 'private', 'a, b'],
    ['stays open behind an escaped quote', ['private="a\\"'], 'private', 'a"'],
    ['stays open behind a last backslash', ['private="a\\'], 'private', 'a'],
  ])('Cache P4: a quote that is never closed %s', (_, lines, name, argument) => {
    expect(read(...lines).get(name)).toBe(argument)
    expect(read(...lines).unclosed).toBe(true)
  })

  it('Cache P4: a quote that is closed is no cause for doubt', () => {
    expect(read('foo="a\\"", bar=""').unclosed).toBe(false)
    expect(read().unclosed).toBe(false)
  })

  it.each<[string, readonly string[] | undefined]>([
    ['private="a, b"', ['a', 'b']],
    ['private="Set-Cookie,  X-A ,,"', ['set-cookie', 'x-a']],
    ['private=a', ['a']],
    ['private="a, b, A"', ['a', 'b']],
    ['private="a", private="a"', ['a']],
    ['private', undefined],
    ['private=""', undefined],
    ['private=', undefined],
    ['private=" , "', undefined],
    ['private="a b"', undefined],
    ['private="a;b"', undefined],
    ['private="a\xe9"', undefined],
    ['private ="a"', undefined],
    ['private= "a"', undefined],
    ['private="a"b', undefined],
    ['private="a', undefined],
    ['private="a", private', undefined],
    ['private, private="a"', undefined],
    ['private="a", private="b"', undefined],
    [`private="${'a,'.repeat(8000)}"`, undefined],
  ])('Cache S6: %s holds for the fields %j', (line, fields) => {
    expect(read(line).has('private')).toBe(true)
    expect(read(line).fields('private')).toEqual(fields)
  })

  it('max-stale alone of the numbers may stand without one', () => {
    expect(read('max-stale').invalid('max-stale')).toBe(false)
    expect(read('min-fresh').invalid('min-fresh')).toBe(true)
    expect(read('max-stale=x').invalid('max-stale')).toBe(true)
  })
})
