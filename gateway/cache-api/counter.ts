/** Memcached's arithmetic: a decimal text of an unsigned 64-bit number. */

const modulus = 1n << 64n
/** What `strtoull` takes, by which memcached reads: white space before it, and the end, white space or a zero byte behind it. */
const decimalText = /^[\t-\r ]*\+?(\d+)(?:[\t-\r \0]|$)/
const lengthLimit = 1_024

/** The number that a value is; undefined: it is none. */
export function readCounter(value: Buffer): bigint | undefined {
  // What stands behind the number is passed over, however long: a large value need not become a text.
  const digits = decimalText.exec(value.toString('latin1', 0, lengthLimit))?.[1]
  if (digits === undefined) return undefined
  const number = BigInt(digits)
  return number < modulus ? number : undefined
}

/** Up it goes round at 2^64, down it stops at 0. */
export function count(value: bigint, by: bigint): bigint {
  if (by >= 0n) return (value + by) % modulus
  return value > -by ? value + by : 0n
}

/** `length`: of what it replaces; a shorter number is filled up with spaces, as memcached writes it in place. */
export function counterText(value: bigint, length = 0): Buffer {
  return Buffer.from(String(value).padEnd(length), 'latin1')
}

export const isCounterStep = (by: bigint): boolean => by > -modulus && by < modulus
