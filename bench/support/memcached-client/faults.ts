import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { startMemcached } from '../../../test/support/servers.ts'
import type { BenchClient, OpenClient } from './bench-clients.ts'

export interface FrozenRun {
  readonly asked: number
  /** Ended while the server was frozen. */
  readonly ended: number
  readonly longestMs: number
}

const frozenDeadlineMs = 100
const everyMs = 20

/** A get each 20 ms while the server stands still (SIGSTOP), with a deadline of 100 ms. */
export async function whileFrozen(open: OpenClient, frozenMs: number): Promise<FrozenRun> {
  const memcached = await startMemcached()
  const client = await open(memcached.port, frozenDeadlineMs)
  await client.set('k', Buffer.from('value'))
  await memcached.process.freeze()
  const until = performance.now() + frozenMs
  const gets: Promise<unknown>[] = []
  let ended = 0
  let longestMs = 0
  while (performance.now() < until) {
    const startedAt = performance.now()
    gets.push(
      client.get('k').then(() => {
        ended++
        longestMs = Math.max(longestMs, performance.now() - startedAt)
      }),
    )
    await pause(everyMs)
  }
  // The last ones have their time, too.
  await pause(frozenDeadlineMs * 1.5)
  const run = { asked: gets.length, ended }
  memcached.process.signal('SIGCONT')
  await Promise.race([Promise.all(gets), pause(2_000)])
  client.close()
  await memcached.process.stop('SIGKILL')
  await memcached.stop()
  return { ...run, longestMs: Math.max(longestMs, run.ended < run.asked ? frozenMs : 0) }
}

/** How many of the next gets have the right value, after an answer was cut in its middle and the server is well again. */
export async function afterCut(open: OpenClient, gets: number): Promise<number> {
  await using memcached = await startMemcached()
  await using between = await relay(memcached.port)
  const client = await open(between.port, 200)
  const value = Buffer.alloc(500, 'value.')
  await client.set('k', value)
  between.cutNextAnswerAfter(100)
  await bounded(client.get('k'))
  let right = 0
  for (let i = 0; i < gets; i++) {
    const found = await bounded(client.get('k'))
    if (Buffer.isBuffer(found) && found.equals(value)) right++
    else await pause(20)
  }
  client.close()
  return right
}

/** How long a get takes whose connection is closed in good order before its answer, ms; at most three seconds. */
export async function afterClose(open: OpenClient): Promise<number> {
  await using memcached = await startMemcached()
  await using between = await relay(memcached.port)
  const client = await open(between.port, 30_000)
  await client.set('k', Buffer.from('value'))
  between.closeAtNextRequest()
  const startedAt = performance.now()
  await bounded(client.get('k'), 3_000)
  client.close()
  return performance.now() - startedAt
}

async function bounded(get: ReturnType<BenchClient['get']>, ms = 1_000): Promise<Buffer | string> {
  return Promise.race([get, pause(ms).then(() => 'hanging')])
}

/** Between a client and its server: spoils one answer when told to, and then never again. */
async function relay(targetPort: number) {
  const sockets = new Set<Socket>()
  let cutAfter: number | undefined
  let closes = false
  const server = createServer((client) => {
    const target = connect({ host: '127.0.0.1', port: targetPort, noDelay: true })
    for (const each of [client, target]) {
      sockets.add(each)
      each.on('error', () => each.destroy())
    }
    client.on('data', (chunk) => {
      if (closes) {
        closes = false
        client.end()
        target.destroy()
      } else target.write(chunk)
    })
    target.on('data', (chunk) => {
      if (cutAfter === undefined) client.write(chunk)
      else {
        const passed = chunk.subarray(0, cutAfter)
        cutAfter = undefined
        client.write(passed, () => client.resetAndDestroy())
        target.destroy()
      }
    })
    client.on('close', () => target.destroy())
    target.on('close', () => client.end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    cutNextAnswerAfter: (bytes: number): void => {
      cutAfter = bytes
    },
    closeAtNextRequest: (): void => {
      closes = true
    },
    [Symbol.asyncDispose]: async (): Promise<void> => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
