import { createHash } from 'node:crypto'
import { fnv1a } from './fnv.ts'
import type { NodeAddress, StoreNode } from './store-node.ts'

export interface PoolNode extends NodeAddress {
  /** Share of the keys relative to the other nodes; 1 by default. */
  readonly weight?: number
}

/** `ketama`: the node that existing clients of the same zone choose. `rendezvous`: the evener spread, when nobody else reads the zone. */
export type Ring = 'ketama' | 'rendezvous'

/** Index of the node that keeps a key. */
export type Choose = (key: string) => number

/**
 * The nodes of one zone. Each key has one node for as long as the configuration stands: a failed node is not left out
 * with a rehash, since its return would bring back old values. Its keys are misses until it answers.
 */
export class Pool {
  readonly #ring: Ring
  readonly #open: (address: NodeAddress) => StoreNode
  #nodes: readonly StoreNode[] = []
  #choose: Choose = () => 0

  constructor(nodes: readonly PoolNode[], ring: Ring, open: (address: NodeAddress) => StoreNode) {
    this.#ring = ring
    this.#open = open
    this.change(nodes)
  }

  get nodes(): readonly StoreNode[] {
    return this.#nodes
  }

  /** `key`: the node key, one character a byte. */
  node(key: string): StoreNode {
    return this.#nodes[this.#choose(key)] as StoreNode
  }

  /**
   * Other nodes from now on; those that stay keep their connection. A key that changes its node twice meets what it was
   * before: whoever calls this gives up all that the zone had before.
   */
  change(nodes: readonly PoolNode[]): void {
    const before = new Map(this.#nodes.map((node) => [nameOf(node.address), node]))
    this.#nodes = nodes.map((address) => before.get(nameOf(address)) ?? this.#open(address))
    this.#choose = nodes.length === 1 ? () => 0 : this.#ring === 'ketama' ? ketama(nodes) : rendezvous(nodes)
    const kept = new Set(this.#nodes)
    for (const node of before.values()) if (!kept.has(node)) node.close()
  }

  /** Who keeps `key`, for people. */
  nameOf(key: string): string {
    return nameOf(this.node(key).address)
  }

  get isUp(): boolean {
    return this.#nodes.every((node) => node.isUp)
  }

  /** Resolves when each node was connected once, or is closed. */
  async opened(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.opened))
  }

  close(): void {
    for (const node of this.#nodes) node.close()
  }
}

const nameOf = ({ host, port }: NodeAddress): string => `${host}:${port}`

const pointsPerNode = 160
/** libmemcached leaves the default port out of the name that it hashes. */
const defaultPort = 11211

/** The points of libmemcached's weighted ketama with MD5, which PHP's `OPT_LIBKETAMA_COMPATIBLE` and others use. */
export function ketama(nodes: readonly PoolNode[]): Choose {
  const total = nodes.reduce((sum, node) => sum + (node.weight ?? 1), 0)
  const points: { readonly at: number; readonly index: number }[] = []
  nodes.forEach(({ host, port, weight = 1 }, index) => {
    // Single precision at each step, as libmemcached computes it: rounded otherwise, a node would have four points more.
    const share = Math.fround(Math.fround(weight / total) * pointsPerNode)
    const hashes = Math.floor(Math.fround(Math.fround((share / 4) * nodes.length) + 1e-10))
    const name = port === defaultPort ? host : `${host}:${port}`
    for (let n = 0; n < hashes; n++) {
      const hash = md5(`${name}-${n}`)
      for (let part = 0; part < 16; part += 4) points.push({ at: hash.readUInt32LE(part), index })
    }
  })
  points.sort((a, b) => a.at - b.at || a.index - b.index)
  const ats = Uint32Array.from(points, ({ at }) => at)

  return (key) => {
    const hash = md5(key).readUInt32LE(0)
    let low = 0
    let high = ats.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((ats[middle] as number) < hash) low = middle + 1
      else high = middle
    }
    return points[low === ats.length ? 0 : low]?.index ?? 0
  }
}

const md5 = (latin1: string): Buffer => createHash('md5').update(latin1, 'latin1').digest()

/** Each node draws a number for the key, the lowest wins: a node that leaves takes only its own keys along. */
export function rendezvous(nodes: readonly PoolNode[]): Choose {
  const seeds = nodes.map(({ host, port }) => fnv1a(`${host}:${port}`))
  const weights = nodes.map(({ weight = 1 }) => weight)
  return (key) => {
    const hash = fnv1a(key)
    let best = 0
    let bestDraw = Number.POSITIVE_INFINITY
    for (let i = 0; i < seeds.length; i++) {
      // Exponential draws: the lowest of them falls to a node in proportion to its weight.
      const uniform = (avalanche(hash ^ (seeds[i] as number)) + 1) / 2 ** 32
      const draw = -Math.log(uniform) / (weights[i] as number)
      if (draw < bestDraw) {
        best = i
        bestDraw = draw
      }
    }
    return best
  }
}

/** Finalizer of MurmurHash3, 32 bits. */
function avalanche(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
