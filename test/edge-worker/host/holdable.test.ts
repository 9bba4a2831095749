import { describe, expect, it } from 'vitest'
import { holdable } from '../../../edge-worker/host/holdable.ts'

const env = { TABLES_TOKEN: 'known' }
const context = { waitUntil: () => undefined }
const request = () => new Request('http://edge/')
const edge = () => holdable<typeof env, typeof context>({ fetch: () => new Response('served') })

/** The supervisor's question, and what ends its body. */
function question(authorization: string) {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const init = { method: 'POST', headers: { authorization }, body: readable, duplex: 'half' }
  return { asked: new Request('http://edge/', init as RequestInit), end: () => writable.close() }
}

describe('a worker that may be held', () => {
  it('passes each request on at once, as long as nobody holds it', async () => {
    expect(await edge().traffic.fetch(request(), env, context)).toBeInstanceOf(Response)
  })

  it('keeps requests in flight until the question of its supervisor ends, and serves them then', async () => {
    const { traffic, hold } = edge()
    const { asked, end } = question('Bearer known')
    expect((await hold.fetch(asked, env, context)).status).toBe(200)
    let served = false
    const answer = Promise.resolve(traffic.fetch(request(), env, context)).finally(() => {
      served = true
    })

    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(served).toBe(false)
    await end()

    expect(await (await answer).text()).toBe('served')
    expect(await traffic.fetch(request(), env, context)).toBeInstanceOf(Response)
  })

  it('keeps an answer that is ready meanwhile: its connection would be closed before the next request on it', async () => {
    const ready = Promise.withResolvers<Response>()
    const { traffic, hold } = holdable<typeof env, typeof context>({ fetch: () => ready.promise })
    const { asked, end } = question('Bearer known')
    let answered = false
    const answer = Promise.resolve(traffic.fetch(request(), env, context)).finally(() => {
      answered = true
    })
    await hold.fetch(asked, env, context)
    ready.resolve(new Response('served'))

    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(answered).toBe(false)
    await end()
    expect(await (await answer).text()).toBe('served')
  })

  it('does not wait for ever on a supervisor that forgot it', async () => {
    const { traffic, hold } = edge()
    await hold.fetch(question('Bearer known').asked, env, context)
    const before = performance.now()

    expect(await (await traffic.fetch(request(), env, context)).text()).toBe('served')
    expect(performance.now() - before).toBeGreaterThan(900)
  })

  it('is held by its supervisor alone', async () => {
    const { traffic, hold } = edge()

    for (const word of ['', 'Bearer ', 'Bearer other', 'known'])
      expect((await hold.fetch(question(word).asked, env, context)).status).toBe(401)
    const nobody = {} as typeof env
    expect((await hold.fetch(question('Bearer undefined').asked, nobody, context)).status).toBe(401)
    expect(await traffic.fetch(request(), env, context)).toBeInstanceOf(Response)
  })
})
