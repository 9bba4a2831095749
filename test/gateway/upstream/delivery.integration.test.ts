import type { IncomingMessage, RequestListener } from 'node:http'
import { describe, expect, it } from 'vitest'
import type { RoutePolicy } from '#routes/policy.ts'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import { policy } from '../../support/tables.ts'
import { LeapingClock, openServiceBed, sayOk, startInstance } from './service-bed.ts'

const timeout = { connectMs: 300, firstByteMs: 300, totalMs: 1_000 }
const quick: RoutePolicy = { ...policy, timeout }
const withRetry = (retry: RoutePolicy['retry']) => ({ policy: { ...quick, ...(retry && { retry }) } })
const post = { method: 'POST', body: 'once' }
const breakOff: RequestListener = (message) => message.socket.resetAndDestroy()
const say =
  (status: number, headers: Record<string, string> = {}): RequestListener =>
  (message, response) => {
    message.resume()
    response.writeHead(status, headers).end('x')
  }
const silent: RequestListener = (message) => message.resume()

async function ask(url: string, init: RequestInit = {}): Promise<{ status: number; code: string | null }> {
  const answer = await fetch(`${url}/v1/x`, init)
  await answer.text()
  return { status: answer.status, code: answer.headers.get('x-code') }
}

async function many(count: number, url: string, init: RequestInit = {}) {
  const answers = []
  for (let at = 0; at < count; at++) answers.push(await ask(url, init))
  return answers
}

const attempts = (requests: readonly IncomingMessage[]) => requests.map((one) => one.headers['x-tidegate-attempt'])

describe('a request to a deployment of several instances', () => {
  it('is spread over them, and each is told its attempt and the time that is left', async () => {
    await using a = await startInstance(sayOk)
    await using b = await startInstance(sayOk)
    await using bed = await openServiceBed({ deployment: { url: a.url, more: [b.url] }, route: { policy: quick } })

    await many(20, bed.url)

    expect(a.requests.length + b.requests.length).toBe(20)
    expect(Math.min(a.requests.length, b.requests.length)).toBeGreaterThan(3)
    const { headers } = a.requests[0] as IncomingMessage
    expect(headers['x-tidegate-attempt']).toBe('0')
    expect(Number(headers['x-tidegate-deadline'])).toBeGreaterThan(900)
    expect(Number(headers['x-tidegate-deadline'])).toBeLessThanOrEqual(1_000)
  })

  it('C2: reaches another one when the first refuses the connection, a POST too, since nothing was sent', async () => {
    await using a = await startInstance(sayOk)
    const dead = `http://127.0.0.1:${await freePort()}`
    await using bed = await openServiceBed({ deployment: { url: dead, more: [a.url] } })

    const answers = [...(await many(3, bed.url, post)), ...(await many(3, bed.url))]

    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(attempts(a.requests)).toContain('1')
    expect(await bed.metrics()).toMatch(/tidegate_upstream_retries_total [1-6]/)
  })

  it('is sent again after a reset if it may be executed twice, and a POST is not', async () => {
    await using a = await startInstance(breakOff)
    await using b = await startInstance(sayOk)
    await using bed = await openServiceBed({
      deployment: { url: a.url, more: [b.url] },
      settings: { ejection: false, breaker: false, retryBudget: false },
    })

    const gets = await many(10, bed.url)
    const posts = await many(20, bed.url, post)

    expect(gets.every(({ status }) => status === 200)).toBe(true)
    const failed = posts.filter(({ code }) => code === 'upstream-reset').length
    expect(failed).toBeGreaterThan(0)
    // Each POST reached one instance, once.
    const seen = [...a.requests, ...b.requests].filter(({ method }) => method === 'POST')
    expect(seen).toHaveLength(20)
  })

  it('is sent again for a 503 only where the route asks for it, after the seconds that the answer names', async () => {
    await using a = await startInstance(say(503, { 'retry-after': '1' }))
    await using b = await startInstance(sayOk)
    const deployment = { url: a.url, more: [b.url] }
    await using plain = await openServiceBed({ deployment, settings: { ejection: false, breaker: false } })
    await using asked = await openServiceBed({
      deployment,
      route: { policy: { ...policy, retry: { on: [503] } } },
      settings: { ejection: false, breaker: false },
    })

    const without = await many(10, plain.url)
    const started = performance.now()
    await eventually(async () => {
      await ask(asked.url)
      return asked.last().attempt === 1
    })

    expect(without.some(({ status }) => status === 503)).toBe(true)
    expect(performance.now() - started).toBeGreaterThan(990)
  })

  it('is never sent twice when it was tried before us, was forwarded, or might be read as another route', async () => {
    await using a = await startInstance(breakOff)
    await using b = await startInstance(breakOff)
    const earlier = [{ markKind: 'hop' }, { readings: [{}] }, { attempt: 1 }, { mark: { flags: [] } }]
    for (const facts of earlier) {
      const seen = a.requests.length + b.requests.length
      await using bed = await openServiceBed({
        deployment: { url: a.url, more: [b.url] },
        prepare: (x) => void Object.assign(x, facts),
      })

      await ask(bed.url, { headers: { 'x-tidegate-attempt': '1' } })

      expect(a.requests.length + b.requests.length).toBe(seen + 1)
    }
  })

  it('keeps a client at one instance where it is balanced by key, until that one is left out', async () => {
    await using a = await startInstance(sayOk)
    await using b = await startInstance(sayOk)
    await using c = await startInstance(sayOk)
    const instances = [a, b, c]
    await using bed = await openServiceBed({ deployment: { url: a.url, more: [b.url, c.url], balance: 'hash' } })
    const headers = { 'x-device-id': 'device-1' }

    await many(10, bed.url, { headers })
    const home = instances.find(({ requests }) => requests.length === 10)
    const id = bed.status().endpoints.find((one) => home?.url.endsWith(one.id.split('@')[1] ?? '-'))?.id ?? ''
    const [deployment] = bed.deployments.all
    const endpoint = deployment?.endpoints.find((one) => id.endsWith(one.id))
    if (endpoint !== undefined) deployment?.eject(endpoint, performance.now(), 10_000)
    await many(10, bed.url, { headers })

    expect(home).toBeDefined()
    expect(home?.requests).toHaveLength(10)
    expect(instances.map(({ requests }) => requests.length).toSorted((x, y) => x - y)).toEqual([0, 10, 10])
  })
})

describe('an instance that fails', () => {
  it('is left out after 5 failures, and comes back by one probe, slowly', async () => {
    const clock = new LeapingClock()
    let broken = true
    await using a = await startInstance((message, response) =>
      broken ? say(503)(message, response) : sayOk(message, response),
    )
    await using b = await startInstance(sayOk)
    await using bed = await openServiceBed({
      deployment: { url: a.url, more: [b.url] },
      settings: { breaker: false },
      clock,
    })

    await many(40, bed.url)
    const out = bed.status().endpoints[0]
    const seen = a.requests.length
    const answers = await many(10, bed.url)
    broken = false
    clock.leap(30_001)
    await eventually(async () => {
      await ask(bed.url)
      return bed.status().endpoints[0]?.state === 'up'
    })

    expect(out).toMatchObject({ state: 'out', ejections: 1 })
    expect(seen).toBe(5)
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(bed.status().endpoints[0]?.weight).toBeLessThan(1)
    expect(await bed.metrics()).toContain('tidegate_upstream_ejections_total{deployment="orders"} 1')
  })

  it('is used all the same when it is the only one, or when more than half would be out', async () => {
    await using a = await startInstance(say(503))
    await using alone = await openServiceBed({ deployment: { url: a.url }, settings: { breaker: false } })
    await using b = await startInstance(say(503))
    await using c = await startInstance(say(503))
    await using three = await openServiceBed({
      deployment: { url: a.url, more: [b.url, c.url] },
      settings: { breaker: false },
    })

    const answers = [...(await many(10, alone.url)), ...(await many(40, three.url))]

    expect(answers.every(({ status }) => status === 503)).toBe(true)
    expect(alone.status().endpoints[0]?.state).toBe('up')
    expect(three.status().endpoints.filter(({ state }) => state === 'out')).toHaveLength(1)
  })
})

describe('a deployment that fails', () => {
  it('is left alone by the breaker: 503 breaker-open with Retry-After, then probes, then all again', async () => {
    const clock = new LeapingClock()
    let broken = true
    await using a = await startInstance((message, response) =>
      broken ? say(502)(message, response) : sayOk(message, response),
    )
    await using bed = await openServiceBed({ deployment: { url: a.url }, clock })

    const failing = await many(20, bed.url)
    const refused = await fetch(bed.url)
    broken = false
    clock.leap(5_000)
    const probes = await many(3, bed.url)

    expect(failing.map(({ status }) => status)).toEqual(Array(20).fill(502))
    expect(refused.headers.get('x-code')).toBe('breaker-open')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3)
    expect(a.requests).toHaveLength(23)
    expect(probes.every(({ status }) => status === 200)).toBe(true)
    expect(bed.status().breaker).toBe('closed')
  })

  it('does not open the breaker by its 4xx and 500, nor by clients that leave', async () => {
    await using a = await startInstance(say(404))
    await using b = await startInstance(silent)
    await using refusing = await openServiceBed({ deployment: { url: a.url } })
    await using slow = await openServiceBed({ deployment: { url: b.url } })

    await many(30, refusing.url)
    const left = Array.from({ length: 30 }, () =>
      fetch(slow.url, { signal: AbortSignal.timeout(200) }).catch(() => 'left'),
    )

    expect(await Promise.all(left)).toEqual(Array(30).fill('left'))
    await eventually(() => slow.status().inFlight === 0)
    expect([refusing.status().breaker, slow.status().breaker]).toEqual(['closed', 'closed'])
  })

  it('gets at most 1.2 times its load in a total outage, and its POSTs once', async () => {
    await using a = await startInstance(breakOff)
    await using b = await startInstance(breakOff)
    const deployment = { url: a.url, more: [b.url] }
    const settings = { breaker: false, ejection: false }
    await using bed = await openServiceBed({ deployment, settings })
    await using boundless = await openServiceBed({ deployment, settings: { ...settings, retryBudget: false } })
    const seen = () => a.requests.length + b.requests.length

    await many(200, bed.url)
    const gets = seen()
    await many(50, bed.url, post)
    const posts = seen() - gets
    await many(100, boundless.url)

    expect(gets / 200).toBeLessThanOrEqual(1.2)
    expect(gets).toBeGreaterThan(200)
    expect(posts).toBe(50)
    // Without its budget each one is sent twice.
    expect(seen() - gets - posts).toBe(200)
    expect(bed.status().retries.amplification).toBeLessThanOrEqual(1.2)
  })

  it('C2: answers 504 by the time-out that was meant, and never tries again for one', async () => {
    await using a = await startInstance(silent)
    await using b = await startInstance(silent)
    await using bed = await openServiceBed({ deployment: { url: a.url, more: [b.url] }, route: withRetry(undefined) })

    const answer = await ask(bed.url)

    expect(answer).toEqual({ status: 504, code: 'first-byte-timeout' })
    expect(a.requests.length + b.requests.length).toBe(1)
  })

  it('is asked no longer than a program in front of us wants to wait, and is not blamed for that', async () => {
    await using a = await startInstance(silent)
    await using bed = await openServiceBed({
      deployment: { url: a.url },
      prepare: (x) => {
        x.deadlineMs = performance.now() + 100
      },
    })

    const answers = await many(20, bed.url)

    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['total-timeout']))
    expect(Number(a.requests[0]?.headers['x-tidegate-deadline'])).toBeLessThanOrEqual(100)
    expect(bed.status().breaker).toBe('closed')
  })

  it('refuses more than it may have under way with 503 overloaded', async () => {
    await using a = await startInstance(silent)
    await using bed = await openServiceBed({ deployment: { url: a.url, maxInFlight: 2 }, route: withRetry(undefined) })

    const answers = await Promise.all([ask(bed.url), ask(bed.url), ask(bed.url)])

    expect(answers.filter(({ code }) => code === 'overloaded')).toHaveLength(1)
    expect(bed.status().inFlight).toBe(0)
  })

  it('C5: answers what is under way after a table dropped it, and closes its connections then', async () => {
    let answer: (() => void) | undefined
    await using a = await startInstance((_, response) => {
      answer = () => response.end('late')
    })
    await using b = await startInstance(sayOk)
    await using bed = await openServiceBed({ deployment: { url: a.url } })

    const under = fetch(bed.url).then((response) => response.text())
    await eventually(() => answer)
    await bed.follow({ url: b.url })
    const next = await ask(bed.url)
    answer?.()

    expect(next.status).toBe(200)
    expect(b.requests).toHaveLength(1)
    expect(await under).toBe('late')
    await eventually(() => new Promise((resolve) => a.server.getConnections((_, count) => resolve(count === 0))))
  })
})
