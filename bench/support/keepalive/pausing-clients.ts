import { setTimeout as wait } from 'node:timers/promises'
import { Pool } from 'undici'
import { seededRandom } from '#server-kit/random.ts'

export interface Sent {
  readonly requests: number
  /** Answered otherwise than with 200, or not at all. */
  readonly errors: { readonly get: number; readonly post: number }
  /** Their codes, and how often. */
  readonly codes: ReadonlyMap<string, number>
  /** Sorted, ms. */
  readonly latencies: Float64Array
}

export interface ClientsOptions {
  readonly url: string
  readonly requests: number
  readonly clients: number
  readonly seed: number
  /** A client mostly goes on within 50 ms; this share of its pauses is up to `pauseMs`. */
  readonly long: number
  readonly pauseMs: number
}

/** Clients that ask, wait and ask again, GET and POST in turn, each request with a path of its own. */
export async function pausingClients(options: ClientsOptions): Promise<Sent> {
  const { url, requests, clients, seed, long, pauseMs } = options
  const random = seededRandom(seed)
  const pool = new Pool(url, { connections: clients, pipelining: 1, keepAliveTimeout: 300_000 })
  const latencies = new Float64Array(requests)
  const errors = { get: 0, post: 0 }
  const codes = new Map<string, number>()
  let next = 0

  const client = async (): Promise<void> => {
    while (next < requests) {
      const number = next++
      const isPost = number % 2 === 1
      const begun = performance.now()
      const code = await ask(pool, number, isPost)
      if (code !== undefined) {
        errors[isPost ? 'post' : 'get']++
        codes.set(code, (codes.get(code) ?? 0) + 1)
      }
      latencies[number] = performance.now() - begun
      await wait(random.next() < long ? random.next() * pauseMs : random.next() * 50)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  await pool.destroy()
  return { requests, errors, codes, latencies: latencies.sort() }
}

/** Undefined: answered as it should be. */
async function ask(pool: Pool, number: number, isPost: boolean): Promise<string | undefined> {
  try {
    const answer = await pool.request({
      method: isPost ? 'POST' : 'GET',
      path: `/v1/${number}`,
      headers: { host: 'api.example.com' },
      body: isPost ? 'written once' : null,
    })
    const text = await answer.body.text()
    if (answer.statusCode === 200 && text === 'done') return undefined
    return /"code":"([a-z-]+)"/.exec(text)?.[1] ?? String(answer.statusCode)
  } catch (cause) {
    // No answer is what is counted here.
    return cause instanceof Error ? cause.message : String(cause)
  }
}
