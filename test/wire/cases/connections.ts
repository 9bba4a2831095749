import { answer, get, head, host, type WireCase } from '../wire-case.ts'

const numbered = (at: number) => answer('200 OK', `answer ${at}`, `X-At: ${at}`)
const lastAnswer = answer('200 OK', 'the last', 'Connection: close')

export const connections: readonly WireCase[] = [
  {
    name: 'three requests on one connection',
    talk: async (line) => {
      const client = await line.client()
      const saw: string[] = []
      await client.send(get('/talk/0'))
      const origin = await line.origin()
      for (let at = 0; at < 3; at++) {
        if (at > 0) await client.send(get(`/talk/${at}`))
        saw.push((await origin.head()).split('\r\n', 1)[0] ?? '')
        await origin.send(at < 2 ? numbered(at) : lastAnswer)
        saw.push(await client.until(at < 2 ? `answer ${at}` : 'the last').then((text) => text.slice(-8)))
      }
      return [...saw, `${line.connections} connection`]
    },
  },
  {
    name: 'three requests sent before the first answer',
    talk: async (line) => {
      const client = await line.client()
      await client.send(get('/talk/0') + get('/talk/1') + get('/talk/2'))
      const origin = await line.origin()
      const asked: string[] = []
      for (let at = 0; at < 3; at++) {
        asked.push((await origin.head()).split('\r\n', 1)[0] ?? '')
        await origin.send(at < 2 ? numbered(at) : lastAnswer)
      }
      const answers = await client.until('the last')
      return [...asked, ...(answers.match(/answer \d|the last/g) ?? [])]
    },
  },
  {
    name: 'an upload and the next request in one write',
    talk: async (line) => {
      const client = await line.client()
      await client.send(`${head('POST /talk/0 HTTP/1.1', host, 'Content-Length: 3')}one${get('/talk/1')}`)
      const origin = await line.origin()
      await origin.head()
      const body = await origin.bytes(3)
      await origin.send(numbered(0))
      const next = await origin.head()
      await origin.send(lastAnswer)
      await client.until('the last')
      return [body, next.split('\r\n', 1)[0] ?? '']
    },
  },
  {
    name: 'a client that says it will close',
    talk: async (line) => {
      const client = await line.client()
      await client.send(get('/talk/0', 'Connection: close'))
      const origin = await line.origin()
      await origin.head()
      await origin.send(lastAnswer)
      origin.end()
      const { text, left } = await client.rest()
      return [text.slice(-8), left]
    },
  },
  {
    name: 'a client that has said all and still listens',
    talk: async (line) => {
      const client = await line.client()
      await client.send(get('/talk/0'))
      client.end()
      const origin = await line.origin()
      await origin.head()
      await origin.send(lastAnswer)
      return [(await client.until('the last')).slice(0, 15)]
    },
  },
  {
    name: 'a client that has said all in its upload and still listens',
    talk: async (line) => {
      const client = await line.client()
      await client.send(`${head('POST /talk/0 HTTP/1.1', host, 'Content-Length: 3')}one`)
      client.end()
      const origin = await line.origin()
      await origin.head()
      const body = await origin.bytes(3)
      await origin.send(lastAnswer)
      return [body, (await client.until('the last')).slice(0, 15)]
    },
  },
  {
    name: 'an idle connection that the origin has closed is not used again',
    talk: async (line) => {
      const saw: string[] = []
      for (let at = 0; at < 2; at++) {
        const client = await line.client()
        await client.send(`${head('POST /talk/0 HTTP/1.1', host, 'Content-Length: 3')}one`)
        const origin = await line.origin()
        await origin.head()
        await origin.bytes(3)
        await origin.send(numbered(at))
        await client.until(`answer ${at}`)
        origin.end()
        saw.push(`closed: ${await Promise.race([origin.leaves(), client.leaves()])}`)
      }
      return [...saw, `${line.connections} connections`]
    },
  },
  {
    name: 'a connection in use again that the origin resets: its POST is sent once',
    talk: async (line) => {
      const client = await line.client()
      await client.send(get('/talk/0'))
      const origin = await line.origin()
      await origin.head()
      await origin.send(numbered(0))
      await client.until('answer 0')
      await client.send(`${head('POST /talk/1 HTTP/1.1', host, 'Content-Length: 3')}one`)
      await origin.head()
      await origin.bytes(3)
      origin.reset()
      const status = await client.head().then(
        (text) => text.slice(9, 12),
        () => 'none',
      )
      return [`status: ${status}`, `${line.connections} connection`]
    },
    instead: { as: 'origin-broken', saw: ['status: 502', '1 connection'] },
  },
]
