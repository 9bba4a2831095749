import { Pool } from 'undici'
import { signCall } from '#routes/call.ts'
import { headers } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Random } from '#server-kit/random.ts'
import { problems } from '../errors.ts'

export interface ControlPlaneCallsOptions {
  readonly url: string
  /** As it is now: keys change while the process runs. */
  readonly ring: () => KeyRing | undefined
  readonly clock: Clock
  readonly random: Random
}

/** For one call, ms; streams only for their head. */
const deadlineMs = 2_000
const answerLimitBytes = 64 * 1024

/**
 * Signed calls to the control plane, each with a deadline. Throws `control-plane-away` for whatever is not a 2xx in
 * time, and `gateway-removed` when this process was declared gone.
 */
export class ControlPlaneCalls {
  readonly #options: ControlPlaneCallsOptions
  readonly #pool: Pool

  constructor(options: ControlPlaneCallsOptions) {
    this.#options = options
    this.#pool = new Pool(new URL(options.url).origin, { connections: 4, connect: { timeout: 1_000 }, bodyTimeout: 0 })
  }

  /** A small JSON exchange; undefined where the answer has no body. */
  async send(method: 'PUT' | 'POST' | 'DELETE', target: string, value?: unknown): Promise<unknown> {
    const body = value === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(value))
    const answer = await this.#request(method, target, body, AbortSignal.timeout(deadlineMs))
    const text = await answer.body.text()
    if (text === '' || text.length > answerLimitBytes) return undefined
    return JSON.parse(text)
  }

  /** An event stream, until `signal`; its head comes within the deadline. */
  async stream(target: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const head = new AbortController()
    const timer = setTimeout(() => head.abort(), deadlineMs)
    try {
      const answer = await this.#request('GET', target, Buffer.alloc(0), AbortSignal.any([signal, head.signal]))
      return answer.body
    } finally {
      clearTimeout(timer)
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }

  async #request(method: 'GET' | 'PUT' | 'POST' | 'DELETE', target: string, body: Buffer, signal: AbortSignal) {
    const { ring, clock, random } = this.#options
    const call = { method, target, body, audience: 'control-plane' }
    try {
      const keys = ring()
      if (keys === undefined) throw problems['control-plane-away']({ because: 'there is no key to sign calls with' })
      const signature = await signCall(call, keys, clock.now(), random.id())
      const answer = await this.#pool.request({
        method,
        path: target,
        headers: { [headers.call]: signature, ...(body.length === 0 ? {} : { 'content-type': 'application/json' }) },
        body: body.length === 0 ? null : body,
        signal,
      })
      if (answer.statusCode >= 200 && answer.statusCode < 300) return answer
      const said = (await answer.body.text()).slice(0, 200)
      if (answer.statusCode === 410) throw problems['gateway-removed']({ said })
      throw problems['control-plane-away']({
        because: `${method} ${target} was answered ${answer.statusCode}: ${said}`,
      })
    } catch (cause) {
      if (cause instanceof Error && cause.name === 'Problem') throw cause
      throw problems['control-plane-away']({ because: cause instanceof Error ? cause.message : String(cause), cause })
    }
  }
}
