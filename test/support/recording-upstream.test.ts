import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { eventually } from './eventually.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from './recording-upstream.ts'

async function open(upstream: RecordingUpstream): Promise<{ socket: Socket; heard: () => string }> {
  const socket = connect(upstream.port, '127.0.0.1')
  let heard = ''
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1')
  })
  await once(socket, 'connect')
  return { socket, heard: () => heard }
}

describe('the recording upstream', () => {
  it('keeps the exact bytes, however they come, and answers the exact bytes', async () => {
    await using upstream = await startRecordingUpstream((_, number) => ({
      bytes: `HTTP/1.1 20${number} X\r\nOdd :1\r\n\r\n`,
    }))
    const { socket, heard } = await open(upstream)
    const first = 'POST /a%2F..;b HTTP/1.1\r\nhOST: x\r\nContent-Length: 5\r\n\r\n'
    const second = 'PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n'

    for (const byte of `${first}hello${second}`) socket.write(byte, 'latin1')
    const request = await upstream.received(2)
    await eventually(() => request.complete && heard().includes('202'))

    expect(upstream.requests.map(({ head, body }) => head + body.toString('latin1'))).toEqual([`${first}hello`, second])
    expect(heard()).toBe('HTTP/1.1 201 X\r\nOdd :1\r\n\r\nHTTP/1.1 202 X\r\nOdd :1\r\n\r\n')
    expect(upstream.connections).toBe(1)
  })

  it('serves an ordinary client', async () => {
    await using upstream = await startRecordingUpstream(() => ok('hello', ['x-a: 1']))

    const answer = await fetch(`${upstream.url}/path`, { method: 'POST', body: 'abc' })

    expect([answer.status, answer.headers.get('x-a'), await answer.text()]).toEqual([200, '1', 'hello'])
    expect(upstream.requests[0]?.body.toString()).toBe('abc')
  })

  it('can answer before the body has come, break off, and see a client break off', async () => {
    await using upstream = await startRecordingUpstream(() => ({ bytes: 'HTTP/1.1 100', after: 'reset' }), {
      answerAt: 'head',
    })
    const { socket, heard } = await open(upstream)

    socket.write('POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf')
    await eventually(() => socket.destroyed)

    expect(heard()).toBe('HTTP/1.1 100')
    expect(await upstream.received(1)).toMatchObject({ complete: false, aborted: true })
  })
})
