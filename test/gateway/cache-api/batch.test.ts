import { afterEach, describe, expect, it } from 'vitest'
import { answersOf, batchLimitBytes, splitLines } from '../../../gateway/cache-api/batch.ts'
import { valueLimitBytes } from '../../../gateway/store/cache-store.ts'
import { lines, serveFromMemory } from './cache-api-bed.ts'

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]()
})

async function serve(over?: Parameters<typeof serveFromMemory>[0]) {
  const api = await serveFromMemory(over)
  open.push(api)
  const batch = (operations: readonly (object | string)[], headers: Record<string, string> = {}, namespace = 'shop') =>
    api.send('POST', `/cache/v1/${namespace}:batch`, {
      body: operations.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))).join('\n'),
      headers,
    })
  return { ...api, batch }
}
const base64 = (text: string) => Buffer.from(text).toString('base64')
const put = (key: string, value: string, over: object = {}) => ({ op: 'put', key, value: base64(value), ...over })

describe('a batch', () => {
  it('answers line by line, in order, each with its own status', async () => {
    const { batch } = await serve()

    const answer = await batch([
      put('a', 'one', { ttl: 60, flags: 7, contentType: 'text/plain', contentEncoding: 'gzip' }),
      { op: 'get', key: 'a' },
      { op: 'get', key: 'nothing' },
      put('n', '41'),
      { op: 'incr', key: 'n', by: '1' },
      { op: 'append', key: 'n', value: base64('0') },
      { op: 'append', key: 'n', value: base64('9'), prepend: true },
      { op: 'touch', key: 'n', ttl: 60 },
      { op: 'get', key: 'n' },
      { op: 'delete', key: 'n' },
      { op: 'delete', key: 'n' },
      { op: 'lease', key: 'n' },
      { op: 'lease', key: 'a' },
    ])

    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/x-ndjson'])
    const unique = expect.stringMatching(/^\d+$/)
    expect(lines(answer)).toEqual([
      { status: 201, unique },
      {
        status: 200,
        unique,
        value: base64('one'),
        flags: 7,
        ttl: 60,
        contentType: 'text/plain',
        contentEncoding: 'gzip',
      },
      { status: 404, code: 'cache-miss', reason: 'absent' },
      { status: 201, unique },
      { status: 200, unique, value: '42' },
      { status: 204, unique },
      { status: 204, unique },
      { status: 204, unique },
      { status: 200, unique, value: base64('9420'), flags: 0, ttl: 60 },
      { status: 204 },
      { status: 404, code: 'cache-miss', reason: 'absent' },
      { status: 200, state: 'win', token: unique },
      { status: 200, state: 'hit' },
    ])
  })

  it('holds conditions, as those of single requests', async () => {
    const { batch } = await serve()
    const [first] = lines(await batch([put('k', 'x', { ifNoneMatch: '*' })]))
    const unique = first?.['unique']

    const statuses = lines(
      await batch([
        put('k', 'y', { ifNoneMatch: '*' }),
        put('k', 'y', { ifMatch: '123' }),
        put('k', 'y', { ifMatch: unique }),
        put('k', 'z', { ifMatch: unique }),
        put('k', 'z', { ifMatch: '*' }),
        put('other', 'z', { ifMatch: '*' }),
        put('k', 'z', { lease: '123' }),
        { op: 'delete', key: 'k', ifMatch: '123' },
        { op: 'delete', key: 'k', soft: 30 },
        { op: 'get', key: 'k' },
      ]),
    )

    expect(statuses.map(({ status, code }) => code ?? status)).toEqual([
      'cache-precondition-failed',
      'cache-precondition-failed',
      204,
      'cache-precondition-failed',
      204,
      'cache-precondition-failed',
      'cache-superseded',
      'cache-precondition-failed',
      204,
      200,
    ])
    expect(statuses.at(-1)).toMatchObject({ value: base64('z'), stale: true })
  })

  it('does the commands of one key in their order, and those of others meanwhile', async () => {
    const { batch } = await serve()
    const steps = Array.from({ length: 100 }, (_, at) => [put(`k${at % 3}`, `${at}`), { op: 'get', key: `k${at % 3}` }])

    const answers = lines(await batch(steps.flat()))

    answers.forEach((answer, at) => {
      if (at % 2 === 1) expect(answer['value']).toBe(base64(`${(at - 1) / 2}`))
    })
  })

  it('refuses a line by itself, naming the field, and does the others', async () => {
    const { batch } = await serve()
    const bad = [
      'nonsense',
      '',
      '[]',
      'null',
      '"get"',
      { op: 'drop', key: 'k' },
      { op: 'toString', key: 'k' },
      { op: 'get' },
      { op: 'get', key: '' },
      { op: 'get', key: 'k'.repeat(1025) },
      '{"op":"get","key":"\\ud800"}',
      { op: 'get', key: 7 },
      { op: 'get', key: 'k', ttl: 1 },
      { op: 'put', key: 'k' },
      { op: 'put', key: 'k', value: 'not base64' },
      { op: 'put', key: 'k', value: 'eA' },
      put('k', 'x', { ttl: '60' }),
      put('k', 'x', { ttl: -1 }),
      put('k', 'x', { ttl: 1.5 }),
      put('k', 'x', { ttl: 1e300 }),
      put('k', 'x', { flags: 2 ** 32 }),
      put('k', 'x', { flags: '1' }),
      put('k', 'x', { contentType: 'a/b\r\nset-cookie: x' }),
      put('k', 'x', { contentEncoding: 'a\nb' }),
      put('k', 'x', { tags: 'a' }),
      put('k', 'x', { tags: ['a', ''] }),
      put('k', 'x', { tags: Array.from({ length: 65 }, (_, at) => `${at}`) }),
      put('k', 'x', { ifMatch: '*', ifNoneMatch: '*' }),
      put('k', 'x', { ifMatch: '1', lease: '1' }),
      put('k', 'x', { lease: 'later' }),
      '{"op":"get","key":"k","__proto__":{"a":1}}',
      `{"op":"get","key":"k","${'x'.repeat(5_000)}":1}`,
      `${'['.repeat(100_000)}`,
    ]

    const answers = lines(await batch([...bad, { op: 'get', key: 'k' }]))

    expect(answers).toHaveLength(bad.length + 1)
    bad.forEach((each, at) => {
      expect(answers[at], JSON.stringify(each).slice(0, 80)).toMatchObject({
        status: 400,
        code: 'cache-request-invalid',
      })
      expect(String(answers[at]?.['detail']).length).toBeLessThan(300)
    })
    expect(answers.at(-1)).toMatchObject({ status: 404, code: 'cache-miss' })
  })

  it('says of each line whether its client may do it', async () => {
    const { batch } = await serve()

    const answers = lines(
      await batch([put('k', 'x'), { op: 'get', key: 'k' }, { op: 'delete', key: 'k' }], { authorization: 'reader' }),
    )

    expect(answers.map(({ status, code }) => code ?? status)).toEqual([
      'cache-forbidden',
      'cache-miss',
      'cache-forbidden',
    ])
    expect(await batch([{ op: 'get', key: 'k' }], {}, 'other')).toMatchObject({ status: 403, code: 'cache-forbidden' })
    for (const own of ['http-orders', 'responses', 'tidegate-leases', 'tidegate-once']) {
      expect(await batch([put('k', 'x')], { authorization: 'greedy' }, own)).toMatchObject({ status: 403 })
    }
  })

  it('takes a thousand lines and eight megabytes, and of one more does nothing', async () => {
    const { batch, send } = await serve()
    const gets = Array.from({ length: 1_000 }, (_, at) => ({ op: 'get', key: `k${at}` }))

    expect(lines(await batch(gets))).toHaveLength(1_000)
    expect(await batch([put('kept', 'x'), ...gets])).toMatchObject({ status: 413, code: 'cache-too-large' })
    const large = { op: 'put', key: 'kept', value: 'x'.repeat(batchLimitBytes) }
    expect(await batch([large])).toMatchObject({ status: 413, code: 'cache-too-large' })
    expect((await send('GET', '/cache/v1/shop/kept')).status).toBe(404)
    const tooLarge = { op: 'put', key: 'kept', value: Buffer.alloc(valueLimitBytes + 1).toString('base64') }
    expect(lines(await batch([tooLarge]))).toMatchObject([{ status: 413, code: 'cache-too-large' }])
    expect((await batch([])).body).toHaveLength(0)
  })

  it('counts each line on the quota of its client', async () => {
    const { batch, send, clock, metrics } = await serve()
    const gets = Array.from({ length: 5 }, () => ({ op: 'get', key: 'k' }))
    const slow = { authorization: 'slow' }

    const answers = lines(await batch(gets, slow))

    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 429, 429])
    const refused = await send('GET', '/cache/v1/shop/k', { headers: slow })
    expect(refused).toMatchObject({ status: 429, code: 'cache-quota', headers: { 'retry-after': '1' } })
    expect((await batch(gets, slow)).status).toBe(429)
    expect(await metrics()).toMatch(/op="get",result="over-quota"\} 3/)
    clock.advance(1_000)
    expect((await send('GET', '/cache/v1/shop/k', { headers: slow })).status).toBe(404)
  })

  it('with an idempotency-key is done once, and then answered again', async () => {
    const { batch, send } = await serve()
    const operations = [
      { op: 'incr', key: 'n', initial: 1 },
      { op: 'incr', key: 'n' },
      { op: 'get', key: 'n' },
      'nonsense',
    ]
    const headers = { 'idempotency-key': 'batch-1' }

    const [first, again] = [await batch(operations, headers), await batch(operations, headers)]

    expect(lines(first).map(({ status, value }) => value ?? status)).toEqual(['1', '2', 400, 400])
    expect(again.body.equals(first.body)).toBe(true)
    expect(String((await send('GET', '/cache/v1/shop/n')).body)).toBe('2')
    expect(await batch([{ op: 'incr', key: 'n' }], headers)).toMatchObject({ code: 'cache-idempotency-mismatch' })
  })

  it('of values that nobody reads begins no more than it holds', async () => {
    let begun = 0
    const batch = answersOf(
      Array.from({ length: 500 }, (_, at) => Buffer.from(`{"op":"get","key":"k${at}"}`)),
      {
        nowMs: () => 0,
        run: async () => {
          begun++
          return { kind: 'done' }
        },
      },
    )

    await batch.next()
    expect(begun).toBeLessThanOrEqual(9)
    await batch.return(undefined)
    expect(begun).toBeLessThanOrEqual(9)
  })

  it('ends a line at a line feed, with a carriage return before it or not', () => {
    expect(splitLines(Buffer.from('a\r\nb\n\nc')).map(String)).toEqual(['a', 'b', '', 'c'])
    expect(splitLines(Buffer.from('a\n')).map(String)).toEqual(['a'])
  })
})
