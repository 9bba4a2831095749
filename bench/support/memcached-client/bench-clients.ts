import { connect } from 'node:net'
import { Client } from 'memjs'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { MetaNode } from '../../../gateway/store/meta-node.ts'
import { type Answer, MetaParser, metaGet, metaSet } from '../../../gateway/store/meta-protocol.ts'
import type { Reply } from '../../../gateway/store/store-node.ts'

/** A client of one memcached as the measurements see it. */
export interface BenchClient {
  readonly name: string
  get(key: string): Promise<Buffer | 'absent' | 'failed'>
  set(key: string, value: Buffer): Promise<boolean>
  delete(key: string): Promise<boolean>
  close(): void
}

export type OpenClient = (port: number, deadlineMs: number) => Promise<BenchClient>

const host = '127.0.0.1'
const none = Buffer.alloc(0)

export const openOurs: OpenClient = async (port, deadlineMs) => {
  const node = new MetaNode({ host, port }, { clock: systemClock, random: systemRandom, log: silentLog })
  await node.opened
  const plain = { ttlSeconds: 600, flags: 0 }
  return {
    name: 'Tidegate',
    get: (key) => node.get(key, 'v t', deadlineMs).then(read),
    set: (key, value) => node.set(key, none, value, plain, deadlineMs).then(({ code }) => code === 'HD'),
    delete: (key) => node.delete(key, undefined, deadlineMs).then(({ code }) => code === 'HD'),
    close: () => node.close(),
  }
}

function read(reply: Reply): Buffer | 'absent' | 'failed' {
  if (reply.code === 'VA' && reply.value !== undefined) return reply.value
  return reply.code === 'EN' ? 'absent' : 'failed'
}

export const openMemjs: OpenClient = async (port, deadlineMs) => {
  const quiet = { log: () => undefined }
  const client = Client.create(`${host}:${port}`, { timeout: deadlineMs / 1000, retries: 1, logger: quiet })
  await client.get('nobody')
  // A callback that throws would end the process: all that goes wrong is one word.
  return {
    name: 'memjs 1.3.2',
    get: (key) =>
      client.get(key).then(
        ({ value }) => value ?? 'absent',
        () => 'failed',
      ),
    set: (key, value) => client.set(key, value, { expires: 600 }).catch(() => false),
    delete: (key) => client.delete(key).catch(() => false),
    close: () => client.close(),
  }
}

/**
 * Negative control: as small and as fast as any, with the deadline that many clients have: a timer of the socket, which starts
 * again with each write.
 */
export const openCareless: OpenClient = async (port, deadlineMs) => {
  const waiting = new Map<number, (answer: Answer | undefined) => void>()
  let opaque = 0
  let socket = open()
  function open() {
    const parser = new MetaParser(2 ** 23, (answer) => {
      waiting.get(answer.opaque)?.(answer)
      waiting.delete(answer.opaque)
    })
    const opened = connect({ host, port, noDelay: true })
    opened.on('data', (chunk) => parser.push(chunk))
    opened.on('error', () => opened.destroy())
    opened.setTimeout(deadlineMs, () => {
      if (waiting.size === 0) return
      opened.destroy()
      for (const settle of waiting.values()) settle(undefined)
      waiting.clear()
      socket = open()
    })
    return opened
  }
  const ask = (write: (opaque: number) => void): Promise<Answer | undefined> =>
    new Promise((resolve) => {
      waiting.set(++opaque, resolve)
      write(opaque)
    })
  return {
    name: 'deadline of the socket',
    get: async (key) => {
      const answer = await ask((id) => socket.write(metaGet(key, 'v', id)))
      return answer === undefined ? 'failed' : (answer.value ?? 'absent')
    },
    set: async (key, value) => {
      const flags = { ttlSeconds: 600, flags: 0 }
      const answer = await ask((id) =>
        socket.write(Buffer.concat([Buffer.from(metaSet(key, value.length, flags, id)), value, Buffer.from('\r\n')])),
      )
      return answer?.code === 'HD'
    },
    delete: async () => false,
    close: () => socket.destroy(),
  }
}
