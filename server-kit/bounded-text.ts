/** The body as text; undefined as soon as it is longer than `limitBytes`, whatever its length field says. */
export async function boundedText(answer: Response, limitBytes: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer.body ?? []) {
    length += chunk.length
    if (length > limitBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** What the socket said: fetch wraps `ECONNREFUSED` in "fetch failed". */
export function innermostWords(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return cause.cause === undefined ? cause.message : innermostWords(cause.cause)
}
