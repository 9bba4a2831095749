/** The first byte of a binary request. */
export const binaryMagic = 0x80
/** Of a binary request, up to and with its opaque. */
export const binaryHeadBytes = 16

const responseMagic = 0x81
/** "Not supported" of the binary protocol. */
const notSupported = 0x0083
const text = Buffer.from('binary protocol is not served; use text or meta')

/** The one answer that a binary client gets: to its own opcode and opaque, so that it can show the text. */
export function refuseBinary(head: Buffer): Buffer {
  const answer = Buffer.alloc(24 + text.length)
  answer[0] = responseMagic
  answer[1] = head[1] ?? 0
  answer.writeUInt16BE(notSupported, 6)
  answer.writeUInt32BE(text.length, 8)
  head.copy(answer, 12, 12, binaryHeadBytes)
  text.copy(answer, 24)
  return answer
}
