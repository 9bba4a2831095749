/** A text in which each character is one byte: requests come so, and texts of operators are made so to be compared. */

/** The bytes that a percent-encoded text stands for. A `%` that begins no pair of hex digits stays. Total. */
export function percentDecoded(text: string): string {
  let decoded = ''
  let copied = 0
  for (let at = text.indexOf('%'); at >= 0; at = text.indexOf('%', at + 1)) {
    const pair = text.slice(at + 1, at + 3)
    if (!/^[0-9A-Fa-f]{2}$/.test(pair)) continue
    decoded += text.slice(copied, at) + String.fromCharCode(Number.parseInt(pair, 16))
    copied = at + 3
    // Behind the pair: `%2541` is `%41`, and decoded once only.
    at += 2
  }
  return copied === 0 ? text : decoded + text.slice(copied)
}

/** The UTF-8 bytes of what a person wrote. */
export function byteText(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}
