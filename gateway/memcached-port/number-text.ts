/**
 * Numbers as memcached reads them, which is as C does: white space and a sign may stand before, only white space may stand
 * behind, what does not fit into 64 bits is none, and what is wanted in 32 bits is cut to them.
 */

const form = /^[ \t\n\v\f\r]*([+-]?)(\d+)(?:[ \t\n\v\f\r]|$)/
const largestUnsigned = (1n << 64n) - 1n
const largestSigned = (1n << 63n) - 1n
const smallestSigned = -(1n << 63n)
/** Of the largest; more are no number, and are not computed: a retrieval's word may be a megabyte, a third of a second's work. */
const mostDigits = 20
/** So many digits are exact in a double, and in 31 bits. */
const plainDigits = 9

/** Undefined: no number of 64 bits, or below 0. */
export function readUnsigned64(text: string): bigint | undefined {
  const plain = plainNumber(text)
  if (plain >= 0) return BigInt(plain)
  const [, sign, digits] = form.exec(text) ?? []
  if (digits === undefined) return undefined
  const size = sizeOf(digits)
  if (size === undefined || size > largestUnsigned) return undefined
  if (sign !== '-') return size
  // C gives -1 as 2^64 - 1; memcached refuses a minus only where the result looks negative in turn.
  const wrapped = BigInt.asUintN(64, -size)
  return wrapped > largestSigned ? undefined : wrapped
}

/** 32 bits without a sign: client flags. */
export function readUnsigned32(text: string): number | undefined {
  const plain = plainNumber(text)
  if (plain >= 0) return plain
  const whole = readUnsigned64(text)
  return whole === undefined ? undefined : Number(BigInt.asUintN(32, whole))
}

/** 32 bits with a sign: times to live and lengths. */
export function readSigned32(text: string): number | undefined {
  const plain = plainNumber(text)
  if (plain >= 0) return plain
  const [, sign, digits] = form.exec(text) ?? []
  if (digits === undefined) return undefined
  const size = sizeOf(digits)
  if (size === undefined) return undefined
  const value = sign === '-' ? -size : size
  return value > largestSigned || value < smallestSigned ? undefined : Number(BigInt.asIntN(32, value))
}

/** Undefined: more than fits into 64 bits. */
function sizeOf(digits: string): bigint | undefined {
  const significant = digits.replace(/^0+(?=\d)/, '')
  return significant.length > mostDigits ? undefined : BigInt(significant)
}

/** What almost all numbers are: a few digits and nothing else; -1: something else. */
function plainNumber(text: string): number {
  const { length } = text
  if (length === 0 || length > plainDigits) return -1
  let value = 0
  for (let at = 0; at < length; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}
