/** Latency without queues: one connection, one request at a time, as exact bytes; next to nothing of it is the client. */
import { once } from 'node:events'
import { connect } from 'node:net'

/** Ms from the first byte written to the last one read, one each, for `forMs`. Throws for an answer that is no whole 200. */
export async function timesOnOneConnection(port: number, request: Buffer, forMs: number): Promise<number[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const times: number[] = []
  const until = performance.now() + forMs
  try {
    await new Promise<void>((resolve, reject) => {
      let received = ''
      let sentAt = performance.now()
      const fail = (reason: string) => reject(new Error(`${reason} from port ${port}: ${received.slice(0, 300)}`))
      socket.once('error', reject).once('close', () => fail('the connection ended'))
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1')
        const whole = wholeLength(received)
        if (whole === undefined || received.length < whole) return
        const now = performance.now()
        if (!received.startsWith('HTTP/1.1 200 ') || received.length > whole) return fail('no plain answer')
        times.push(now - sentAt)
        if (now >= until) return resolve()
        received = ''
        sentAt = performance.now()
        socket.write(request)
      })
      socket.write(request)
    })
  } finally {
    socket.destroy()
  }
  return times
}

/** Of head and body; undefined while the head is not there. Every contender sends a length. */
function wholeLength(received: string): number | undefined {
  const head = received.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  return head + 4 + Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(received)?.[1])
}
