import type { Stamp } from './cache-store.ts'
import { MetaConnection } from './meta-connection.ts'
import { metaDelete, metaGet, metaSet, metaTouch, type SetFlags, type Wanted } from './meta-protocol.ts'
import { type NodeDependencies, NodeLink } from './node-link.ts'
import type { NodeAddress, Reply, StoreNode } from './store-node.ts'

/** For connecting and the probe together, ms; with TLS there are more trips, and keys to be reckoned. */
const connectDeadlineMs = { plain: 50, tls: 250 }

/** A memcached node that is spoken to by the meta protocol, over one pipelined connection. */
export class MetaNode implements StoreNode {
  readonly tellsTtl = true
  readonly address: NodeAddress
  readonly #link: NodeLink<MetaConnection>
  #opaque = 0

  constructor(address: NodeAddress, dependencies: NodeDependencies) {
    this.address = address
    const { clock, access = {} } = dependencies
    const deadlineMs = access.tls === undefined ? connectDeadlineMs.plain : connectDeadlineMs.tls
    const options = { ...address, clock, access, connectDeadlineMs: deadlineMs }
    this.#link = new NodeLink(address, dependencies, (owner) => new MetaConnection(options, owner))
  }

  get(key: string, wanted: Wanted, deadlineMs: number): Promise<Reply> {
    const opaque = this.#nextOpaque()
    return this.#submit(opaque, metaGet(key, wanted, opaque), undefined, undefined, deadlineMs)
  }

  set(key: string, head: Buffer, body: Buffer, flags: SetFlags, deadlineMs: number): Promise<Reply> {
    const opaque = this.#nextOpaque()
    return this.#submit(opaque, metaSet(key, head.length + body.length, flags, opaque), head, body, deadlineMs)
  }

  delete(key: string, cas: string | undefined, deadlineMs: number): Promise<Reply> {
    const opaque = this.#nextOpaque()
    return this.#submit(opaque, metaDelete(key, cas, opaque), undefined, undefined, deadlineMs)
  }

  touch(key: string, ttlSeconds: number, deadlineMs: number): Promise<Reply> {
    const opaque = this.#nextOpaque()
    return this.#submit(opaque, metaTouch(key, ttlSeconds, opaque), undefined, undefined, deadlineMs)
  }

  get isUp(): boolean {
    return this.#link.isUp
  }

  get opened(): Promise<void> {
    return this.#link.opened
  }

  get startedAtMs(): number | undefined {
    return this.#link.startedAtMs
  }

  get connectedAt(): Stamp | undefined {
    return this.#link.connectedAt
  }

  get flushes(): number {
    return this.#link.flushes
  }

  get itemSizeMax(): number {
    return this.#link.itemSizeMax
  }

  get tellsCas(): boolean {
    return this.#link.tellsCas
  }

  close(): void {
    this.#link.close()
  }

  #nextOpaque(): number {
    this.#opaque = (this.#opaque + 1) >>> 0
    return this.#opaque
  }

  #submit(
    opaque: number,
    line: string,
    head: Buffer | undefined,
    body: Buffer | undefined,
    deadlineMs: number,
  ): Promise<Reply> {
    const bytes = line.length + (head === undefined || body === undefined ? 0 : head.length + body.length + 2)
    return this.#link.submit(deadlineMs, (connection, deadlineAt, settle) => {
      connection.submit({ opaque, line, head, body, bytes, deadlineAt, settle })
    })
  }
}
