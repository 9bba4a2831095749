import { answer, get, head, host, type WireCase } from '../wire-case.ts'
import type { WireEnd } from '../wire-end.ts'

const request = `${head('POST /talk/slow HTTP/1.1', host, 'X-Slow: yes', 'Content-Length: 6')}slowly`
const fine = answer('200 OK', 'at last', 'Connection: close')

/** Each byte alone, the next when the one before has left. */
async function trickle(end: WireEnd, bytes: string): Promise<void> {
  for (const byte of bytes) {
    await end.send(byte)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

export const slowness: readonly WireCase[] = [
  {
    name: 'a request that comes byte by byte',
    talk: async (line) => {
      const client = await line.client()
      await trickle(client, request)
      const origin = await line.origin()
      await origin.head()
      const body = await origin.bytes(6)
      await origin.send(fine)
      return [body, await client.until('at last').then((text) => text.slice(0, 15))]
    },
  },
  {
    name: 'an answer that comes byte by byte',
    talk: async (line) => {
      const client = await line.client()
      await client.send(get('/talk/slow'))
      const origin = await line.origin()
      await origin.head()
      await trickle(origin, fine)
      return [(await client.until('at last')).slice(0, 15)]
    },
  },
  {
    name: 'a body one byte a second, each byte as it comes',
    talk: async (line) => {
      const client = await line.client()
      await client.send(request.slice(0, -6))
      const origin = await line.origin()
      await origin.head()
      const came: string[] = []
      for (const letter of 'slowly') {
        await client.send(letter)
        came.push(await origin.bytes(1))
        await new Promise((resolve) => setTimeout(resolve, line.secondMs))
      }
      await origin.send(fine)
      await client.until('at last')
      return came
    },
  },
]
