import { eventually } from '../../support/eventually.ts'
import { get, head, host, type Line, type WireCase } from '../wire-case.ts'
import type { WireEnd } from '../wire-end.ts'

const mebibyte = 1024 * 1024
/** What an edge may hold of a stream, however long it is: a few buffers, and no body. */
const mostGrowthBytes = 48 * mebibyte
/** What two sockets' buffers and the edge between them may take of a stream that nobody reads. */
const mostTakenBytes = 24 * mebibyte
const heldBytes = 2 * mostTakenBytes
const heldBack = 'held back'

const upload = (count: number) => head('PUT /talk/stream HTTP/1.1', host, `Content-Length: ${count}`)
const done = head('HTTP/1.1 200 OK', 'Content-Length: 0', 'Connection: close')
const download = (count: number) => head('HTTP/1.1 200 OK', `Content-Length: ${count}`, 'Connection: close')

async function uploading(line: Line, count: number) {
  const client = await line.client()
  await client.send(upload(count))
  const origin = await line.origin()
  await origin.head()
  return { client, origin }
}

async function downloading(line: Line, count: number) {
  const client = await line.client()
  await client.send(get('/talk/stream'))
  const origin = await line.origin()
  await origin.head()
  await origin.send(download(count))
  await client.head()
  return { client, origin }
}

/** Both ends' digests, and what the edge held meanwhile. */
async function streamed(line: Line, from: WireEnd, to: WireEnd): Promise<string[]> {
  let digests: string[] = []
  const startedAt = performance.now()
  const { growth, most } = await line.memoryDuring(async () => {
    digests = await Promise.all([from.pour(line.streamBytes), to.digest(line.streamBytes)])
  })
  const seconds = (performance.now() - startedAt) / 1000
  const held = most === 0 ? '' : `, ${inMebibytes(most)} resident (+${inMebibytes(growth)})`
  line.note(`${inMebibytes(line.streamBytes)} in ${seconds.toFixed(1)} s${held}`)
  return [
    digests[0] === digests[1] ? 'the same bytes' : 'other bytes',
    growth < mostGrowthBytes ? 'streamed' : `held ${growth} bytes`,
  ]
}

/** How much of a stream is taken while nobody reads it: it stands still, and the rest stays with its sender. */
async function takenOf(sender: WireEnd): Promise<string> {
  let before = -1
  await eventually(
    () => {
      const still = sender.sent === before
      before = sender.sent
      return still && before > 0
    },
    { everyMs: 150, what: 'the sender being held back' },
  )
  return before < mostTakenBytes ? heldBack : `${before} bytes taken`
}

const inMebibytes = (bytes: number) => `${Math.round(bytes / mebibyte)} MiB`

export const streams: readonly WireCase[] = [
  {
    name: 'a long upload',
    talk: async (line) => {
      const { client, origin } = await uploading(line, line.streamBytes)
      const saw = await streamed(line, client, origin)
      await origin.send(done)
      return [...saw, (await client.head()).slice(0, 15)]
    },
  },
  {
    name: 'a long download',
    talk: async (line) => {
      const { client, origin } = await downloading(line, line.streamBytes)
      return streamed(line, origin, client)
    },
  },
  {
    name: 'a slow reader of a download holds its origin back',
    talk: async (line) => {
      const { client, origin } = await downloading(line, heldBytes)
      const pouring = origin.pour(heldBytes)
      const taken = await takenOf(origin)
      if (taken !== heldBack) return [taken]
      const [sent, got] = await Promise.all([pouring, client.digest(heldBytes)])
      return [taken, sent === got ? 'the same bytes' : 'other bytes']
    },
  },
  {
    name: 'a slow reader of an upload holds its client back',
    talk: async (line) => {
      const { client, origin } = await uploading(line, heldBytes)
      const pouring = client.pour(heldBytes)
      const taken = await takenOf(client)
      if (taken !== heldBack) return [taken]
      const [sent, got] = await Promise.all([pouring, origin.digest(heldBytes)])
      await origin.send(done)
      return [taken, sent === got ? 'the same bytes' : 'other bytes']
    },
  },
  {
    name: 'both ways at once, byte for byte as they come',
    talk: async (line) => {
      const { client, origin } = await uploading(line, 5)
      await origin.send(download(5))
      await client.head()
      const came: string[] = []
      for (const letter of 'abcde') {
        await client.send(letter)
        came.push(await origin.bytes(1))
        await origin.send(letter.toUpperCase())
        came.push(await client.bytes(1))
      }
      return came
    },
  },
]
