import { createHash } from 'node:crypto'
import { fnv1a } from './fnv.ts'
import { MetaNode, type NodeAddress, type NodeDependencies } from './meta-node.ts'

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
  readonly nodes: readonly MetaNode[]
  readonly #choose: Choose

  constructor(nodes: readonly PoolNode[], ring: Ring, dependencies: NodeDependencies) {
    this.nodes = nodes.map((node) => new MetaNode(node, dependencies))
    this.#choose = nodes.length === 1 ? () => 0 : ring === 'ketama' ? ketama(nodes) : rendezvous(nodes)
  }

  /** `key`: the node key, one character a byte. */
  node(key: string): MetaNode {
    return this.nodes[this.#choose(key)] as MetaNode
  }

  close(): void {
    for (const node of this.nodes) node.close()
  }
}

const pointsPerNode = 160
/** libmemcached leaves the default port out of the name that it hashes. */
const defaultPort = 11211

/** The points of libmemcached's weighted ketama with MD5, which PHP's `OPT_LIBKETAMA_COMPATIBLE` and others use. */
export function ketama(nodes: readonly PoolNode[]): Choose {
  const total = nodes.reduce((sum, node) => sum + (node.weight ?? 1), 0)
  const points: { readonly at: number; readonly index: number }[] = []
  nodes.forEach(({ host, port, weight = 1 }, index) => {
    // Single precision, as libmemcached computes it: another rounding would give a node four points more.
    const share = Math.fround(weight / total)
    const hashes = Math.floor(Math.fround(((share * pointsPerNode) / 4) * nodes.length + 1e-10))
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
