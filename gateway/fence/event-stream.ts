/** One event of `text/event-stream`; a comment, such as a ping, is an event without data. */
export interface StreamEvent {
  readonly event: string
  readonly data: string
}

/** Reads server-sent events from bytes. An event longer than `limitChars` ends the stream with `undefined`. */
export async function* events(
  bytes: AsyncIterable<Buffer>,
  limitChars: number,
): AsyncGenerator<StreamEvent | undefined> {
  const decoder = new TextDecoder()
  let waiting = ''
  let searched = 0
  for await (const chunk of bytes) {
    waiting += decoder.decode(chunk, { stream: true })
    for (let end = waiting.indexOf('\n\n', searched); end >= 0; end = waiting.indexOf('\n\n')) {
      yield parse(waiting.slice(0, end))
      waiting = waiting.slice(end + 2)
    }
    // A table is megabytes in small chunks: what was searched once is not searched again.
    searched = Math.max(0, waiting.length - 1)
    if (waiting.length > limitChars) return yield undefined
  }
}

function parse(block: string): StreamEvent {
  let event = ''
  const data: string[] = []
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (colon <= 0) continue
    const value = line.slice(colon + 1).replace(/^ /, '')
    const field = line.slice(0, colon)
    if (field === 'event') event = value
    else if (field === 'data') data.push(value)
  }
  return { event: event === '' ? 'message' : event, data: data.join('\n') }
}
