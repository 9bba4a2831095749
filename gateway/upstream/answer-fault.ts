/**
 * What is wrong with the head of a service's answer that the parser let through; undefined = nothing. An answer that two
 * readers could end at two places is nobody's answer, and its connection is not used again. RFC 9112 sections 6.1 and 11.1.
 */
export function answerFault(status: number, raw: readonly Buffer[]): string | undefined {
  // 101 comes here only when nobody asked for another protocol.
  if (status < 200 || status > 599) return 'a status that is none'
  let codings = 0
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as Buffer
    if (name.length !== coding.length || name.toString('latin1').toLowerCase() !== coding) continue
    // The parser undoes `chunked` and no other: with its name taken off, a coded body would pass for a plain one.
    if (++codings > 1 || (raw[at + 1] as Buffer).toString('latin1').trim().toLowerCase() !== 'chunked') {
      return 'a transfer coding other than chunked'
    }
  }
  return undefined
}

const coding = 'transfer-encoding'
