import { Pool } from 'undici'
import type { Table } from '#routes/table.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Background } from '#server-kit/background.ts'
import { problems } from '../errors.ts'

export interface PoolOptions {
  /** Connections to one deployment. */
  readonly connections: number
  /** Requests that may be under way or waiting for a connection, a deployment. */
  readonly inFlight: number
  /**
   * An idle connection is closed by us after so long, ms. It must be below the service's own limit, or a request meets a
   * connection that is just being closed; Node's servers close at 5 s.
   */
  readonly idleMs: number
}

/** Connections to one deployment, and how many requests are on them. */
export interface Deployment {
  readonly pool: Pool
  /** Path of the deployment's URL that goes before each target; mostly ''. */
  readonly prefix: string
  inFlight: number
}

/** One pool a deployment; closed, after its last answer, when the deployment leaves the table. */
export class DeploymentPools {
  readonly #options: PoolOptions
  readonly #background: Background
  readonly #pools = new Map<string, Deployment>()

  constructor(options: PoolOptions, background: Background) {
    this.#options = options
    this.#background = background
  }

  /** Throws `overloaded` when as many requests as may be are under way. A connect time-out of its own is a pool of its own. */
  get(url: string, connectMs: number): Deployment {
    const key = `${url} ${connectMs}`
    let deployment = this.#pools.get(key)
    if (deployment === undefined) {
      deployment = this.#open(url, connectMs)
      this.#pools.set(key, deployment)
    }
    if (deployment.inFlight >= this.#options.inFlight)
      throw problems['overloaded']({ what: 'a deployment', retryAfterS: 1 })
    return deployment
  }

  /** Closes what the table no longer names for this site. */
  retain(table: Table, site: Site): void {
    const urls = new Set<string>()
    for (const { deployments } of table.structure.value.services) {
      for (const deployment of deployments) if (deployment.site === site) urls.add(deployment.url)
    }
    for (const [key, { pool }] of this.#pools) {
      if (urls.has(key.slice(0, key.lastIndexOf(' ')))) continue
      this.#pools.delete(key)
      this.#background.run('close the connections of a removed deployment', pool.close())
    }
  }

  get size(): number {
    return this.#pools.size
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map(({ pool }) => pool.destroy()))
    this.#pools.clear()
  }

  #open(url: string, connectMs: number): Deployment {
    const { origin, pathname } = new URL(url)
    return { pool: openPool(origin, { ...this.#options, connectMs }), prefix: pathname.replace(/\/$/, ''), inFlight: 0 }
  }
}

/** Time-outs of a request are the caller's (`call.ts`): undici's own are exact to a second only. */
export function openPool(origin: string, options: { connections: number; idleMs: number; connectMs: number }): Pool {
  return new Pool(origin, {
    connections: options.connections,
    pipelining: 1,
    keepAliveTimeout: options.idleMs,
    keepAliveMaxTimeout: options.idleMs,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 64 * 1024,
    connect: { timeout: options.connectMs },
  })
}
