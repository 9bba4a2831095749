import { Pool } from 'undici'
import type { ServiceFacts } from '#routes/structure.ts'
import type { Table } from '#routes/table.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Background } from '#server-kit/background.ts'
import { problems } from '../errors.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import { type Certificates, tlsOptions } from '../upstream/upstream-tls.ts'

/** What a copy's answer is compared by. */
export interface ShadowAnswer {
  readonly status: number
  /** Content-Length, else the bytes that came. */
  readonly length: number
}

export interface ShadowCopy {
  readonly method: 'GET' | 'HEAD'
  readonly path: string
  readonly headers: HeaderPairs
}

/** A copy takes no more of anything than this: what is longer or later is not compared. */
const shadowLimits = { answerBytes: 1024 * 1024, answerMs: 10_000, connectMs: 1_000 } as const

interface Held {
  readonly pool: Pool
  readonly prefix: string
}

/** Connections to the services of other sites that get copies; apart from those that serve clients. */
export class ShadowServices {
  readonly #certificates: Certificates
  readonly #background: Background
  readonly #held = new Map<string, Held>()

  constructor(certificates: Certificates, background: Background) {
    this.#certificates = certificates
    this.#background = background
  }

  /** Rejects for whatever keeps the answer from being read to its end, or when it is not wholly there in time. */
  async ask(service: ServiceFacts, to: Site, copy: ShadowCopy): Promise<ShadowAnswer> {
    const { pool, prefix } = this.#of(service, to)
    const { statusCode, headers, body } = await pool.request({
      method: copy.method,
      path: prefix + copy.path,
      headers: copy.headers,
      signal: AbortSignal.timeout(shadowLimits.answerMs),
    })
    let bytes = 0
    for await (const chunk of body) {
      bytes += (chunk as Buffer).length
      // Enough to compare; the rest is not worth its way. Leaving the loop closes the connection.
      if (bytes > shadowLimits.answerBytes) break
    }
    const told = Number(headers['content-length'])
    return { status: statusCode, length: Number.isNaN(told) ? bytes : told }
  }

  /** Closes what the table no longer copies to. */
  retain(table: Table): void {
    const used = new Set<string>()
    const targets = new Set(table.placements.value.placements.flatMap(({ shadow }) => shadow?.to ?? []))
    for (const service of table.structure.value.services) {
      for (const to of targets) {
        const key = keyOf(service, to)
        if (key !== undefined) used.add(key)
      }
    }
    for (const [key, { pool }] of this.#held) {
      if (used.has(key)) continue
      this.#held.delete(key)
      this.#background.run('close the connections of ended copies', pool.close())
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#held.values()].map(({ pool }) => pool.destroy()))
    this.#held.clear()
  }

  #of(service: ServiceFacts, to: Site): Held {
    const facts = service.deployments.find(({ site }) => site === to)
    if (facts === undefined) throw problems['no-endpoint']({ unit: service.id, site: to })
    const key = keyOf(service, to) as string
    let held = this.#held.get(key)
    if (held === undefined) {
      const { origin, pathname } = new URL(facts.url)
      const tls = tlsOptions(facts, this.#certificates)
      const pool = new Pool(origin, {
        // As many as there are copies, which have a limit: one that waits for its turn would be a queue.
        connections: null,
        pipelining: 1,
        keepAliveTimeout: 4_000,
        keepAliveMaxTimeout: 4_000,
        headersTimeout: shadowLimits.answerMs,
        bodyTimeout: shadowLimits.answerMs,
        connect: { ...tls, timeout: shadowLimits.connectMs },
      })
      held = { pool, prefix: pathname.replace(/\/$/, '') }
      this.#held.set(key, held)
    }
    return held
  }
}

function keyOf(service: ServiceFacts, to: Site): string | undefined {
  const facts = service.deployments.find(({ site }) => site === to)
  return facts && JSON.stringify([facts.url, facts.tls ?? null])
}
