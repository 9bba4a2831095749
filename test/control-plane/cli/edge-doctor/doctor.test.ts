import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import type { Client } from '../../../../control-plane/api-client/client.ts'
import { Doctor } from '../../../../control-plane/cli/edge-doctor/doctor.ts'

const options = { origins: new Map<string, URL>(), bodyBytes: 1 }

/** A control plane whose words tell which they are, and a server that keeps the heads that it gets. */
async function bed(answer: string) {
  let given = 0
  const heads: string[] = []
  const client = {
    echoWords: async () => {
      given++
      return { header: 'x-tidegate-echo', words: { plain: `word-${given}` }, now: 1_000, expiresAt: 301_000 }
    },
  } as unknown as Client
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', (chunk) => {
      heads.push(chunk.toString('latin1'))
      socket.end(answer)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const clock = new HeldClock(1_000)
  const doctor = await Doctor.begin({ url, host: 'api.example.com', ca: undefined }, client, clock, options)
  return {
    doctor,
    clock,
    heads,
    [Symbol.asyncDispose]: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}

describe('a doctor', () => {
  it('takes new words before the old ones end', async () => {
    await using at = await bed('HTTP/1.1 204 No Content\r\n\r\n')

    await at.doctor.echo({})
    at.clock.advance(4 * 60_000 + 1)
    await at.doctor.echo({})

    expect(at.heads.map((head) => /x-tidegate-echo: (.*)\r/.exec(head)?.[1])).toEqual(['word-1', 'word-1', 'word-2'])
  })

  it('asks nothing more of whoever did not answer the plainest question', async () => {
    await using at = await bed('')

    const replies = [await at.doctor.echo({ method: 'PUT' }), await at.doctor.echo({ behaviour: 'sse' })]

    expect(replies.map(({ kind }) => kind)).toEqual(['silence', 'silence'])
    expect(at.heads).toHaveLength(1)
  })

  it('sends the host, the target and the fields as they are', async () => {
    await using at = await bed('HTTP/1.1 204 No Content\r\n\r\n')

    await at.doctor.ask({
      method: 'POST',
      target: '/a//b',
      body: Buffer.from('abc'),
      times: 2,
      fields: [['Cookie', 'a=1']],
    })

    const sent = at.heads.at(-1) ?? ''
    expect(sent).toMatch(/^POST \/a\/\/b HTTP\/1\.1\r\nHost: api\.example\.com\r\n/)
    expect(sent).toMatch(/\r\nContent-Length: 6\r\nCookie: a=1\r\n\r\n/)
  })
})
