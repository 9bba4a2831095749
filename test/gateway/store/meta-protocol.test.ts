import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Answer, MetaParser, metaDelete, metaGet, metaSet, wireTtl } from '../../../gateway/store/meta-protocol.ts'

const bare = {
  opaque: -1,
  ttlSeconds: -1,
  cas: '',
  flags: 0,
  readBefore: false,
  idleSeconds: -1,
  value: undefined,
  text: '',
}
const limit = 1_000

const flagged = fc.record({
  opaque: fc.nat({ max: 0xffffffff }),
  ttlSeconds: fc.integer({ min: -1, max: 2_000_000_000 }),
  cas: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  flags: fc.nat({ max: 0xffffffff }),
  readBefore: fc.boolean(),
  idleSeconds: fc.nat(),
})
const flagWords = (a: Omit<Answer, 'code' | 'value' | 'text'>): string =>
  ` t${a.ttlSeconds} c${a.cas} f${a.flags} h${a.readBefore ? 1 : 0} l${a.idleSeconds} O${a.opaque}`

/** Any answer, and the bytes in which a node would say it. */
const answer: fc.Arbitrary<{ answer: Answer; bytes: Buffer }> = fc.oneof(
  fc.tuple(flagged, fc.constantFrom('HD', 'EN', 'NF', 'NS', 'EX')).map(([flags, code]) => ({
    answer: { ...bare, ...flags, code } as Answer,
    bytes: Buffer.from(`${code}${flagWords(flags)}\r\n`),
  })),
  fc.tuple(flagged, fc.uint8Array({ maxLength: 200 })).map(([flags, value]) => ({
    answer: { ...bare, ...flags, code: 'VA', value: Buffer.from(value) } as Answer,
    bytes: Buffer.concat([Buffer.from(`VA ${value.length}${flagWords(flags)}\r\n`), value, Buffer.from('\r\n')]),
  })),
  fc.constantFrom('MN', 'END', 'HD', 'EN').map((code) => ({
    answer: { ...bare, code } as Answer,
    bytes: Buffer.from(`${code}\r\n`),
  })),
  fc.constantFrom('SERVER_ERROR out of memory', 'CLIENT_ERROR bad', 'STAT uptime 12', 'ERROR').map((line) => {
    const [code, ...words] = line.split(' ')
    return { answer: { ...bare, code, text: words.join(' ') } as Answer, bytes: Buffer.from(`${line}\r\n`) }
  }),
)

const parse = (pieces: readonly Buffer[]): { answers: Answer[]; whole: boolean } => {
  const answers: Answer[] = []
  const parser = new MetaParser(limit, (each) => answers.push(each))
  return { answers, whole: pieces.map((piece) => parser.push(piece)).every(Boolean) }
}

const sliced = (bytes: Buffer, cuts: readonly number[]): Buffer[] => {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end))
}

describe('the meta protocol', () => {
  it('reads the same answers from the same bytes, however they are sliced', () => {
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 10 }), fc.array(fc.nat(), { maxLength: 40 }), (said, cuts) => {
        const bytes = Buffer.concat(said.map((each) => each.bytes))

        expect(parse(sliced(bytes, cuts))).toEqual({ answers: said.map((each) => each.answer), whole: true })
      }),
    )
    const every = Buffer.from('VA 3 t-1 c9 f1 O7\r\na\r\n\r\nEN kkey O8\r\n')
    expect(parse(Array.from(every, (byte) => Buffer.from([byte])))).toEqual(parse([every]))
  })

  it('throws at no input, and believes nothing after bytes that are no answer', () => {
    const noise = fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.string({ maxLength: 100 }).map(Buffer.from))
    fc.assert(
      fc.property(fc.array(noise, { maxLength: 5 }), (pieces) => {
        parse(pieces.map((piece) => Buffer.from(piece)))
      }),
    )
    for (const broken of [
      'HELLO\r\n',
      'HD\n',
      'VA\r\n',
      'VA x O1\r\n',
      'VA -1 O1\r\n',
      `VA ${limit + 1} O1\r\n`,
      'VA 3 O1\r\nabcd\r\n',
      'HD Oone\r\n',
      'HD c1x\r\n',
      `HD k${'k'.repeat(2_100)}\r\n`,
    ]) {
      const { answers, whole } = parse([Buffer.from(broken), Buffer.from('HD O1\r\n')])
      expect({ broken, answers, whole }).toEqual({ broken, answers: [], whole: false })
    }
  })

  it('holds no more of an endless line than a line may have', () => {
    const pieces = Array.from({ length: 10 }, () => Buffer.from('HD '.padEnd(300, 'k')))

    expect(parse(pieces)).toEqual({ answers: [], whole: false })
  })

  it('gives a value memory of its own, so that it does not keep a whole chunk alive', () => {
    const chunk = Buffer.from('VA 3 O1\r\nabc\r\n')
    const { answers } = parse([chunk])

    chunk.fill(0)

    expect(answers[0]?.value?.toString()).toBe('abc')
  })

  it('writes requests as the protocol document says', () => {
    expect(metaGet('ns/k', 'v t', 5)).toBe('mg ns/k v t O5\r\n')
    expect(metaSet('ns/k', 3, { ttlSeconds: 60, flags: 1 }, 5)).toBe('ms ns/k 3 T60 F1 O5\r\n')
    expect(metaSet('ns/k', 3, { ttlSeconds: 0, flags: 0, guard: 'absent' }, 5)).toBe('ms ns/k 3 T0 F0 ME O5\r\n')
    expect(metaSet('ns/k', 3, { ttlSeconds: 0, flags: 0, guard: { cas: '12' } }, 5)).toBe('ms ns/k 3 T0 F0 C12 O5\r\n')
    expect(metaDelete('ns/k', '12', 5)).toBe('md ns/k C12 O5\r\n')
    expect(metaDelete('ns/k', undefined, 5)).toBe('md ns/k O5\r\n')
  })

  it('Store M8: sends a time to live as memcached reads it', () => {
    const nowMs = 1_700_000_000_500
    expect(wireTtl(-1, nowMs)).toBe(0)
    expect(wireTtl(0, nowMs)).toBeUndefined()
    expect(wireTtl(-5, nowMs)).toBeUndefined()
    expect(wireTtl(1, nowMs)).toBe(1)
    expect(wireTtl(2_592_000_000, nowMs)).toBe(2_592_000)
    expect(wireTtl(2_592_001_000, nowMs)).toBe(1_700_000_000 + 2_592_001)
  })
})
