import { answer, head, host, type Line, send, type WireCase } from '../wire-case.ts'

const ask = (...more: string[]) =>
  head('POST /talk/up HTTP/1.1', host, 'Content-Length: 3', 'Expect: 100-continue', ...more)
const fine = answer('200 OK', 'fine', 'Connection: close')

async function asking(line: Line) {
  const client = await line.client()
  await client.send(ask())
  return { client, origin: await line.origin() }
}

export const expectations: readonly WireCase[] = [
  {
    name: 'Expect: what the service reads',
    request: send('POST', 'abc', 'Expect: 100-continue'),
    answer: answer('200 OK', 'fine'),
  },
  {
    name: 'Expect: the client waits for 100 and gets its real answer',
    talk: async (line) => {
      const { client, origin } = await asking(line)
      const expects = /\r\nexpect:/i.test(await origin.head())
      await origin.send(expects ? head('HTTP/1.1 100 Continue') : '')
      const interim = await client.head()
      await client.send('abc')
      const body = await origin.bytes(3)
      await origin.send(fine)
      const final = await client.until('fine')
      return [interim.slice(0, 12), body, final.slice(0, 12)]
    },
  },
  {
    name: 'Expect: a client that does not wait',
    talk: async (line) => {
      const client = await line.client()
      await client.send(`${ask()}abc`)
      const origin = await line.origin()
      await origin.head()
      const body = await origin.bytes(3)
      await origin.send(fine)
      const final = await client.until('fine')
      return [body, /HTTP\/1\.1 200/.exec(final)?.[0] ?? final]
    },
  },
  {
    name: 'Expect: an origin that refuses without the body',
    talk: async (line) => {
      const { client, origin } = await asking(line)
      await origin.head()
      await origin.send(answer('401 Unauthorized', 'no', 'Connection: close'))
      const text = await client.until(/\r\n\r\nno$/)
      return [/HTTP\/1\.1 401[^\r]*/.exec(text)?.[0] ?? text]
    },
  },
]
