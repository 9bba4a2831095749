import { get, head, type Line, type WireCase } from '../wire-case.ts'

const tickMs = 50
const ticks = 6
const opening = head(
  'HTTP/1.1 200 OK',
  'Content-Type: text/event-stream',
  'Transfer-Encoding: chunked',
  'Connection: close',
)
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
const last = '0\r\n\r\n'

async function begin(line: Line) {
  const client = await line.client()
  await client.send(get('/talk/events', 'Accept: text/event-stream'))
  const origin = await line.origin()
  await origin.head()
  await origin.send(opening)
  await client.head()
  return { client, origin }
}

export const events: readonly WireCase[] = [
  {
    name: 'events one by one: the next is sent when the one before has come',
    talk: async (line) => {
      const { client, origin } = await begin(line)
      const came: string[] = []
      for (let at = 0; at < 10; at++) {
        await origin.send(chunk(`id: ${at}\ndata: x\n\n`))
        came.push(/id: .*/.exec(await client.until('data: x\n\n'))?.[0] ?? 'no event')
      }
      await origin.send(last)
      await client.until(last)
      return came
    },
  },
  {
    name: 'an event stream, tick by tick',
    talk: async (line) => {
      const { client, origin } = await begin(line)
      let at = 0
      const timer = setInterval(() => {
        void origin.send(chunk(`data: ${at}\n\n`)).then(() => (at === ticks ? origin.send(last) : undefined))
        if (++at === ticks) clearInterval(timer)
      }, tickMs)
      const gaps: number[] = []
      let before: number | undefined
      for (let tick = 0; tick < ticks; tick++) {
        await client.until(`data: ${tick}\n\n`)
        const now = performance.now()
        if (before !== undefined) gaps.push(now - before)
        before = now
      }
      await client.until(last)
      const sorted = gaps.toSorted((a, b) => a - b)
      line.note(`gaps of ${tickMs} ms ticks ${Math.round(sorted[0] ?? 0)}-${Math.round(sorted.at(-1) ?? 0)} ms`)
      // A busy machine may stretch one gap; what is buffered has none but one.
      const middle = sorted[sorted.length >> 1] ?? 0
      return [`${ticks} ticks`, middle > tickMs / 2 ? 'apart' : 'together']
    },
  },
]
