import { answer, get, head, host, type WireCase } from '../wire-case.ts'

const partly = `${head('HTTP/1.1 200 OK', 'Content-Length: 10', 'Connection: close')}half`
const partOfChunks = `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Connection: close')}4\r\nhalf\r\n`
const fine = answer('200 OK', 'fine', 'Connection: close')
const upload = `${head('POST /talk/up HTTP/1.1', host, 'Content-Length: 10')}half`

export const aborts: readonly WireCase[] = [
  {
    name: 'a client that resets before the answer',
    talk: async (line) => {
      const client = await line.client()
      await client.send(get('/talk/late'))
      const origin = await line.origin()
      await origin.head()
      client.reset()
      return [`the origin sees it: ${await origin.leaves()}`]
    },
    instead: { as: 'reset-told-as-end', saw: ['the origin sees it: ended'] },
  },
  {
    // What is left for after the answer keeps a request alive: then only its signal tells that nobody waits (D17).
    name: 'a client that resets while a copy of its request is under way',
    talk: async (line) => {
      const client = await line.client()
      await client.send(get('/copied/late'))
      const origin = await line.origin()
      await origin.head()
      client.reset()
      return [`the origin sees it: ${await origin.leaves()}`]
    },
    instead: { as: 'reset-told-as-end', saw: ['the origin sees it: ended'] },
  },
  {
    name: 'a client that ends before the answer',
    talk: async (line) => {
      const client = await line.client()
      await client.send(get('/talk/late'))
      const origin = await line.origin()
      await origin.head()
      client.end()
      const seen = await Promise.race([origin.leaves(), quiet()])
      await origin.send(fine)
      return [`the origin sees: ${seen}`, (await client.until('fine')).slice(-4)]
    },
    instead: { as: 'leaving-by-fin', saw: ['the origin sees: nothing', 'fine'] },
  },
  {
    name: 'a client that resets in its download',
    talk: async (line) => {
      const client = await line.client()
      await client.send(get('/talk/down'))
      const origin = await line.origin()
      await origin.head()
      await origin.send(partly)
      await client.until('half')
      client.reset()
      return [`the origin sees it: ${await origin.leaves()}`]
    },
    instead: { as: 'reset-told-as-end', saw: ['the origin sees it: ended'] },
  },
  {
    name: 'a client that resets in its upload',
    talk: async (line) => {
      const client = await line.client()
      await client.send(upload)
      const origin = await line.origin()
      await origin.until('half')
      client.reset()
      return [`the origin sees it: ${await origin.leaves()}`]
    },
    instead: { as: 'reset-told-as-end', saw: ['the origin sees it: ended'] },
  },
  {
    name: 'a client that ends in its upload',
    talk: async (line) => {
      const client = await line.client()
      await client.send(upload)
      const origin = await line.origin()
      await origin.until('half')
      client.end()
      return [`the origin sees it: ${await origin.leaves()}`]
    },
  },
  ...[
    { what: 'a body of a length', bytes: partly },
    { what: 'a body in chunks', bytes: partOfChunks },
  ].flatMap(({ what, bytes }): WireCase[] =>
    (['reset', 'end'] as const).map((how) => ({
      name: `an origin that ${how === 'reset' ? 'resets' : 'ends'} in ${what}`,
      talk: async (line) => {
        const client = await line.client()
        await client.send(get('/talk/down'))
        const origin = await line.origin()
        await origin.head()
        await origin.send(bytes)
        await client.until('half')
        origin[how]()
        const { text, left } = await client.rest()
        return [`not whole: ${!text.includes('0\r\n\r\n')}`, `the client sees it: ${left}`]
      },
      ...(how === 'reset' && {
        instead: { as: 'reset-told-as-end', saw: ['not whole: true', 'the client sees it: ended'] },
      }),
    })),
  ),
  {
    name: 'an origin that resets before its answer',
    talk: async (line) => {
      const client = await line.client()
      await client.send(`${upload}andmor`)
      const origin = await line.origin()
      await origin.until('andmor')
      origin.reset()
      const status = await client.head().then(statusOf, () => 'none')
      return [`status: ${status}`, `delivered: ${line.connections} time`]
    },
    instead: { as: 'origin-broken', saw: ['status: 502', 'delivered: 1 time'] },
  },
  {
    name: 'an origin that answers before it has read the upload, and closes',
    talk: async (line) => {
      const client = await line.client()
      await client.send(upload)
      const origin = await line.origin()
      await origin.until('half')
      await origin.send(answer('413 Content Too Large', 'too much', 'Connection: close'))
      const text = await client.until('too much')
      return [statusOf(text)]
    },
  },
]

function statusOf(text: string): string {
  return text.split(' ', 2)[1] ?? ''
}

/** That nothing comes can only be waited for: a FIN over loopback takes less than a millisecond. */
function quiet(): Promise<string> {
  return new Promise((resolve) => setTimeout(() => resolve('nothing'), 150))
}
