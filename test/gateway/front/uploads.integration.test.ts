import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeMark } from '#routes/hop.ts'
import { eventually } from '../../support/eventually.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway, rawClient } from '../bed.ts'

let bed: Bed
/** Answers when a request is whole, and as soon as its head is there. */
let patient: RecordingUpstream
let hasty: RecordingUpstream
let gateway: RunningGateway

beforeAll(async () => {
  bed = await openBed()
  patient = await startRecordingUpstream(() => ok('whole'))
  hasty = await startRecordingUpstream(() => ok('early'), { answerAt: 'head' })
  const at = (url: string) => ({ deployments: [{ site: 'onprem', url }] })
  const services = [service('orders', at(patient.url)), service('hasty', at(hasty.url))]
  const timeout = { ...policy.timeout, idleMs: 400 }
  const routes = [
    route('/v1/**'),
    route('/small/**', { policy: { ...policy, maxBodyBytes: 1_000 } }),
    route('/impatient/**', { policy: { ...policy, timeout } }),
    route('/meaning/**', { policy: { ...policy, bodyWithoutMeaning: 'refuse' } }),
    route('/secret/**', { policy: { ...policy, auth: { scopes: [] } } }),
    route('/hasty/**', { service: 'hasty', unit: 'hasty' }),
  ]
  await bed.writeTable('table', structure(routes, { services }), placementSet([]))
  gateway = await bed.start('onprem', {
    table: { file: 'table' },
    limits: { bodyIdle: '5s', bodyWindow: '1s', bodyRate: '500B', headTimeout: '1s' },
  })
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await patient.close()
  await hasty.close()
})

const head = (line: string, fields: string) => `${line} HTTP/1.1\r\nHost: api.example.com\r\n${fields}\r\n\r\n`
const chunked = (line: string) => head(line, 'Transfer-Encoding: chunked')
const codeOf = (answer: string) => /"code":"([a-z-]+)"/.exec(answer)?.[1]
const complete = () => patient.requests.filter((request) => request.complete).length

describe('F0: an upload that turns out malformed', () => {
  it.each(['POST', 'PUT', 'GET', 'DELETE'])('by %s is 400, and broken off at the service', async (method) => {
    const seen = patient.requests.length
    const whole = complete()
    const client = await rawClient(gateway.port)
    client.write(`${chunked(`${method} /v1/x`)}3\r\nabc\r\n`)
    const request = await patient.received(seen + 1)

    client.write('zz\r\n')

    expect(await client.closed()).toMatch(/^HTTP\/1.1 400 [\s\S]*framing-invalid/)
    await eventually(() => request.aborted)
    expect(complete()).toBe(whole)
  })

  it('F10: behind an early answer gets no second one', async () => {
    const client = await rawClient(gateway.port)
    client.write(`${chunked('POST /hasty/x')}3\r\nabc\r\n`)
    await client.until(/early$/)

    client.write('zz\r\n')

    expect((await client.closed()).match(/HTTP\/1.1/g)).toHaveLength(1)
  })
})

describe('F6: chunk extensions', () => {
  const body = (count: number, bytes: number) => `${`1;${'e'.repeat(bytes)}\r\nx\r\n`.repeat(count)}0\r\n\r\n`

  it('go no further, and do no harm to the content', async () => {
    const seen = patient.requests.length
    const client = await rawClient(gateway.port)
    client.write(chunked('POST /v1/x') + body(15, 1_000))

    await client.until(/whole$/)
    const request = await patient.received(seen + 1)

    expect(request.body.toString()).not.toContain('e')
    expect(request.body.toString().replace(/[\da-f]+\r\n|\r\n/g, '')).toBe('x'.repeat(15))
    client.socket.destroy()
  })

  it.each([
    ['in one chunk', 1, 20_000],
    ['over all of the body', 400, 1_000],
  ])('of more than 16 KB %s are refused', async (_, count, bytes) => {
    const whole = complete()
    const client = await rawClient(gateway.port)

    client.write(chunked('POST /v1/x') + body(count, bytes))

    expect(codeOf(await client.closed())).toBe('framing-invalid')
    expect(complete()).toBe(whole)
  })

  it('are not seen where thousands of small chunks come at once', async () => {
    const client = await rawClient(gateway.port)

    client.write(chunked('POST /v1/x') + body(20_000, 0).replaceAll(';', ''))

    expect(await client.until(/whole$/)).toMatch(/^HTTP\/1.1 200/)
    client.socket.destroy()
  })
})

describe('F9: a body on a method that gives it no meaning', () => {
  it.each(['GET', 'DELETE', 'OPTIONS'])('goes on with right framing: %s', async (method) => {
    const seen = patient.requests.length
    const client = await rawClient(gateway.port)
    client.write(`${head(`${method} /v1/x`, 'Content-Length: 3')}abc`)

    await client.until(/whole$/)

    expect((await patient.received(seen + 1)).body.toString()).toBe('abc')
    client.socket.destroy()
  })

  it('is refused where the route says so', async () => {
    const seen = patient.requests.length
    const client = await rawClient(gateway.port)
    client.write(`${head('DELETE /meaning/x', 'Content-Length: 3')}abc`)

    expect(await client.until(/body-invalid/)).toMatch(/^HTTP\/1.1 400/)
    expect(patient.requests.length).toBe(seen)
    client.socket.destroy()
  })
})

describe('F10: an answer that comes before the upload has ended', () => {
  it('is relayed at once, and a short rest does not cost the connection', async () => {
    const client = await rawClient(gateway.port)
    client.write(`${head('POST /hasty/x', 'Content-Length: 50000')}abc`)
    await client.until(/early$/)

    client.write('x'.repeat(49_997))
    client.write(head('GET /v1/next', 'X: y'))

    expect(await client.until(/whole$/)).toMatch(/early[\s\S]*whole/)
    client.socket.destroy()
  })

  it('reaches a client whose upload is longer than what is still read, and then the connection ends', async () => {
    const client = await rawClient(gateway.port)
    client.write(head('POST /secret/x', 'Content-Length: 50000000'))
    const piece = 'x'.repeat(1_000_000)
    for (let left = 20; left > 0; left--) client.write(piece)

    const answer = await client.closed()

    expect(answer).toMatch(/^HTTP\/1.1 401 [\s\S]*connection: close[\s\S]*token-missing/i)
    client.socket.destroy()
  })

  it('ends the connection when the rest does not come', async () => {
    const client = await rawClient(gateway.port)
    client.write(`${chunked('POST /hasty/x')}3\r\nabc\r\n`)

    expect(await client.closed(3_000)).toMatch(/early/)
    client.socket.destroy()
  })
})

describe('C6: a client that sends its body slowly', () => {
  it('and then not at all is told so when the time of the route is over, and its service is left', async () => {
    const seen = patient.requests.length
    const client = await rawClient(gateway.port)
    client.write(`${head('POST /impatient/x', 'Content-Length: 1000')}abc`)
    const request = await patient.received(seen + 1)

    expect(codeOf(await client.closed(3_000))).toBe('client-too-slow')

    await eventually(() => request.aborted)
  })

  it('a byte at a time is told so after the window, though it is never idle', async () => {
    const client = await rawClient(gateway.port)
    client.write(`${head('POST /v1/x', 'Content-Length: 1000')}abc`)
    const trickle = setInterval(() => client.write('x'), 50)

    expect(await client.closed(4_000)).toMatch(/^HTTP\/1.1 408 [\s\S]*client-too-slow/)

    clearInterval(trickle)
  })

  it('but fast enough is served, though it takes longer than any of these times', async () => {
    const client = await rawClient(gateway.port)
    client.write(head('POST /v1/x', 'Content-Length: 6000'))
    let left = 60
    const steady = setInterval(() => left-- > 0 && client.write('x'.repeat(100)), 40)

    expect(await client.until(/whole$/, 10_000)).toMatch(/^HTTP\/1.1 200/)

    clearInterval(steady)
    client.socket.destroy()
  })

  it('or its head is told so', async () => {
    const client = await rawClient(gateway.port)
    client.write('GET /v1/x HTTP/1.1\r\nHost: api')
    const trickle = setInterval(() => client.write('x'), 50)

    expect(await client.closed(6_000)).toMatch(/^HTTP\/1.1 408 [\s\S]*client-too-slow/)

    clearInterval(trickle)
  })
})

describe('C8: a body above the limit of its route', () => {
  it('is refused by its length, and never comes to the service', async () => {
    const seen = patient.requests.length
    const client = await rawClient(gateway.port)
    client.write(head('POST /small/x', 'Content-Length: 1001'))

    expect(await client.until(/body-too-large/)).toMatch(/^HTTP\/1.1 413/)
    expect(patient.requests.length).toBe(seen)
    client.socket.destroy()
  })

  it('is refused while it streams, and is broken off at the service', async () => {
    const seen = patient.requests.length
    const client = await rawClient(gateway.port)
    client.write(`${chunked('POST /small/x')}200\r\n${'x'.repeat(512)}\r\n`)
    const request = await patient.received(seen + 1)

    client.write(`200\r\n${'x'.repeat(512)}\r\n`)

    expect(await client.until(/body-too-large/)).toMatch(/^HTTP\/1.1 413/)
    await eventually(() => request.aborted)
    expect(request.complete).toBe(false)
    client.socket.destroy()
  })
})

describe('H9: a client that waits for 100 Continue', () => {
  const waits = 'Content-Length: 3\r\nExpect: 100-continue'

  it('is told to go on when its body is wanted, and the service hears nothing of it', async () => {
    const seen = patient.requests.length
    const client = await rawClient(gateway.port)
    client.write(head('POST /v1/x', waits))
    await client.until(/^HTTP\/1.1 100 Continue\r\n\r\n/)

    client.write('abc')

    await client.until(/200 OK[\s\S]*whole$/)
    expect((await patient.received(seen + 1)).head).not.toMatch(/expect/i)
    client.socket.destroy()
  })

  it.each([
    ['/secret/x', '401'],
    ['/small/x', '413'],
  ])('is refused without an upload: %s', async (target, status) => {
    const client = await rawClient(gateway.port)
    client.write(head(`POST ${target}`, waits.replace('3', '3000')))

    expect(await client.closed()).toMatch(new RegExp(`^HTTP/1.1 ${status}`))
    client.socket.destroy()
  })

  it('H10: is told nothing when it is an edge, which would take it for the answer', async () => {
    const request = { method: 'POST', host: 'api.example.com', target: '/v1/x' }
    const facts = { at: Date.now(), requestId: 'e', structure: 1, placements: 1, because: '', from: 'FRA', flags: [] }
    const mark = await writeMark('edge', facts, request, bed.rings['edge-gateway'])
    const client = await rawClient(gateway.port)
    client.write(`${head('POST /v1/x', `${waits}\r\nX-Tidegate-Edge: ${mark}`)}abc`)

    expect(await client.until(/whole$/)).toMatch(/^HTTP\/1.1 200/)
    client.socket.destroy()
  })
})
