import type { Stamp } from '../../../gateway/store/cache-store.ts'

/**
 * A value that tells who wrote it, when, and how long it may live, so that a reader needs nobody's word for it: one wrong
 * byte, a value of another key or one that nobody wrote is found by itself.
 */
export interface Told {
  readonly index: number
  readonly version: Stamp
  /** True Unix ms of its end; 0: none. */
  readonly untilMs: number
}

const poolBytes = 64 * 1024
const pool = Buffer.alloc(poolBytes)
for (let at = 0, word = 1; at < poolBytes; at++) {
  word = (Math.imul(word, 1_103_515_245) + 12_345) & 0x7fffffff
  pool[at] = word >>> 16
}

/** `padding`: bytes behind the words, which follow from the version. */
export function tellValue({ index, version, untilMs }: Told, padding: number): Buffer {
  const words = Buffer.from(`${index} ${version} ${untilMs} ${padding}\n`)
  const from = Number(version % 9973n)
  return Buffer.concat([words, pool.subarray(from, from + Math.min(padding, poolBytes - 10_000))])
}

/** The client's own 32 bits, which follow from the version, too. */
export const toldFlags = (version: Stamp): number => Number((version ^ (version >> 32n)) & 0xffff_ffffn)

/** Undefined: nobody wrote this. */
export function hearValue(value: Buffer, flags: number): Told | undefined {
  const end = value.indexOf(10)
  const words = /^(\d+) (\d+) (\d+) (\d+)$/.exec(value.toString('latin1', 0, Math.max(0, end)))
  if (words === null) return undefined
  const told = { index: Number(words[1]), version: BigInt(words[2] ?? 0), untilMs: Number(words[3]) }
  const isWhole = tellValue(told, Number(words[4])).equals(value) && toldFlags(told.version) === flags
  return isWhole ? told : undefined
}
