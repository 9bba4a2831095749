import type { Response } from 'memjs'
import type { Stamp } from './cache-store.ts'
import { type BinaryRequest, MemjsConnection } from './memjs-connection.ts'
import type { Answer, SetFlags, Wanted } from './meta-protocol.ts'
import { type NodeDependencies, NodeLink } from './node-link.ts'
import type { NodeAddress, Reply, StoreNode } from './store-node.ts'

/** For connecting, SASL and the first questions together, ms: such services are often a network away. */
const connectDeadlineMs = 250
const opcodes = { get: 0x00, set: 0x01, add: 0x02, replace: 0x03, delete: 0x04, touch: 0x1c } as const
const status = { ok: 0, notFound: 1, exists: 2, notStored: 5 } as const
const empty = Buffer.alloc(0)
const bare: Answer = {
  code: 'HD',
  opaque: -1,
  ttlSeconds: -1,
  cas: '',
  flags: 0,
  readBefore: false,
  idleSeconds: -1,
  value: undefined,
  text: '',
}

/**
 * Driver `memjs:`: a node that speaks the binary protocol alone, by memjs. It does what any other does, compare-and-swap
 * too; only the time that a value has left it cannot tell, so the value says it itself.
 */
export class MemjsNode implements StoreNode {
  readonly tellsTtl = false
  readonly tellsCas = true
  readonly address: NodeAddress
  readonly #link: NodeLink<MemjsConnection>

  constructor(address: NodeAddress, dependencies: NodeDependencies) {
    this.address = address
    const { clock, access } = dependencies
    const options = { ...address, clock, login: access?.login, connectDeadlineMs }
    this.#link = new NodeLink(address, dependencies, (owner) => new MemjsConnection(options, owner))
  }

  get(key: string, wanted: Wanted, deadlineMs: number): Promise<Reply> {
    const read = wanted.startsWith('v') ? readValue : readHead
    return this.#submit({ opcode: opcodes.get, key, extras: empty, value: empty, read }, deadlineMs)
  }

  set(key: string, head: Buffer, body: Buffer, set: SetFlags, deadlineMs: number): Promise<Reply> {
    const { ttlSeconds, flags, guard } = set
    const extras = Buffer.allocUnsafe(8)
    extras.writeUInt32BE(flags, 0)
    extras.writeUInt32BE(ttlSeconds, 4)
    const value = head.length === 0 ? body : Buffer.concat([head, body])
    const opcode = guard === 'absent' ? opcodes.add : guard === 'present' ? opcodes.replace : opcodes.set
    const cas = typeof guard === 'object' ? { cas: casBytes(guard.cas) } : {}
    const read = typeof guard === 'object' ? readSwapped : readStored
    return this.#submit({ opcode, key, extras, value, ...cas, read }, deadlineMs)
  }

  delete(key: string, cas: string | undefined, deadlineMs: number): Promise<Reply> {
    const guard = cas === undefined ? {} : { cas: casBytes(cas) }
    const request = { opcode: opcodes.delete, key, extras: empty, value: empty, ...guard, read: readSwapped }
    return this.#submit(request, deadlineMs)
  }

  touch(key: string, ttlSeconds: number, deadlineMs: number): Promise<Reply> {
    const extras = Buffer.allocUnsafe(4)
    extras.writeUInt32BE(ttlSeconds, 0)
    return this.#submit({ opcode: opcodes.touch, key, extras, value: empty, read: readHead }, deadlineMs)
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

  close(): void {
    this.#link.close()
  }

  #submit(request: Omit<BinaryRequest, 'deadlineAt' | 'settle'>, deadlineMs: number): Promise<Reply> {
    return this.#link.submit(deadlineMs, (connection, deadlineAt, settle) => {
      connection.submit({ ...request, deadlineAt, settle })
    })
  }
}

/** The answers of the binary protocol in the words of the meta protocol, which says more. */
function readValue({ header, extras, val }: Response): Reply {
  if (header.status === status.notFound) return { ...bare, code: 'EN' }
  if (header.status !== status.ok) return refused(header.status, val)
  const flags = extras.length >= 4 ? extras.readUInt32BE(0) : 0
  // Copied: it is a view into a buffer that holds the answers beside it as well.
  return { ...bare, code: 'VA', cas: casText(header.cas), flags, value: Buffer.from(val) }
}

function readHead({ header, val }: Response): Reply {
  if (header.status === status.notFound) return { ...bare, code: 'EN' }
  return header.status === status.ok ? { ...bare, cas: casText(header.cas) } : refused(header.status, val)
}

/** Of a set without a cas: refused by what is there, or by nothing being there. */
function readStored({ header, val }: Response): Reply {
  if (header.status === status.ok) return { ...bare, cas: casText(header.cas) }
  const isRefused = [status.notFound, status.exists, status.notStored].some((each) => each === header.status)
  return isRefused ? { ...bare, code: 'NS' } : refused(header.status, val)
}

function readSwapped({ header, val }: Response): Reply {
  if (header.status === status.ok) return { ...bare, cas: casText(header.cas) }
  if (header.status === status.notFound) return { ...bare, code: 'NF' }
  return header.status === status.exists ? { ...bare, code: 'EX' } : refused(header.status, val)
}

const refused = (code: number, text: Buffer): Reply => ({
  ...bare,
  code: 'SERVER_ERROR',
  text: `${code} ${text.toString('latin1')}`,
})

/** The type of memjs' header says number; it is a view of eight bytes. */
const casText = (cas: unknown): string => (cas as Buffer).readBigUInt64BE(0).toString()

function casBytes(cas: string): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(BigInt(cas), 0)
  return bytes
}
